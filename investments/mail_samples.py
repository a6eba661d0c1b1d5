"""Made-up funds, orders and payments for the previews of mails (microfund/kernel/notices/kinds.py), and the samples of
the mails about them. What is made here is never committed. Amounts in yen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _

from businesses.mail_samples import TO_OWNERS, make_business, make_follow, make_user, mark
from investments import events, mails, outcome_mails, owner_mails, people_mails
from investments.banking.models import BankAccount, OutgoingTransfer, ReceiptUse, StatementFile, StatementLine
from investments.holdings.models import Holding
from investments.investors.models import IdentityCase, Investor
from investments.ledger.models import Book
from investments.offerings.models import Document, Fund, FundCounter, Terms
from investments.orders.models import Acceptance, Order
from investments.orders.place import new_payer_code, new_reference
from investments.payments.models import PaymentAttempt, Refund
from investments.policy.models import PolicyProfile
from microfund.kernel import clock
from microfund.kernel.notices import kinds

TO_INVESTOR = _("the investor")
TO_HOLDERS = _("everybody who holds units of the fund")
TO_BUYERS = _("everybody with a paid order of the fund")
UNITS = 3_000
PLAN = [15_500_000, 27_900_000, 37_200_000, 43_400_000, 48_400_000]
PLAN += [52_100_000, 55_800_000, 58_900_000, 62_000_000, 63_900_000]


def make_fund(language: str, *, state: str = Fund.State.OPEN, opened: int = 10, closed: bool = False) -> Fund:
    """A fund of a made-up business that opened so many days ago and has sold most of its 3,000 units."""
    at, today = clock.now(), clock.today_in()
    business = make_business(language)
    opens_on = today - timedelta(days=opened)
    closes_on = opens_on + timedelta(days=41)
    fund = Fund.objects.create(
        business=business,
        slug=business.slug,
        name_en="Hinode Oyster Raft Fund",
        name_ja="日の出牡蠣いかだファンド",
        state=state,
        policy=PolicyProfile.objects.order_by("-version").first(),
        book=Book.objects.create(code=f"fund:{mark()}"),
        opens_on=opens_on,
        closes_on=closes_on,
        term_starts_on=closes_on + timedelta(days=30),
        units_minimum=1_500,
        opened_at=clock.start_of_day(opens_on),
        closed_at=at if closed else None,
    )
    Terms.objects.create(
        fund=fund,
        units_offered=UNITS,
        rate_before_recoup=Decimal("0.0336"),
        rate_after_recoup=Decimal("0.0084"),
        plan_revenue=PLAN,
        uses=[{"en": "Cedar and bamboo for rafts", "ja": "筏の杉・竹", "amount": UNITS * 10_000}],
        risks=[{"en": "Another storm may take the rafts.", "ja": "再び嵐で筏を失うおそれがあります。"}],
        reason="The rafts are built in Kesen instead of Yonezaki.",
        frozen_at=at,
    )
    FundCounter.objects.create(
        fund=fund,
        closes_at=clock.start_of_day(closes_on + timedelta(days=1)),
        offered=UNITS,
        delayed_limit=UNITS,
        sold=2_340,
        cleared=2_100,
    )
    return fund


def make_investor(language: str) -> Investor:
    """Haruka Ito, whose identity is verified."""
    return Investor.objects.create(
        user=make_user(language),
        name="Haruka Ito" if language == "en" else "伊藤 遥",
        name_kana="イトウ ハルカ",
        identity_state=Investor.Identity.VERIFIED,
        identity_changed_at=clock.now(),
        created_at=clock.now(),
    )


def make_order(language: str, fund: Fund, *, state: str, method: str, units: int = 2) -> Order:
    """Two units, applied for yesterday; paid today if the state says so."""
    at, terms = clock.now(), fund.terms.get()
    paid = state not in (Order.State.RESERVED, Order.State.AWAITING_PAYMENT, Order.State.EXPIRED)
    investor = make_investor(language)
    return Order.objects.create(
        reference=new_reference(),
        payer_code=new_payer_code(),
        form_token="12345678-1234-5678-1234-" + mark() + mark()[:4],
        investor=investor,
        payer=investor,
        fund=fund,
        terms=terms,
        state=state,
        method=method,
        units=units,
        investment=units * terms.investment,
        donation=units * terms.donation,
        fee=units * terms.fee,
        total=units * terms.unit_price,
        currency=fund.currency,
        language=language,
        applied_at=at - timedelta(days=1),
        counts_until=clock.today_in() + timedelta(days=365),
        paid_at=at if paid else None,
        cooling_off_ends_at=at + timedelta(days=8) if paid else None,
    )


def _attempt(order: Order, **values: Any) -> PaymentAttempt:
    pay_by = clock.start_of_day(clock.today_in() + timedelta(days=6))
    return PaymentAttempt.objects.create(
        **{
            "order": order,
            "method": order.method,
            "amount": order.total,
            "currency": order.currency,
            "payer_kana": order.investor.name_kana,
            "pay_by": pay_by,
            "created_at": clock.now(),
            "state": PaymentAttempt.State.OPEN,
            **values,
        }
    )


def _line(order: Order, amount: int, *, remaining: int) -> StatementLine:
    today = clock.today_in()
    file = StatementFile.objects.create(sha256=mark() * 8, format="csv", name="sample.csv", rows=1, imported_at=_now())
    return StatementLine.objects.create(
        file=file,
        row=1,
        bank_key=mark(),
        booked_on=today - timedelta(days=1),
        amount=amount,
        remaining=remaining,
        payer_name="ｲﾄｳ ﾊﾙｶ",
        payer_code=order.payer_code,
    )


def _now() -> datetime:
    return clock.now()


# --- Orders -------------------------------------------------------------------------------------------------------


def _by_transfer(language: str, state: str = Order.State.AWAITING_PAYMENT) -> Order:
    order = make_order(language, make_fund(language), state=state, method=Order.Method.BANK_TRANSFER)
    _attempt(order)
    return order


def _transfer_awaited(language: str) -> None:
    mails.transfer_awaited(events.OrderPlaced(_by_transfer(language).pk, _now()))


def _transfer_reminder(language: str) -> None:
    order = _by_transfer(language)
    _line(order, 10_500, remaining=10_500)
    mails.remind(order.pk, at=_now())


def _order_expired(language: str) -> None:
    order = _by_transfer(language, Order.State.EXPIRED)
    mails.order_ended(events.OrderEnded(order.pk, order.state, _now()))


def make_documents(order: Order) -> None:
    """The documents of the order's terms, accepted by its investor."""
    for number, kind in enumerate(Document.Kind.values):
        document = Document.objects.create(
            fund=order.fund,
            terms=order.terms,
            kind=kind,
            language=order.language,
            html=b"sample",
            sha256=f"{number}" * 64,
            pdf=b"sample" * 30_000,
            pdf_sha256=f"{number}" * 64,
            created_at=_now(),
        )
        Acceptance.objects.create(
            order=order, investor=order.investor, document=document, sha256=document.sha256, accepted_at=_now()
        )


def _order_paid(language: str) -> None:
    order = make_order(language, make_fund(language), state=Order.State.PAID, method=Order.Method.CARD)
    make_documents(order)
    mails.order_paid(events.OrderPaid(order.pk, _now()))


def _refunded(language: str, state: str, reason: str, method: str, **values: Any) -> Refund:
    order = make_order(language, make_fund(language), state=state, method=method)
    attempt = _attempt(order, captured=order.total, state=PaymentAttempt.State.SUCCEEDED)
    return Refund.objects.create(
        attempt=attempt,
        order=order,
        amount=order.total,
        currency=order.currency,
        reason=reason,
        requested_at=_now(),
        by_bank=method == Order.Method.BANK_TRANSFER,
        **values,
    )


def _order_ended(state: str, reason: str, method: str, language: str) -> None:
    refund = _refunded(language, state, reason, method)
    mails.order_ended(events.OrderEnded(refund.order_id, state, _now()))


def _transfer(target: str, amount: int) -> OutgoingTransfer:
    return OutgoingTransfer.objects.create(
        target=target,
        state=OutgoingTransfer.State.SENT,
        amount=amount,
        payee={},
        reason="sample",
        maker=make_user("en"),
        prepared_at=_now(),
        checker=make_user("en"),
        approved_at=_now(),
        transferred_on=clock.today_in(),
        bank_reference="T-1",
    )


def _refund_settled(language: str) -> None:
    refund = _refunded(language, Order.State.CANCELLED, Refund.Reason.COOLING_OFF, Order.Method.BANK_TRANSFER)
    _transfer(f"refund:{refund.pk}", refund.amount)
    mails.refund_settled(events.RefundSettled(refund.pk, Refund.State.PAID_BY_BANK, _now()))


def _receipt_sent_back(language: str) -> None:
    order = make_order(language, make_fund(language), state=Order.State.PAID, method=Order.Method.BANK_TRANSFER)
    line = _line(order, order.total + 4_000, remaining=4_000)
    sent = _transfer(f"receipt:{line.pk}", 4_000)
    use = ReceiptUse.objects.create(
        line=line, purpose="sent_back", target=f"transfer:{sent.pk}", amount=4_000, happened_at=_now()
    )
    mails.receipt_sent_back(events.ReceiptSentBack(use.pk, _now()))


# --- Funds --------------------------------------------------------------------------------------------------------


def _fund_mail(kind: str, language: str) -> None:
    failed = kind == "fund_failed"
    fund = make_fund(language, state=Fund.State.FAILED if failed else Fund.State.OPEN, closed=failed)
    state = Order.State.FAILED if failed else Order.State.PAID
    make_order(language, fund, state=state, method=Order.Method.CARD)
    batch = mails.FundMailBatch(fund.pk, kind, 0, _now(), fund.terms.get().pk if kind == "terms_amended" else 0)
    mails.fund_mail_batch(batch)


def _owner_mail(tell: Callable[[Any], None], event: Callable[..., Any], language: str) -> None:
    tell(event(make_fund(language).pk, _now()))


def _to_follower(kind: str, language: str) -> None:
    state = Fund.State.FAILED if kind == "follow_fund_failed" else Fund.State.OPEN
    fund = make_fund(language, state=state)
    make_follow(fund.business, language, "instant")
    outcome_mails.follower_fund_batch(outcome_mails.FollowerFundBatch(fund.pk, kind, 0, _now()))


def _funds_released(language: str) -> None:
    fund = make_fund(language, state=Fund.State.CLOSED, closed=True)
    make_holding(language, fund)
    outcome_mails.release_mail_batch(outcome_mails.ReleaseMailBatch(fund.pk, "donation", 11_700_000, 0, _now()))


# --- People -------------------------------------------------------------------------------------------------------


def make_account(investor: Investor, *, before: bool = False) -> BankAccount:
    """Where somebody is paid; `before` for one that was replaced today."""
    return BankAccount.objects.create(
        investor=investor,
        bank_code="0999",
        bank_name="三陸銀行",
        bank_kana="サンリク",
        branch_code="001",
        branch_name="本店",
        branch_kana="ホンテン",
        number="1234567",
        number_hash="",
        holder="イトウ ハルカ",
        created_at=_now() - timedelta(days=200 if before else 0),
        ended_at=_now() if before else None,
    )


def _bank_changed(language: str) -> None:
    investor = make_investor(language)
    make_account(investor, before=True)
    people_mails.bank_account_changed(events.BankAccountChanged(make_account(investor).pk, investor.pk, _now()))


def _identity_rejected(language: str) -> None:
    case = IdentityCase.objects.create(
        investor=make_investor(language),
        opened_at=_now() - timedelta(days=2),
        decided_at=_now(),
        outcome=IdentityCase.Outcome.REJECTED,
        cause=IdentityCase.Cause.UNREADABLE,
        decided_by=make_user("en"),
    )
    people_mails.identity_rejected(events.IdentityRejected(case.pk, _now()))


def _units_free(language: str) -> None:
    people_mails.units_free(events.UnitsFree(make_fund(language).pk, make_user(language).pk, _now()))


def make_holding(language: str, fund: Fund, units: int = 2) -> Holding:
    """Two units, held by somebody made up."""
    return Holding.objects.create(
        reference=new_reference(), investor=make_investor(language), fund=fund, units=units, created_at=_now()
    )


def register() -> None:
    """Declare all; called once when the app is ready."""
    declare = kinds.declare
    card, konbini, bank = Order.Method.CARD, Order.Method.KONBINI, Order.Method.BANK_TRANSFER
    declare("bank_changed", "E5", _("The account that somebody is paid to was changed"), TO_INVESTOR, _bank_changed)
    declare("transfer_awaited", "E6", _("Units are reserved for a bank transfer"), TO_INVESTOR, _transfer_awaited)
    declare(
        "transfer_reminder", "E7", _("A transfer has not arrived, or not all of it, after three days"), TO_INVESTOR,
        _transfer_reminder,
    )  # fmt: skip
    declare("order_expired", "E7", _("An order was not paid in time"), TO_INVESTOR, _order_expired)
    declare("order_paid", "E8", _("A payment has arrived"), TO_INVESTOR, _order_paid)
    for name, state, reason, method, when in (
        ("order_cancelled", "cancelled", "cooling_off", card, _("An order was cancelled in its cooling-off")),
        ("order_failed", "failed", "fund_failed", bank, _("An order ends because its fund was not funded")),
        ("order_unverified", "cancelled", "identity", konbini, _("An identity could not be verified in time")),
    ):
        declare("order_ended", "E9", when, TO_INVESTOR, partial(_order_ended, state, reason, method), name=name)
    declare("refund_settled", "E9", _("A refund was sent"), TO_INVESTOR, _refund_settled)
    declare("receipt_sent_back", "E9", _("Money that paid no order was sent back"), _("the payer"), _receipt_sent_back)
    for kind, code, when in (
        ("fund_succeeded", "E10", _("A fund has what it needs")),
        ("fund_failed", "E10", _("A fund closed short")),
        ("terms_amended", "", _("A fund has a new version of its terms")),
    ):
        declare(kind, code, when, TO_BUYERS, partial(_fund_mail, kind))
    for kind, tell, event, when in (
        ("owner_fund_succeeded", owner_mails.fund_succeeded, events.FundSucceeded, _("A fund has what it needs")),
        ("owner_fund_failed", owner_mails.fund_failed, events.FundFailed, _("A fund closed short")),
    ):
        declare(kind, "E10", when, TO_OWNERS, partial(_owner_mail, tell, event))
    for kind, when in (
        ("follow_fund_succeeded", _("A fund with a minimum has what it needs")),
        ("follow_fund_failed", _("A fund closed short")),
    ):
        declare(kind, "E10", when, _("who follows the business and has no units"), partial(_to_follower, kind))
    declare("funds_released", "E11", _("Money of a fund goes to the business"), TO_HOLDERS, _funds_released)
    declare("identity_rejected", "", _("An identity could not be confirmed"), TO_INVESTOR, _identity_rejected)
    declare(
        "units_free", "", _("Units that somebody waits for are free again"), _("the next on the waiting list"),
        _units_free,
    )  # fmt: skip
