"""Cases of rewards: a season opened, claimed, closed, packed and sent; vouchers; what comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from investments.inheritance import services as inheritance
from investments.models import Fund, Holding, Inheritance
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from rewards import claims, compensation, fulfilment, heirs, in_kind, offers, reassign, vouchers
from rewards.models import Batch, Compensation, Cycle, Entitlement, Parcel, Redemption, Voucher
from tests import make, repay
from tests.faults import world
from tests.faults.cases.case import Case, Context, at_of, context_of, sweep
from tests.in_kind import approved
from tests.rewards import build

_SWEEPS = ("rewards.close", "rewards.open", "rewards.remind", "rewards.deliver")
#: What a service answers when the same act was done before.
_DONE = {"wrong_state", "nothing"}


def _again(act: Callable[[Context], Any]) -> Callable[[Context], None]:
    """An act of a person who saw no answer and presses once more."""

    def do(context: Context) -> None:
        try:
            act(context)
        except DomainError as refused:
            if refused.code not in _DONE:
                raise

    return do


def _prepared(to: str) -> Context:
    """A fund of four holders brought to the moment before a step; the seasons of earlier cases are at rest."""
    for name in ("maker", "checker"):
        repay.staff(name)
    if to == "end":
        return _voucher_of_a_payment()
    fund = repay.operating(30, 19, 4, 2)
    at = build.first_day(fund)
    world.sweeps(_SWEEPS, at=at)
    if to == "redeem":
        offer = build.make_offer(fund, kind="voucher", value=2_000)
    else:
        offer = build.make_offer(fund, stock=10, per_units=2)
    if to == "after all":
        return _carried_of_an_ended_offer(fund, at)
    if to == "exchange":
        build.make_offer(fund, text_en="Dried seaweed", text_ja="乾燥わかめ", stock=10)
    context = context_of(fund, at=at, offer=offer.pk)
    if to == "open":
        return context
    build.open_cycles(at)
    cycle = offer.cycles.get()
    context["cycle"] = cycle.pk
    if to in ("claim", "redeem"):
        if to == "redeem":
            build.claim(build.row_of(cycle), at=at)
        return context
    for number in (2, 3):
        build.claim(build.row_of(cycle, number), at=at)
    if to in ("decline", "exchange"):
        return context
    if to == "approve":
        made = compensation.prepare(
            build.row_of(cycle, 2), amount=5_000, actor=repay.staff(), at=at, reason="Lost at sea."
        )
        context["compensation"] = made.pk
        return context
    if to == "write off":
        made = compensation.prepare(
            build.row_of(cycle, 2), amount=5_000, actor=repay.staff(), at=at, reason="Lost at sea."
        )
        made = compensation.approve(made, actor=repay.staff("checker"), at=at)
        assert made.due_on is not None
        late = make.at_noon(made.due_on + timedelta(days=1))
        compensation.propose_loss(made, actor=repay.staff(), at=late, reason="The business was closed.")
        return {**context, "at": late.isoformat(), "compensation": made.pk}
    if to == "inherit":
        context["inheritance"] = _inheritance(fund, at=at)
        return context
    over = build.after_closing(cycle)
    context["at"] = over.isoformat()
    if to == "close":
        return context
    world.sweeps(_SWEEPS, at=over)
    if to == "pack":
        return context
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=over)
    context["batch"] = batch.pk
    if to == "send":
        return context
    fulfilment.ship(batch, carrier="post", shipped_on=over.date(), actor=repay.staff(), at=over)
    return context


def _carried_of_an_ended_offer(fund: Fund, at: datetime) -> Context:
    """Two claimed, two were carried to the next season; then the offer was ended."""
    offer = build.make_offer(fund, stock=10, unclaimed="carry")
    build.open_cycles(at)
    cycle = offer.cycles.get()
    for number in (2, 3):
        build.claim(build.row_of(cycle, number), at=at)
    over = build.after_closing(cycle)
    world.sweeps(_SWEEPS, at=over)
    offers.end(offer, actor=repay.staff(), at=over, reason="The rafts are gone.")
    return context_of(fund, at=over + timedelta(hours=2), offer=offer.pk, cycle=cycle.pk)


def _voucher_of_a_payment() -> Context:
    """A voucher for what was taken in kind, used in part, whose last day is over."""
    made = approved("in_kind", "cash")
    in_kind.issue(made.pk, at=made.approved_at)
    voucher = Voucher.objects.get(line__distribution=made)
    vouchers.redeem(
        voucher.business,
        voucher.code,
        1_144,
        form_token=UUID(int=made.pk),
        actor=repay.owner(made.fund),
        at=repay.after(made.period, 30),
    )
    over = clock.end_of_day(voucher.valid_until + timedelta(days=1))
    return context_of(made.fund, at=over)


def _inheritance(fund: Fund, *, at: datetime) -> int:
    """The holder of four units has died; two others are to inherit them."""
    first, second, dead, _last = fund.holdings.select_related("investor__user").order_by("pk")
    heirs = {first.investor_id: 1, second.investor_id: 3}
    inheritance.record_death(dead.investor, died_on=at.date(), actor=repay.staff(), at=at, reason="Family register.")
    made = inheritance.prepare(
        dead, shares=heirs, payee_id=first.investor_id, actor=repay.staff(), at=at, reason="By their agreement."
    )
    return made.pk


def _state(context: Context) -> list[Any]:
    """Every row of the fund's rewards without ids and clocks."""
    own = {"cycle__offer__fund": context["fund"]}
    return [
        *Cycle.objects.filter(offer__fund=context["fund"]).order_by("number").values_list(
            "number", "state", "stock", "promised", "entitlements_made", "closes_on"
        ),
        *Entitlement.objects.filter(**own).order_by("holding__units", "pk").values_list(
            "holding__units", "quantity", "state", "claim_by", "parcel__prefecture", "parcel__carrier",
            "parcel__problem",
        ),
        ("batches", Batch.objects.filter(**own).count()),
        ("parcels", Parcel.objects.filter(entitlement__cycle__offer__fund=context["fund"]).count()),
        *Voucher.objects.filter(entitlement__cycle__offer__fund=context["fund"]).values_list("value", "balance"),
        *Voucher.objects.filter(line__distribution__fund=context["fund"]).values_list(
            "value", "balance", "ended_at", "line__came_back__amount"
        ),
        ("uses", Redemption.objects.filter(voucher__entitlement__cycle__offer__fund=context["fund"]).count()),
        *Compensation.objects.filter(entitlement__cycle__offer__fund=context["fund"]).values_list("state", "amount"),
        *Holding.objects.filter(fund=context["fund"]).order_by("pk").values_list("units", "movements__units").order_by(
            "pk", "movements__pk"
        ),
    ]  # fmt: skip


def _row(context: Context, number: int) -> Entitlement:
    return build.row_of(Cycle.objects.get(pk=context["cycle"]), number)


def _on(context: Context) -> Any:
    return clock.today_in(None, at_of(context))


def _redeem(context: Context) -> None:
    """A code is drawn anew in each run; the form is the same."""
    fund = Fund.objects.select_related("business").get(pk=context["fund"])
    code = Voucher.objects.get(entitlement__cycle_id=context["cycle"]).code
    token = UUID(int=context["cycle"])
    vouchers.redeem(fund.business, code, 700, form_token=token, actor=repay.staff(), at=at_of(context))


def _claim(context: Context) -> None:
    build.claim(_row(context, 2), at=at_of(context))


def _decline(context: Context) -> None:
    row = _row(context, 2)
    investor = row.holding.investor
    claims.decline(investor, row.pk, actor=investor.user, at=at_of(context))


def _batch(context: Context) -> Batch:
    return Batch.objects.select_related("cycle__offer__fund__business").get(pk=context["batch"])


def _exchange(context: Context) -> None:
    other = Cycle.objects.exclude(pk=context["cycle"]).get(offer__fund=context["fund"])
    reassign.exchange(_row(context, 2).pk, other, actor=repay.staff(), at=at_of(context), reason="Lost at sea.")


def _approve(context: Context) -> None:
    made = Compensation.objects.get(pk=context["compensation"])
    compensation.approve(made, actor=repay.staff("checker"), at=at_of(context))


def _write_off(context: Context) -> None:
    made = Compensation.objects.get(pk=context["compensation"])
    compensation.approve_loss(made, actor=repay.staff("checker"), at=at_of(context))


def _inherit(context: Context) -> None:
    made = Inheritance.objects.get(pk=context["inheritance"])
    inheritance.approve(made, actor=repay.staff("checker"), at=at_of(context))


def _follow(context: Context) -> None:
    _again(_inherit)(context)
    heirs.follow(Inheritance.objects.get(pk=context["inheritance"]), at=at_of(context))


def _case(to: str, act: Callable[[Context], Any]) -> Case:
    return Case(lambda: _prepared(to), act, sweeps=_SWEEPS, also=_state)


def _pack(context: Context) -> None:
    cycle = Cycle.objects.select_related("offer__fund__business").get(pk=context["cycle"])
    fulfilment.pack(cycle, actor=repay.staff(), at=at_of(context))


CASES: dict[str, Case] = {
    "open a season": _case("open", sweep("rewards.open")),
    "claim a reward": _case("claim", _claim),
    "decline a reward": _case("decline", _again(_decline)),
    "close a season": _case("close", sweep("rewards.close")),
    "what was carried comes with no other season": _case("after all", sweep("rewards.close")),
    "pack a batch": _case("pack", _again(_pack)),
    "send a batch": _case(
        "send",
        _again(
            lambda own: fulfilment.ship(
                _batch(own), carrier="post", shipped_on=_on(own), actor=repay.staff(), at=at_of(own)
            )
        ),
    ),
    "a parcel comes back": _case(
        "back",
        _again(
            lambda own: fulfilment.report_problem(
                _row(own, 2).pk, problem="unknown", note="", actor=repay.staff(), at=at_of(own)
            )
        ),
    ),
    "redeem a voucher": _case("redeem", _redeem),
    "a voucher of a payment ends": _case("end", sweep("rewards.vouchers")),
    "give another reward": _case("exchange", _again(_exchange)),
    "approve money instead of a reward": _case("approve", _again(_approve)),
    "write off money instead of a reward": _case("write off", _again(_write_off)),
    "move units and rewards to heirs": _case("inherit", _follow),
}
