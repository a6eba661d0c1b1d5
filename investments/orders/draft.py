"""An application before it is an order: plain values in the visitor's session, one draft for each fund.

A draft survives log-in and sign-up (Django keeps an anonymous session's data), and drafts of several funds do not
touch one another. It never holds a model object or a personal detail. Its `token` is made once: whatever is sent twice
with it is one order (domain.md section 4.1).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from investments.offerings.models import Document, Terms

from .services import Accepted

SESSION_KEY = "drafts"
#: Older drafts are dropped: a session is read on every page.
MOST = 12


def _new_token() -> str:
    return str(uuid.uuid4())


@dataclass
class Draft:
    """What has been chosen so far for the fund with this slug.

    `investor_id` is whose profile was confirmed; `opened` maps a document's id to the hash that was opened; `accepted`
    lists {"id", "sha256", "at", "ip"}; `answers` is what the order keeps of the questions and consents; `supporter` is
    None until that step is done; `for_gift` says that the units are for another person, who is in `gift`
    ({"name", "email", "language", "message"}) once that was said. Whether an order was made of it, the order knows, by
    its `token` (queries.order_of_form): a process that dies after the order is committed keeps nothing in a session.
    """

    slug: str
    units: int = 0
    token: str = field(default_factory=_new_token)
    investor_id: int = 0
    opened: dict[str, str] = field(default_factory=dict)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    language: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    tries: int = 0
    supporter: dict[str, Any] | None = None
    for_gift: bool = False
    gift: dict[str, str] | None = None
    method: str = ""

    def acceptances(self) -> list[Accepted]:
        """The accepted documents as the order service takes them."""
        return [
            Accepted(item["id"], item["sha256"], datetime.fromisoformat(item["at"]), item["ip"])
            for item in self.accepted
        ]

    def accepts(self, documents: Sequence[Document]) -> bool:
        """Whether exactly these documents were accepted, byte for byte."""
        accepted = {(item["id"], item["sha256"]) for item in self.accepted}
        return bool(accepted) and accepted == {(document.pk, document.sha256) for document in documents}

    def fingerprint(self, terms: Terms) -> str:
        """What the check page showed, in short: a form that was made for other answers is not taken for these."""
        shown = [self.units, self.accepted, self.supporter, self.language, self.investor_id, terms.pk, terms.unit_price]
        shown += [self.for_gift, self.gift]
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]

    def renew(self) -> None:
        """The order that was made of this draft has come to nothing: the same answers may make another one."""
        self.token = _new_token()

    def start_again(self, units: int) -> None:
        """A further order of the same fund: documents and questions are read again."""
        fresh = Draft(slug=self.slug, units=units, investor_id=self.investor_id, for_gift=self.for_gift)
        for part in fields(self):
            setattr(self, part.name, getattr(fresh, part.name))


def load(request: HttpRequest, slug: str) -> Draft:
    """The visitor's draft for a fund, empty if there is none. Unknown parts of older versions are left out."""
    kept = request.session.get(SESSION_KEY, {}).get(slug, {})
    names = {part.name for part in fields(Draft)}
    return Draft(**{"slug": slug, **{name: value for name, value in kept.items() if name in names}})


def save(request: HttpRequest, draft: Draft) -> None:
    """Keep the draft, the newest last."""
    drafts = request.session.get(SESSION_KEY, {})
    drafts.pop(draft.slug, None)
    drafts[draft.slug] = asdict(draft)
    while len(drafts) > MOST:
        del drafts[next(iter(drafts))]
    request.session[SESSION_KEY] = drafts
