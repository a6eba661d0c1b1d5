"""Buyers with a browser each: a log-in, a draft that has come to the check page, a connection that stays open."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from importlib import import_module
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.urls import reverse
from django.utils import timezone, translation

from investments.investors.models import Investor
from investments.offerings.models import Document, Fund
from investments.offerings.services import current_terms
from investments.orders.draft import SESSION_KEY as DRAFTS
from investments.orders.draft import Draft
from tests import make

CSRF = "s" * 32


@dataclass
class Rival:
    """One buyer; `forms` are their filled-in check forms, one for each fund."""

    investor: Investor
    session: str
    units: list[int]
    forms: list[dict[str, str]]


@dataclass(frozen=True)
class Answer:
    """What a rival was told in one round: the status, and where to go on."""

    status: int
    location: str
    token: str
    units: int

    @property
    def sold(self) -> bool:
        """Whether the rival was sent to the payment page."""
        return self.status == 302 and self.location.startswith(settings.SANDBOX_URL)


def make_rivals(number: int, funds: Sequence[Fund], units: Sequence[Sequence[int]]) -> list[Rival]:
    """`number` logged-in buyers whose sessions hold a draft of `units[round][rival]` units for each round's fund."""
    offers = []
    for fund in funds:
        terms = current_terms(fund)
        documents = Document.objects.filter(terms=terms, language="en").order_by("pk")
        offers.append((fund, terms, list(documents.values_list("pk", "sha256"))))
    at = timezone.now().isoformat()
    store = import_module(settings.SESSION_ENGINE).SessionStore
    found = []
    for rival in range(number):
        investor = make.make_investor(user=make.make_user(password=make.PASSWORD))
        session, forms = store(), []
        session[SESSION_KEY] = str(investor.user_id)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = investor.user.get_session_auth_hash()
        session[DRAFTS] = {}
        for (fund, terms, documents), wanted in zip(offers, units, strict=True):
            draft = Draft(slug=fund.slug, units=wanted[rival], investor_id=investor.pk, language="en", supporter={})
            draft.accepted = [{"id": pk, "sha256": sha256, "at": at, "ip": "192.0.2.1"} for pk, sha256 in documents]
            session[DRAFTS][fund.slug] = asdict(draft)
            forms.append(
                {
                    "csrfmiddlewaretoken": CSRF,
                    "form_token": draft.token,
                    "shown": draft.fingerprint(terms),
                    "method": "card",
                }
            )
        session.save()
        found.append(Rival(investor, session.session_key, [wanted[rival] for wanted in units], forms))
    return found


def check_url(fund: Fund) -> str:
    """The address of the check page."""
    with translation.override("en"):
        return reverse("investments:check", args=[fund.slug])


def _send(client: HTTPConnection, rival: Rival, number: int, url: str) -> Answer:
    """A rival sends the form of one round."""
    headers = {
        "Cookie": f"{settings.SESSION_COOKIE_NAME}={rival.session}; {settings.CSRF_COOKIE_NAME}={CSRF}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    client.request("POST", url, urlencode(rival.forms[number]), headers)
    response = client.getresponse()
    response.read()
    location = response.headers.get("Location", "")
    return Answer(response.status, location, rival.forms[number]["form_token"], rival.units[number])


def one_by_one(rivals: Sequence[Rival], number: int, fund: Fund, where: tuple[str, int]) -> list[Answer]:
    """The same forms of one round, each after the answer to the one before."""
    client = HTTPConnection(*where, timeout=150)
    try:
        return [_send(client, rival, number, check_url(fund)) for rival in rivals]
    finally:
        client.close()


def rush(rivals: Sequence[Rival], funds: Sequence[Fund], where: tuple[str, int]) -> list[list[Answer]]:
    """All rivals send their form of each round at the same moment; the answers by round. Raises what a rival met."""
    answers: list[list[Answer]] = [[] for _fund in funds]
    start = threading.Barrier(len(rivals), timeout=180)
    failures: list[BaseException] = []
    urls = [check_url(fund) for fund in funds]

    def buy(rival: Rival) -> None:
        client = HTTPConnection(*where, timeout=150)
        try:
            client.connect()
            for number, url in enumerate(urls):
                start.wait()
                answers[number].append(_send(client, rival, number, url))
        except BaseException as error:  # told to the test, which fails
            failures.append(error)
            start.abort()
        finally:
            client.close()

    threads = [threading.Thread(target=buy, args=[rival]) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise next((error for error in failures if not isinstance(error, threading.BrokenBarrierError)), failures[0])
    return answers
