"""Builders through the real services: what a test gets here could have come about on the site.

Dates follow `on` (today in the business zone, if left out): a fund has been open for ten days and closes in thirty-one.
Every builder takes keyword arguments and fills in the rest; slugs and addresses are unique within a process.
"""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction
from django.utils import timezone

from businesses.models import Business, Disaster, Membership, Post
from businesses.news import services as news
from investments.banking import outgoing
from investments.banking.models import OutgoingTransfer
from investments.gifts import services as gifts
from investments.investors import identity
from investments.investors.models import Investor
from investments.offerings import documents
from investments.offerings import services as offerings
from investments.offerings.models import Document, Fund, Terms
from investments.orders import giving
from investments.orders import services as orders
from investments.orders.models import Gift, Order
from investments.orders.services import Accepted
from investments.policy.models import PolicyProfile
from microfund.kernel import clock, typesetting
from microfund.kernel.accounts.models import User

PASSWORD = "Sails-and-oars-1968"
OPEN_DAYS = 10
DAYS_LEFT = 31
#: Planned sales of the default fund, yen a period: recoup lies at about 96 % of their sum.
PLAN = [15_500_000, 27_900_000, 37_200_000, 43_400_000, 48_400_000]
PLAN += [52_100_000, 55_800_000, 58_900_000, 62_000_000, 63_900_000]

_numbers = itertools.count(1)


def make_policy(*, effective_from: date = date(2011, 1, 1), **changes: Any) -> PolicyProfile:
    """A new version of the policy like the newest, with `changes`; in force from `effective_from` on.

    A fund takes the version in force on its first day, so call this before `make_fund`.
    """
    profile = PolicyProfile.objects.order_by("-version").first()
    assert profile is not None, "the baseline is missing"
    values = {
        field.name: getattr(profile, field.name)
        for field in PolicyProfile._meta.fields
        if field.name not in ("id", "version", "effective_from", "reason")
    }
    return PolicyProfile.objects.create(
        **{**values, **changes},
        version=profile.version + 1,
        effective_from=effective_from,
        reason="A test needs other limits",
    )


def make_disaster(**values: Any) -> Disaster:
    """The storm surge, once; another one if a slug is given."""
    values = {
        "slug": "storm-surge",
        "name_en": "Autumn storm surge",
        "name_ja": "秋の高潮",
        "happened_on": date(2025, 10, 12),
        **values,
    }
    return Disaster.objects.get_or_create(slug=values.pop("slug"), defaults=values)[0]


def make_business(**values: Any) -> Business:
    """A published oyster farm; give any field to make it another firm."""
    number = next(_numbers)
    return Business.objects.create(
        **{
            "slug": f"oysters-{number}",
            "state": Business.State.PUBLISHED,
            "name_en": f"Hinode Oyster Farm {number}",
            "name_ja": f"日の出牡蠣養殖{number}",
            "trade": Business.Trade.OYSTER,
            "town_en": "Yonezaki",
            "town_ja": "米崎",
            "disaster": values.get("disaster") or make_disaster(),
            "owner_name_en": "Sho Hatamura",
            "owner_name_ja": "畑村 翔",
            "founded_year": 1968,
            "staff_before": 9,
            "staff_now": 6,
            "revenue_before": 62_000_000,
            "use_line_en": "Thirty rafts of cedar and bamboo",
            "use_line_ja": "杉と竹の筏三十台",
            "story_en": "We raise oysters in a quiet bay.\n\nThe boats are back.",
            "story_ja": "静かな湾で牡蠣を育てています。\n\n船は戻りました。",
            "damage_en": "Forty-two of fifty rafts broke loose.",
            "damage_ja": "五十台の筏のうち四十二台が流されました。",
            "published_at": timezone.now(),
            "checked_on": clock.today_in(),
            **values,
        }
    )


def terms_values(**changes: Any) -> dict[str, Any]:
    """The fields of a fund's terms that `Terms` takes: 3,000 units at ¥10,500 over ten years, unless changed."""
    units = changes.get("units_offered", 3_000)
    halves = changes.get("investment", 5_000) + changes.get("donation", 5_000)
    periods = changes.get("periods", len(PLAN))
    plan = [PLAN[number % len(PLAN)] for number in range(periods)]
    rafts = units * halves // 2
    return {
        "units_offered": units,
        "rate_before_recoup": Decimal("0.0336"),
        "rate_after_recoup": Decimal("0.0084"),
        "grace_periods": 0,
        "periods": periods,
        "plan_revenue": plan,
        "uses": [
            {"en": "Cedar and bamboo for rafts", "ja": "筏の杉・竹", "amount": rafts},
            {"en": "Roof and chiller of the shed", "ja": "作業場の屋根・冷蔵庫", "amount": units * halves - rafts},
        ],
        "risks": [
            {"en": "Another storm may take the rafts.", "ja": "再び嵐で筏を失うおそれがあります。"},
            {"en": "The price of oysters may fall.", "ja": "牡蠣の価格が下がるおそれがあります。"},
        ],
        **changes,
    }


def make_fund(
    *,
    state: str = "open",
    business: Business | None = None,
    on: date | None = None,
    opens_on: date | None = None,
    closes_on: date | None = None,
    term_starts_on: date | None = None,
    units_minimum: int = 0,
    slug: str = "",
    name_en: str = "",
    name_ja: str = "",
    **terms: Any,
) -> Fund:
    """A fund brought to `state` ("draft", "in_review", "scheduled" or "open") by the services, with back-dated `at`.

    Anything else is a field of its terms. A scheduled fund opens in ten days; an open one has been open for ten.
    """
    steps = ("draft", "in_review", "scheduled", "open")
    if state not in steps:
        raise ValueError(f"{state!r} is not a state before the end of the offering: {steps}")
    on = on or clock.today_in()
    business = business or make_business()
    opens_on = opens_on or on + timedelta(days=-OPEN_DAYS if state == "open" else OPEN_DAYS)
    closes_on = closes_on or opens_on + timedelta(days=OPEN_DAYS + DAYS_LEFT)
    fund = Fund.objects.create(
        business=business,
        slug=slug or f"{business.slug}-{next(_numbers)}",
        name_en=name_en or f"{business.name_en} Fund",
        name_ja=name_ja or f"{business.name_ja}ファンド",
        opens_on=opens_on,
        closes_on=closes_on,
        term_starts_on=term_starts_on or closes_on + timedelta(days=30),
        units_minimum=units_minimum,
    )
    Terms.objects.create(fund=fund, **terms_values(**terms))
    before = at_noon(opens_on - timedelta(days=7))
    if state != "draft":
        fund = offerings.submit(fund, actor="test", at=before)
    if state in ("scheduled", "open"):
        fund = offerings.schedule(fund, actor="test", at=before)
    if state == "open":
        fund = offerings.open_fund(fund, at=clock.start_of_day(opens_on))
    return fund


@contextmanager
def short_documents() -> Iterator[None]:
    """Funds that open in here have documents of a line each: rendering the real ones takes longer than much of what is
    done with such a fund."""

    def render(template: str, context: dict[str, Any]) -> str:
        name = f"{template} {context['fund']}"
        return f"<title>{name}</title><main><header><h1>{name}</h1><dl></dl></header></main>"

    def pdf(_template: Path, data: dict[str, Any], *, at: datetime) -> bytes:
        return f"%PDF-1.7\n{data['title']} {at}".encode()

    with mock.patch.object(documents, "render_to_string", render), mock.patch.object(typesetting, "pdf", pdf):
        yield


def make_user(*, email: str = "", password: str = PASSWORD, **values: Any) -> User:
    """A user with a verified address, who can log in with `PASSWORD`."""
    user = User.objects.create_user(email or f"person{next(_numbers)}@example.com", password, **values)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


#: Of the second factor of everybody who has one.
SECRET = "JBSWY3DPEHPK3PXPGGGGGGGGGGGGGGGG"


def make_member(
    business: Business, *, role: str = Membership.Role.OWNER, second_factor: bool | None = None, **values: Any
) -> User:
    """A user who speaks for the business; an owner with a second factor, which the studio asks of them."""
    user = make_user(**values)
    Membership.objects.create(business=business, user=user, role=role)
    if role == Membership.Role.OWNER if second_factor is None else second_factor:
        TOTP.activate(user, SECRET)
    return user


def make_post(
    *,
    business: Business | None = None,
    state: str = "published",
    title: str = "The rafts are back",
    source: str = "We tied the last raft **today**.",
    visibility: str = "public",
    language: str = "en",
    author: User | None = None,
    at: datetime | None = None,
) -> Post:
    """News brought to `state` ("draft", "scheduled" for an hour later, "published" or "withdrawn") by the services."""
    at = at or timezone.now()
    business = business or make_business()
    author = author or make_member(business)
    post = news.begin(
        business,
        title=title,
        source=source,
        language=language,
        visibility=visibility,
        form_token=uuid.uuid4(),
        actor=author,
        at=at,
    )
    if state == "scheduled":
        return news.schedule(post, publish_at=at + timedelta(hours=1), actor=author, at=at)
    if state in ("published", "withdrawn"):
        post = news.publish(post, actor=author, at=at)
    if state == "withdrawn":
        post = news.withdraw(post, actor=author, at=at, reason="A mistake")
    return post


def make_supporter(business: Business) -> User:
    """Somebody whose order for a unit of an open fund of the business is paid; the money itself is left out."""
    order = make_order(fund=make_fund(business=business), method="card")
    with transaction.atomic():
        assert orders.mark_paid(order, at=timezone.now()) == "sold"
    return order.investor.user


def make_investor(
    *, user: User | None = None, verified: bool = True, at: datetime | None = None, **values: Any
) -> Investor:
    """A person of forty who lives in Sendai; identity checked unless `verified` is false."""
    at = at or timezone.now()
    state = Investor.Identity.VERIFIED if verified else Investor.Identity.SUBMITTED
    return Investor.objects.create(
        **{
            "user": user or make_user(),
            "kind": Investor.Kind.PERSON,
            "name": "伊藤 遥",
            "name_kana": "イトウ ハルカ",
            "birth_date": "1986-05-01",
            "address": {
                "postal_code": "980-0811",
                "prefecture": "宮城県",
                "city": "仙台市青葉区",
                "street": "一番町1-2-3",
                "building": "",
            },
            "phone": "022-000-0000",
            "purpose": "support",
            "experience": "none",
            "funds_origin": "salary",
            "identity_state": state,
            "identity_changed_at": at,
            "created_at": at,
            **values,
        }
    )


def verify(investor: Investor, *, at: datetime | None = None) -> Investor:
    """Let staff verify a submitted identity."""
    return identity.verify_identity(investor, actor=make_user(is_staff=True), at=at or timezone.now())


def make_acceptances(fund: Fund, *, at: datetime, language: str = "en") -> list[Accepted]:
    """Every document of the fund's current terms in one language, accepted at `at`."""
    found = Document.objects.filter(terms=offerings.current_terms(fund), language=language).order_by("kind")
    return [Accepted(document.pk, document.sha256, at, "192.0.2.1") for document in found]


def make_order(
    *,
    investor: Investor | None = None,
    fund: Fund | None = None,
    units: int = 1,
    method: str = "bank_transfer",
    language: str = "en",
    at: datetime | None = None,
    **values: Any,
) -> Order:
    """A reserved order, placed by the service; `values` may hold form_token, answers, name_shown and message."""
    at = at or timezone.now()
    fund = fund or make_fund(on=clock.today_in(None, at))
    return orders.place_order(
        investor=investor or make_investor(at=at),
        fund=fund,
        units=units,
        method=method,
        language=language,
        at=at,
        acceptances=make_acceptances(fund, at=at, language=language),
        **{"form_token": uuid.uuid4(), "answers": {}, **values},
    )


#: Whom a gift of the tests is for.
WISH = giving.Wish("Umi Sato", "umi@example.com", "For your new start by the sea.", "en")


def accept(order: Order, investor: Investor, *, at: datetime, language: str = "en") -> Order:
    """The receiver of a paid gift accepts it."""
    gift = Gift.objects.get(order=order)
    accepted = make_acceptances(order.fund, at=at, language=language)
    return gifts.accept(gift, investor, acceptances=accepted, answers={}, language=language, at=at)


def at_noon(on: date) -> datetime:
    """Noon of a business date, aware."""
    return clock.start_of_day(on) + timedelta(hours=12)


def carry_out(
    transfer: OutgoingTransfer, *, at: datetime, on: date | None = None, reference: str = "T-1"
) -> OutgoingTransfer:
    """A second person approves a prepared transfer, and it is made at the bank on the same business date."""
    outgoing.approve(transfer, actor=make_user(is_staff=True), at=at)
    return outgoing.record_sent(
        transfer, transferred_on=on or clock.today_in(None, at), bank_reference=reference, actor=transfer.maker, at=at
    )
