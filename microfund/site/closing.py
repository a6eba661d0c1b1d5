"""Closing an account: refused while anything is open, then the login ends and what no law keeps is erased (pages.md
I9).

Contracts that were paid for, and the person they were made with, are kept for the years that the law sets: the journal,
the orders, what was accepted, who it was. Whoever never paid leaves nothing but numbers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from businesses.models import Comment, DigestDay, Follow, Membership, Question, Thanks, Wonder
from investments.banking import accounts
from investments.investors import documents
from investments.models import (
    Allocation,
    CalendarAddress,
    Dispute,
    ElectedReturn,
    Fund,
    Holding,
    InheritanceShare,
    Investor,
    Order,
    Refund,
    WaitingEntry,
)
from investments.orders import queries as orders
from investments.orders.models import OPEN
from investments.payouts.models import Payout
from investments.payouts.records import accounts_sent_to
from microfund.kernel.accounts import factors
from microfund.kernel.accounts.models import FormerAddress, User
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.models import Notice, NoticeChoice
from rewards import claims, visits
from rewards.models import Compensation, Parcel, Voucher

#: Refunds that have reached their end.
SETTLED_REFUNDS = ("succeeded", "paid_by_bank", "charged_back")
#: Mails about a login rather than a contract.
OF_THE_LOGIN = ("bank_changed", "identity_rejected")
CLOSED_NAME = "(closed)"
#: Funds that pay nothing any more but what they owe already.
ENDED = (Fund.State.SETTLED, Fund.State.WOUND_UP)


def blockers(user: Any) -> list[str]:
    """Why this account cannot be closed now, in words for its owner; nothing when it can."""
    found = []
    if user.is_staff:
        found.append(_("This is a staff account: an administrator ends it."))
    if Membership.objects.filter(user=user).exists():
        found.append(_("You speak for a business here. Write to us, so that somebody else can take over."))
    investor = Investor.objects.filter(user=user).first()
    if investor is None:
        return found
    counts = (
        (
            orders.orders_of(investor).filter(state__in=OPEN).count(),
            lambda n: ngettext("%(n)d order is open.", "%(n)d orders are open.", n),
        ),
        (
            Holding.objects.filter(investor=investor, units__gt=0).exclude(fund__state__in=ENDED).count(),
            lambda n: ngettext(
                "You hold units of %(n)d fund: what it pays is owed to you until it ends.",
                "You hold units of %(n)d funds: what they pay is owed to you until they end.",
                n,
            ),
        ),
        (
            _owed(investor),
            lambda n: ngettext("%(n)d payment is owed to you.", "%(n)d payments are owed to you.", n),
        ),
        (
            Refund.objects.filter(order__payer=investor).exclude(state__in=SETTLED_REFUNDS).count(),
            lambda n: ngettext("%(n)d refund is on its way to you.", "%(n)d refunds are on their way to you.", n),
        ),
        (
            Dispute.objects.filter(order__payer=investor, state__in=("inquiry", "open")).count(),
            lambda n: ngettext("%(n)d payment is disputed.", "%(n)d payments are disputed.", n),
        ),
        (
            Compensation.objects.filter(
                entitlement__holding__investor=investor, state__in=("approved", "funded")
            ).count(),
            lambda n: ngettext(
                "Money instead of %(n)d reward is owed to you.", "Money instead of %(n)d rewards is owed to you.", n
            ),
        ),
        (
            Voucher.objects.filter(line__allocation__holding__investor=investor, ended_at__isnull=True).count(),
            lambda n: ngettext(
                "%(n)d voucher of a payment in kind is still valid.",
                "%(n)d vouchers of payments in kind are still valid.",
                n,
            ),
        ),
        (
            ElectedReturn.objects.filter(line__allocation__holding__investor=investor, amount__gt=0)
            .exclude(payout__state="paid")
            .exclude(distribution__written_off__gt=0, released_at__isnull=True)
            .count(),
            lambda n: ngettext(
                "What you did not use of %(n)d voucher is owed to you.",
                "What you did not use of %(n)d vouchers is owed to you.",
                n,
            ),
        ),
        (
            InheritanceShare.objects.filter(heir=investor, inheritance__state="prepared").count(),
            lambda n: ngettext(
                "Units of %(n)d holding are about to come to you.",
                "Units of %(n)d holdings are about to come to you.",
                n,
            ),
        ),
    )
    return found + [words(count) % {"n": count} for count, words in counts if count]


def _owed(investor: Investor) -> int:
    """Payments in cash of which not everything has arrived that is to come: their own, and those that they get as an
    heir."""
    arrived = Coalesce(Sum("items__gross", filter=Q(items__payout__state=Payout.State.PAID)), 0)
    own = Q(holding__investor=investor, holding__paid_to=None) | Q(holding__paid_to=investor)
    in_cash = Q(elected__isnull=True) | Q(elected__choice="cash")
    lines = Allocation.objects.filter(own, in_cash, distribution__state="approved", gross__gt=0)
    cash = F("units") * (F("distribution__per_unit") - F("distribution__written_off_per_unit"))
    return lines.annotate(arrived=arrived, cash=cash).filter(arrived__lt=F("cash")).count()


def keeps_contracts(investor: Investor | None) -> bool:
    """Whether the law asks us to keep who this is: somebody who has paid at least once, or has inherited units."""
    if investor is None:
        return False
    paid = orders.orders_of(investor).filter(paid_at__isnull=False)
    return paid.exists() or InheritanceShare.objects.filter(heir=investor).exists()


def close(user: Any, *, at: datetime) -> None:
    """End the login and erase what need not be kept; a last mail says what was. The same again is nothing.

    Raises DomainError("open", reasons=[…]) while something is open.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if not user.is_active:
            return
        # An order is written with a reference to the investor, which waits for this lock or is seen below.
        investor = Investor.objects.select_for_update().filter(user=user).first()
        reasons = blockers(user)
        if reasons:
            raise DomainError("open", _("Your account cannot be closed yet."), reasons=reasons)
        kept = keeps_contracts(investor)
        audit.record(action="accounts.User.closed", subject=user, at=at, actor=user, changes={"contracts_kept": kept})
        _forget_mails(user, kept)
        last_mail(user, investor, kept, at=at)
        if investor is not None:
            _erase(investor, kept, at=at)
        _leave_the_readers(user)
        _end_login(user)


def _forget_mails(user: Any, kept: bool) -> None:
    written = Notice.objects.filter(user=user, state__in=(Notice.State.SENT, Notice.State.FAILED))
    (written.filter(kind__in=OF_THE_LOGIN) if kept else written).delete()


def last_mail(user: Any, investor: Investor | None, kept: bool, *, at: datetime) -> None:
    """That the account is closed, and whether contracts are kept."""
    with translation.override(user.language):
        notices.queue(
            "account_closed",
            key=f"account_closed:{user.pk}",
            to=user.email,
            language=user.language,
            at=at,
            user=user,
            context={"name": investor.name if investor else user.email, "kept": kept},
        )


def _erase(investor: Investor, kept: bool, *, at: datetime) -> None:
    for case in investor.identity_cases.order_by("pk"):
        documents.erase(case, at=at, reason="account closed")
    accounts.erase(investor, at=at, but=accounts_sent_to(investor))
    investor.addresses.all().delete()
    visits.give_up(investor, at=at, everything=True)
    claims.erase(Parcel.objects.filter(entitlement__holding__investor=investor), at=at)
    values: dict[str, Any] = {"phone": "", "phone_hash": "", "prefecture": ""}
    values |= {"purpose": "", "experience": "", "funds_origin": ""}
    if not kept:
        # A company's number is public and says nothing of a person.
        values |= {"name": CLOSED_NAME, "name_kana": "", "birth_date": "", "representative": "", "address": {}}
        values |= {"person_hash": ""}
    for name, value in values.items():
        setattr(investor, name, value)
    investor.closed_at = at
    investor.save(update_fields=[*values, "closed_at"])
    Order.objects.filter(investor=investor).update(supporter_name_shown=False, supporter_message="")


def _leave_the_readers(user: Any) -> None:
    """What was said to a business stays said, by nobody any more; following and thanking end."""
    Comment.objects.filter(author=user).update(name=CLOSED_NAME)
    Question.objects.filter(asker=user).update(name=CLOSED_NAME)
    Wonder.objects.filter(user=user).delete()
    Follow.objects.filter(user=user).delete()
    DigestDay.objects.filter(user=user).delete()
    WaitingEntry.objects.filter(user=user).delete()
    Thanks.objects.filter(user=user).delete()


def _end_login(user: Any) -> None:
    factors.end_sessions(user)
    Authenticator.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    FormerAddress.objects.filter(user=user).delete()
    NoticeChoice.objects.filter(user=user).delete()
    user.opened.all().delete()
    CalendarAddress.objects.filter(user=user).delete()
    user.email = f"closed-{user.pk}@closed.invalid"
    user.is_active = False
    user.set_unusable_password()
    user.save(update_fields=["email", "is_active", "password"])
