"""The people, the things and the addresses of the access matrix (test_access_matrix.py)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from businesses.models import Business, Comment, Membership, Post
from businesses.news import answers
from investments.banking import services as banking
from investments.distributions import elections
from investments.distributions.elected import ElectionOffer
from investments.investors import addresses, calendar
from investments.models import (
    Address,
    Allocation,
    CalendarAddress,
    Document,
    Evidence,
    Fund,
    Gift,
    Holding,
    Investor,
    Order,
    Payout,
    RevenueReport,
)
from investments.orders import services as orders
from investments.payments import services as payments
from microfund.kernel import clock, private
from microfund.kernel.accounts.roles import ROLES
from microfund.site import social_card
from rewards import fulfilment, in_kind, letters, visits
from rewards.models import Batch, Booking, Entitlement, Letter, Voucher
from tests import make, repay
from tests.investments.banking.files import csv_file
from tests.rewards import build as rewards
from tests.rewards.build import visit_values
from tests.site.staff import make_staff

#: Everybody who asks, in the order of the columns.
OUTSIDERS = ("visitor", "investor", "other investor", "owner", "other owner")
PEOPLE = (*OUTSIDERS, *ROLES)
POST_OF_STUDIO = tuple(f"studio:news_{act}" for act in ("edit", "publish", "withdraw", "delete"))
OF_ONESELF = tuple(
    f"investments:{page}"
    for page in ("profile", "identity", "bank", "bank_choose", "addresses", "address_new", "gifts")
)


@dataclass(frozen=True)
class World:
    """One business with an open fund, one confirmed order of its investor, and a browser of each person."""

    order: Order
    holding: Holding
    document: Document
    post: Post
    membership: Membership
    comment: Comment
    calendar: CalendarAddress
    allocation: Allocation
    paid_in: int
    evidence: Evidence
    batch: Batch
    parcel: Entitlement
    address: Address
    letter: Letter
    booking: Booking
    gift: Gift
    voucher: Voucher
    browsers: dict[str, Client]

    def arguments(self, name: str) -> list[Any]:
        """What the address of this name needs, by the names of its places."""
        business = self.order.fund.business
        if name == "businesses:social_card":
            return [business.slug, social_card.key(business, None, "en")]
        if name in ("businesses:document", "businesses:document_pdf"):
            return [business.slug, self.document.sha256]
        if name == "admin:mail_preview":
            return ["order_paid"]
        if name == "admin:mail_preview_html":
            return ["order_paid", "en"]
        if name == "calendar_feed":
            return [self.calendar.token]
        if name in ("follow_confirm", "follow_manage", "unfollow"):
            return ["made-up"]
        if name == "businesses:news_post":
            return [business.slug, self.post.pk, self.post.words]
        if name == "businesses:comment_remove":
            return [business.slug, self.post.pk, self.comment.pk]
        if name == "studio:news_mail":
            return [business.slug, self.post.pk, "ja"]
        if name in ("businesses:news_thanks", "businesses:news_comment", *POST_OF_STUDIO):
            return [business.slug, self.post.pk]
        if name == "rewards:pack":
            return [business.slug, self.batch.cycle_id]
        if name == "rewards:batch":
            return [business.slug, self.batch.pk]
        if name == "rewards:export":
            return [business.slug, self.batch.pk, "list"]
        if name == "rewards:parcel":
            return [business.slug, self.batch.pk, self.parcel.pk]
        if name in ("rewards:claim", "rewards:decline", "rewards:received", "rewards:complain"):
            return [self.parcel.pk]
        if name == "rewards:download":
            return [self.parcel.pk, 1]
        if name in ("rewards:offer", "rewards:offer_files"):
            return [business.slug, self.parcel.cycle.offer_id]
        if name in ("rewards:offer_new", "rewards:voucher_list"):
            return [business.slug]
        if name in ("rewards:visit", "rewards:visit_cancel", "rewards:visit_change", "rewards:visit_people"):
            return [business.slug, self.booking.visit_id]
        if name == "rewards:visit_ics":
            return [self.booking.pk]
        if name == "rewards:letter":
            return [self.letter.pk]
        if name in ("rewards:season", "rewards:till", "rewards:letter_desk", "rewards:visits", "rewards:visit_desk"):
            return [business.slug]
        if name in ("investments:address", "investments:address_remove"):
            return [self.address.pk]
        if name == "businesses:question_wonder":
            return [business.slug, 1]
        if name == "studio:report_evidence":
            return [business.slug, self.allocation.distribution.period_id, self.evidence.pk]
        if name == "studio:report":
            return [business.slug, self.allocation.distribution.period_id]
        if name == "studio:member_remove":
            return [business.slug, self.membership.pk]
        if name.startswith(("businesses:", "studio:")) and name not in ("businesses:list", "studio:home"):
            return [business.slug]
        if name == "investments:branch_choose":
            return ["0001"]
        if name == "investments:bank_account":
            return ["0001", "001"]
        if name in ("investments:gift", "investments:gift_card"):
            return [self.gift.order.reference]
        if name == "investments:gift_document":
            return [self.gift.token, self.gift.order.fund.documents.order_by("pk")[0].pk]
        if name in ("investments:gift_offer", "investments:gift_you", "investments:gift_documents"):
            return [self.gift.token]
        if name == "own_document":
            return [self.document.pk]
        if name == "investments:open_document":
            return [self.order.fund.slug, self.document.pk]
        if name in ("investments:pay", "investments:return", "investments:transfer", "investments:cancel", "order"):
            return [self.order.reference]
        if name in ("statement", "statement_csv", "statement_pdf"):
            return [self.paid_in]
        if name == "distribution":
            return [self.allocation.pk]
        if name == "rewards:voucher":
            return [self.voucher.pk]
        if name in ("holding", "holding_choice", "holding_sheet", "holding_supporter"):
            return [self.holding.reference]
        if name == "holding_statement":
            return [self.allocation.holding.reference]
        if name.startswith("investments:") and name not in OF_ONESELF:
            return [self.order.fund.slug]
        if name in ("mfa_edit_webauthn", "mfa_remove_webauthn"):
            return [1]
        if name == "account_reset_password_from_key":
            return ["1", "made-up"]
        return []


def _paid(investor: Investor, business: Business) -> Allocation:
    """What an older fund of the business has paid to this person."""
    repay.give_account(investor, number="1234567", at=make.at_noon(repay.BOUGHT_ON))
    fund = repay.operating(40, investors=[investor], business=business)
    return repay.whole_period(fund, 1, 27_900_000).allocations.get()


def _reward(fund: Fund) -> tuple[Batch, Entitlement]:
    """A parcel of this person in a batch of the business."""
    offer = rewards.make_offer(fund)
    at = rewards.first_day(fund)
    rewards.open_cycles(at)
    row = rewards.claim(rewards.row_of(offer.cycles.get()), at=at)
    return fulfilment.pack(offer.cycles.get(), actor=repay.staff(), at=at), row


def _offer(fund: Fund, *, at: Any) -> ElectionOffer:
    """What the fund offers besides cash."""
    return elections.make_offer(
        fund, in_kind=True, bonus=Decimal("0.1"), give_back=True, actor=repay.staff(), at=at, reason="Agreed."
    )


def _voucher(holding: Holding) -> Voucher:
    """What the second period of a fund pays this person in kind."""
    fund, own = holding.fund, repay.period(holding.fund, 2)
    at = make.at_noon(own.record_on)
    offer = _offer(fund, at=at)
    elections.elect(holding, "in_kind", offer_id=offer.pk, period=own, actor=holding.investor.user, at=at)
    repay.report(fund, 2, 27_900_000)
    made = repay.distribute(fund, 2)
    in_kind.issue(made.pk, at=made.approved_at)
    return Voucher.objects.get(line__distribution=made)


def _letter(fund: Fund) -> Letter:
    """The owner's thanks to the holders of a fund."""
    at = timezone.now()
    row = letters.save(fund, "reopened", text_en="Thank you.", text_ja="", actor=repay.staff(), at=at)
    return letters.publish(row, actor=repay.staff(), at=at)


def _booking(holding: Holding) -> Booking:
    """Seats of this person at a visit of the business."""
    at, user = timezone.now(), holding.investor.user
    visit = visits.make(holding.fund, values=visit_values(), actor=repay.staff(), at=at)
    return visits.book(holding.investor, visit.pk, 1, actor=user, at=at)


def _evidence(report: RevenueReport, user: Any) -> Evidence:
    """A file that the owner sent with a report."""
    file, key = private.put("evidence", b"%PDF-")
    return Evidence.objects.create(
        report=report,
        name="book.pdf",
        content_type="application/pdf",
        size=5,
        sha256="0" * 64,
        file=file,
        key=key,
        added_by=user,
        added_at=timezone.now(),
    )


def _gift(giver: Investor) -> Gift:
    """A paid gift of this person that waits to be accepted."""
    order = make.make_order(investor=giver, method="card", gift=make.WISH)
    with transaction.atomic():
        orders.mark_paid(order, at=timezone.now())
    return Gift.objects.get(order=order)


def build() -> World:
    """The world, by the real services."""
    at = timezone.now()
    order = make.make_order(at=at)
    payments.start_payment(order, at=at)
    order.refresh_from_db()
    row = {"payer_code": order.payer_code, "amount": order.total, "date": clock.today_in(None, at).isoformat()}
    banking.import_statement(content=csv_file(row, first=order.pk), name="s", actor=None, at=at)
    order.refresh_from_db()
    over = order.cooling_off_ends_at
    assert orders.confirm_due(on=clock.today_in(None, over), at=over)["confirmed"] == 1
    order.refresh_from_db()
    owner = make.make_member(order.fund.business)
    membership = Membership.objects.get(user=owner)
    post = make.make_post(business=order.fund.business, author=owner, at=at)
    comment = answers.comment(
        post,
        author=order.investor.user,
        name="Haruka",
        text="How good to read.",
        form_token=uuid.uuid4(),
        may_comment=True,
        from_business=False,
        at=at,
    )
    users = {
        "investor": order.investor.user,
        "other investor": make.make_investor().user,
        "owner": owner,
        "other owner": make.make_member(make.make_business()),
        **{role: make_staff(role) for role in ROLES},
    }
    browsers = {"visitor": Client()}
    for name, user in users.items():
        browsers[name] = Client()
        browsers[name].force_login(user)
    allocation = _paid(order.investor, order.fund.business)
    batch, parcel = _reward(allocation.holding.fund)
    _offer(order.fund, at=at)
    return World(
        order=order,
        holding=Holding.objects.get(investor=order.investor, fund=order.fund),
        allocation=allocation,
        voucher=_voucher(allocation.holding),
        letter=_letter(allocation.holding.fund),
        booking=_booking(allocation.holding),
        batch=batch,
        gift=_gift(order.investor),
        parcel=parcel,
        address=addresses.save(order.investor, label="Home", address=rewards.HOME, actor=None, at=at),
        evidence=_evidence(allocation.distribution.report, owner),
        paid_in=Payout.objects.get(investor=order.investor).paid_on.year,
        post=post,
        membership=membership,
        comment=comment,
        calendar=calendar.make_address(order.investor.user, at=at),
        document=Document.objects.filter(fund=order.fund).order_by("pk")[0],
        browsers=browsers,
    )


def names() -> tuple[set[str], list[str]]:
    """The names of all addresses, and the patterns of those that have none."""
    named: set[str] = set()
    nameless: list[str] = []
    for name, pattern in _walk(get_resolver(), ""):
        if name:
            named.add(name)
        else:
            nameless.append(pattern)
    return named, nameless


def _walk(resolver: Any, space: str) -> Iterator[tuple[str, str]]:
    for entry in resolver.url_patterns:
        if hasattr(entry, "url_patterns"):
            yield from _walk(entry, f"{space}{entry.namespace}:" if entry.namespace else space)
        else:
            yield (f"{space}{entry.name}" if entry.name else "", str(entry.pattern))
