"""A small house of books in which everything has happened once, made by the real services and the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from investments.banking import services as banking
from investments.distributions import elections, moratorium, pay_in, write_off
from investments.distributions import services as distributions
from investments.inheritance import services as inheritance
from investments.models import Dispute, Fund, Order, PaymentAttempt, Refund, StatementLine, TaxRate
from investments.orders import services as orders
from investments.payments import external, reconcile, refund, services, settle
from investments.payouts import outcome, unclaimed
from microfund.kernel import clock
from rewards import compensation, fulfilment, heirs, in_kind, reassign, visits, vouchers
from rewards.models import Cycle, Voucher
from tests import make, repay
from tests.investments.banking.files import csv_file
from tests.rewards import build as rewards
from tests.sandbox_client import SandboxProcess


@dataclass(frozen=True)
class Books:
    """The orders by what became of them; `at` is the instant after everything."""

    fund: Fund
    at: datetime
    orders: dict[str, Order]
    repaying: Fund

    def order(self, name: str) -> Order:
        """The order of this name as it is now."""
        return Order.objects.get(pk=self.orders[name].pk)

    def attempt(self, name: str) -> PaymentAttempt:
        """Its one attempt."""
        return PaymentAttempt.objects.get(order=self.orders[name])

    def refund(self, name: str) -> Refund:
        """Its one refund."""
        return Refund.objects.get(order=self.orders[name])

    def dispute(self, name: str) -> Dispute:
        """Its one dispute."""
        return Dispute.objects.get(order=self.orders[name])

    def receipt(self, name: str) -> StatementLine:
        """The bank receipt of this order, or the `unknown` one."""
        return StatementLine.objects.get(payer_code=self.orders[name].payer_code if name in self.orders else "")


def pay(sandbox: SandboxProcess, order: Order) -> PaymentAttempt:
    """Pay an order by card in the sandbox and settle it."""
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    return settle.settle(attempt.pk, at=timezone.now())


def build(sandbox: SandboxProcess) -> Books:
    """Reserved, awaiting, a gift that waits and one that was accepted, paid by card and by transfer, confirmed,
    cancelled, given back by bank, refunded at the provider (whole, in part, in part and then ended), disputed (open,
    won, lost), expired; a payout of the provider in between; a receipt of nobody."""
    fund = make.make_fund(units_offered=100)
    now = timezone.now()
    made: dict[str, Order] = {}

    def order(name: str, **values: Any) -> Order:
        made[name] = make.make_order(fund=fund, **{"method": "card", **values})
        return made[name]

    for name in ("confirmed", "rescinded", "lost"):
        pay(sandbox, order(name, units=2))
    over = max(Order.objects.get(pk=each.pk).cooling_off_ends_at for each in made.values())
    orders.confirm_due(on=clock.today_in(None, over), at=over)
    for name in ("paid", "cancelled", "by_bank", "disputed", "won", "part", "part_ended"):
        pay(sandbox, order(name))
    for name in ("gift", "accepted"):
        pay(sandbox, order(name, gift=make.WISH))
    make.accept(made["accepted"], make.make_investor(), at=timezone.now())
    order("reserved")
    services.start_payment(order("awaiting", method="bank_transfer"), at=now)
    services.start_payment(order("transferred", method="bank_transfer"), at=now)
    _receive(made["transferred"])
    order("expired")
    services.expire_order(made["expired"].pk, at=now + timedelta(hours=1))
    sandbox.control("payouts/make")
    reconcile.payouts_due(on=now.date(), at=timezone.now())
    services.cancel_order(made["cancelled"], at=timezone.now(), actor=made["cancelled"].investor.user)
    reconcile.refunds_due(on=now.date(), at=timezone.now())
    _give_back_by_bank(sandbox, made["by_bank"])
    intents = {
        name: PaymentAttempt.objects.get(order=made[name]).intent_id
        for name in ("rescinded", "disputed", "won", "lost", "part", "part_ended")
    }
    sandbox.control("dashboard_refund", payment_intent=intents["rescinded"], amount=21_000)
    for name in ("part", "part_ended"):
        sandbox.control("dashboard_refund", payment_intent=intents[name], amount=500)
    for name in ("disputed", "won", "lost"):
        sandbox.control("disputes/open", payment_intent=intents[name])
    reconcile.objects_due(on=now.date(), at=timezone.now())
    services.cancel_order(made["part_ended"], at=timezone.now(), actor=made["part_ended"].investor.user)
    reconcile.refunds_due(on=now.date(), at=timezone.now())
    for name in ("won", "lost"):
        own = Dispute.objects.get(order=made[name])
        sandbox.control("disputes/close", dispute=own.provider_id, outcome=name)
    reconcile.objects_due(on=now.date(), at=timezone.now())
    repaying = _repaying()
    _rewards(repaying)
    _settled_otherwise()
    _written_off()
    _unclaimed()
    _taxed_again()
    _in_kind()
    return Books(fund=Fund.objects.get(pk=fund.pk), at=over, orders=made, repaying=repaying)


def _rewards(fund: Fund) -> None:
    """A season of which one parcel is sent and one claimed, and vouchers of which one is used in part."""
    rewards.make_donee()
    goods = rewards.make_offer(fund, stock=10)
    tokens = rewards.make_offer(fund, kind="voucher", value=2_000)
    at = rewards.first_day(fund)
    rewards.open_cycles(at)
    season, slips = goods.cycles.get(), tokens.cycles.get()
    rewards.claim(rewards.row_of(season), at=at)
    batch = fulfilment.pack(season, actor=repay.owner(fund), at=at)
    fulfilment.ship(batch, carrier="post", shipped_on=clock.today_in(None, at), actor=repay.owner(fund), at=at)
    rewards.claim(rewards.row_of(season, 1), at=at)
    rewards.claim(rewards.row_of(slips), at=at)
    now, owner = timezone.now(), repay.owner(fund)
    visit = visits.make(fund, values=rewards.visit_values(), actor=owner, at=now)
    holder = fund.holdings.order_by("pk")[0].investor
    visits.book(holder, visit.pk, 1, actor=holder.user, at=now)
    code = Voucher.objects.get().code
    vouchers.redeem(fund.business, code, 500, form_token=uuid4(), actor=repay.owner(fund), at=at)


def _settled_otherwise() -> None:
    """A fund of which one holder has died and left the units to two heirs, one reward is given as another, and for one
    money is owed."""
    fund = repay.operating(5, 3, 2)
    first, second, third = fund.holdings.select_related("investor__user").order_by("pk")
    goods = rewards.make_offer(fund)
    rewards.make_offer(fund, text_en="Dried seaweed", text_ja="乾燥わかめ", value=1_500)
    at = rewards.first_day(fund)
    rewards.open_cycles(at)
    cycle, other = Cycle.objects.filter(offer__fund=fund).order_by("pk")
    assert cycle.offer == goods
    maker, checker = repay.staff(), repay.staff("checker")
    inheritance.record_death(first.investor, died_on=at.date(), actor=maker, at=at, reason="Family register.")
    shares = {second.investor_id: 2, third.investor_id: 3}
    row = inheritance.prepare(
        first, shares=shares, payee_id=third.investor_id, actor=maker, at=at, reason="By their agreement."
    )
    heirs.follow(inheritance.approve(row, actor=checker, at=at), at=at)
    reassign.exchange(second.entitlements.get(cycle=cycle).pk, other, actor=maker, at=at, reason="Lost at sea.")
    own = third.entitlements.get(cycle=cycle, replaces=None)
    paid = compensation.prepare(own, amount=3_000, actor=maker, at=at, reason="Lost at sea.")
    compensation.approve(paid, actor=checker, at=at)


def _repaying() -> Fund:
    """A fund in its third period: one paid and beyond recoup, one paid in part, of which a transfer came back and was
    made again; a third that is calculated and one that was discarded."""
    at = make.at_noon(repay.BOUGHT_ON)
    owners = [repay.holder(at=at), repay.holder("アオバ シカ", at=at, kind="company", corporate_number="1234567890123")]
    fund = repay.operating(
        30,
        20,
        investors=owners,
        periods=5,
        units_offered=300,
        rate_before_recoup=Decimal("0.5"),
        rate_after_recoup=Decimal("0.25"),
    )
    repay.whole_period(fund, 1, 3_600_000)
    repay.report(fund, 2, 6_000_000)
    made = repay.distribute(fund, 2)
    repay.pay_in(made, made.gross - 10_000)
    at = repay.after(made.period, 25)
    part = pay_in.prepare_instalment(made, actor=repay.staff(), at=at, reason="The rest comes in spring.")
    pay_in.approve_instalment(part, actor=repay.staff("checker"), at=at)
    run = repay.send_run(at=at)
    back_on = clock.next_bank_day(run.pay_on + timedelta(days=1))
    outcome.record_return(
        run.attempts.order_by("pk")[0], returned_on=back_on, actor=repay.staff(), at=make.at_noon(back_on)
    )
    repay.give_account(owners[0], number="7654321", at=make.at_noon(back_on))
    repay.settle(run)
    repay.settle(repay.send_run(at=make.at_noon(back_on)))
    repay.report(fund, 3, 7_000_000)
    at = repay.after(repay.period(fund, 3))
    first = distributions.prepare(repay.period(fund, 3), actor=repay.staff(), at=at)
    distributions.discard(first, actor=repay.staff("checker"), at=at, reason="Once more, please.")
    distributions.prepare(repay.period(fund, 3), actor=repay.staff(), at=at)
    return Fund.objects.get(pk=fund.pk)


def _written_off() -> None:
    """A fund of which arrears were written off; the credit that was left has paid a part of the next period."""
    fund = repay.operating(20, 10, periods=5)
    repay.report(fund, 1, 27_900_000)
    made = repay.pay_in(repay.distribute(fund, 1), 3_029)
    row = write_off.prepare(made, actor=repay.staff(), at=repay.after(made.period, 40), reason="Washed away.")
    write_off.approve(row, actor=repay.staff("checker"), at=repay.after(made.period, 40))
    repay.report(fund, 2, 27_900_000)
    repay.distribute(fund, 2)
    at = repay.after(repay.period(fund, 2))
    ends = repay.period(fund, 3).ends_on
    storm = moratorium.prepare(
        [fund], title="Storm", reason="Gone.", action="defer", from_on=ends, until_on=ends, actor=repay.staff(), at=at
    )
    moratorium.approve(storm, actor=repay.staff("checker"), at=at)
    moratorium.steps_due(on=at.date(), at=at)


def _unclaimed() -> None:
    """A fund of which one holder never gave an account, for more than a year."""
    at = make.at_noon(repay.BOUGHT_ON)
    fund = repay.operating(
        40, 9, investors=[repay.holder("ヤマダ ジュン", account=None, at=at), repay.holder(at=at)], periods=5
    )
    made = repay.whole_period(fund, 1, 27_900_000)
    on = clock.add_months(made.payment_on, 13)
    unclaimed.set_aside_due(on=on, at=make.at_noon(on))


def _taxed_again() -> None:
    """A fund of which a part was paid at one rate of tax and the rest at another."""
    fund = repay.operating(
        40, periods=5, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    repay.report(fund, 1, 3_600_000)
    made = repay.pay_in(repay.distribute(fund, 1), 40 * 5_100)
    at = repay.after(made.period, 25)
    part = pay_in.prepare_instalment(made, actor=repay.staff(), at=at, reason="The rest comes in spring.")
    pay_in.approve_instalment(part, actor=repay.staff("checker"), at=at)
    repay.settle(repay.send_run(at=at))
    later = at + timedelta(days=30)
    TaxRate.objects.create(kind="withholding", payee_class="", valid_from=later.date(), rate=Decimal("0.2553"))
    repay.pay_in(made, at=later)
    repay.settle(repay.send_run(at=later))
    TaxRate.objects.create(
        kind="withholding", payee_class="", valid_from=later.date() + timedelta(days=30), rate=Decimal("0.2042")
    )


def _in_kind() -> None:
    """A fund of which one holder is paid in cash, one in kind and one gives back; the voucher was used in part, has
    ended, and what was left of it is owed in cash."""
    fund = repay.operating(5, 10, 20)
    own = repay.period(fund, 1)
    at = make.at_noon(own.record_on)
    offer = elections.make_offer(
        fund, in_kind=True, bonus=Decimal("0.1"), give_back=True, actor=repay.staff(), at=at, reason="Agreed."
    )
    for holding, choice in zip(fund.holdings.order_by("pk"), ("cash", "in_kind", "give_back"), strict=True):
        elections.elect(holding, choice, offer_id=offer.pk, period=own, actor=holding.investor.user, at=at)
    repay.report(fund, 1, 27_900_000)
    made = repay.pay_in(repay.distribute(fund, 1))
    in_kind.issue(made.pk, at=made.approved_at)
    voucher = Voucher.objects.get(line__distribution=made)
    vouchers.redeem(
        fund.business, voucher.code, 1_144, form_token=uuid4(), actor=repay.owner(fund), at=repay.after(own, 30)
    )
    over = make.at_noon(voucher.valid_until + timedelta(days=1))
    in_kind.end_due(on=over.date(), at=over)


def _receive(order: Order) -> None:
    """A statement with the order's transfer, one of nobody that is sent back in part, and what the provider paid."""
    day = clock.today_in().isoformat()
    banking.import_statement(
        content=csv_file(
            {"date": day, "amount": order.total, "payer_code": order.payer_code},
            {"date": day, "amount": 3_000, "payer_code": "", "payer_name": "サトウ ケン"},
            {"date": day, "amount": 90_000, "payer_code": "1", "payer_name": settings.PROVIDER_PAYER_NAME},
        ),
        name="statement.csv",
        actor=None,
        at=timezone.now(),
    )
    transfer = banking.send_back(
        StatementLine.objects.get(payer_code=""),
        amount=1_000,
        payee={"bank": "0001", "branch": "001", "type": "1", "number": "7654321", "holder": "サトウ ケン"},
        actor=make.make_user(is_staff=True),
        at=timezone.now(),
        reason="Nobody knows what it is for.",
    )
    make.carry_out(transfer, at=timezone.now(), reference="T-0")


def _give_back_by_bank(sandbox: SandboxProcess, order: Order) -> None:
    """The provider's refund is done and comes back weeks later, so staff pay it by bank."""
    sandbox.control("refund_policy", next="succeeded_then_failed")
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    own = refund.send(Refund.objects.get(order=order).pk, at=timezone.now())
    external.absorb(own.attempt.intent_id or "", at=timezone.now())
    transfer = refund.pay_by_bank(
        own,
        payee={"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": "イトウ ハルカ"},
        actor=make.make_user(is_staff=True),
        at=timezone.now(),
        reason="The card is closed.",
    )
    make.carry_out(transfer, at=timezone.now())
