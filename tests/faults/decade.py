"""Ten years of funds as people live them: who reports what and when, who pays late or never, who takes goods instead of
money, whose account is closed, which fund ends early, and the second disaster. The same seed tells the same story; what
a step finds to do, it reads from the rows. `years.py` plays a story against the sweeps in two ways.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from investments.banking import outgoing
from investments.banking.models import OutgoingTransfer
from investments.distributions import credit, elections, moratorium, pay_in, write_off
from investments.distributions import services as distributions
from investments.distributions.changes import WriteOff
from investments.models import Distribution, Fund, Moratorium
from investments.offerings.rule import Action
from investments.payments import own_accounts
from investments.payouts import outcome, release, select, tax
from investments.payouts.models import Payout, PayoutAttempt
from investments.revenue import reports
from investments.revenue.models import effective_action
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from rewards import vouchers
from rewards.models import Voucher
from tests import repay

#: The months in which runs are sent: on the 28th, or the bank day after it.
PAYDAYS = (1, 3, 6, 7, 9, 10, 12)
#: When somebody acts within a day: at its first instant, at noon, at its last second.
HOURS = (time(0, 0, 0), time(12), time(23, 59, 59))

#: Of so many days people act on one, so that sweeps which come only before them are late.
OFFICE = 7
#: To whom businesses have money sent.
BUSINESS = {"bank": "0001", "branch": "001", "type": "1", "number": "7654321", "holder": "ヒノデ"}
#: Days after a period's end: vouchers are at the till; the last of them are over; arrears are given up; whoever is left
#: over pays, and a fund that owes nothing any more is closed.
TILL, VOUCHERS_OVER, GIVEN_UP, CLOSED = 130, 290, 310, 400

Step = Callable[[datetime], Any]


def office(day: date) -> date:
    """The first office day from a day on."""
    return day + timedelta(days=-day.toordinal() % OFFICE)


@dataclass(frozen=True)
class Shape:
    """What a fund of the story is: when its term begins, its periods, where it ends early, of which period the business
    never pays all (a year's at least, so that no later payment comes before), whether it offers more than cash, and
    whether it is of the same business as the fund before it."""

    starts: date
    periods: int
    months: int
    seed: str
    wound_up_in: int = 0
    written_off_in: int = 0
    in_kind: bool = False
    same_business: bool = False


@dataclass(frozen=True)
class Disaster:
    """A second one: of all funds in their terms the periods that end within a year are put off or not counted; perhaps
    it is over early."""

    on: date
    action: str
    over_on: date | None = None


@dataclass
class Story:
    """The funds of one telling and their dated steps."""

    shapes: list[Shape]
    disasters: list[Disaster] = field(default_factory=list)
    funds: list[Fund] = field(default_factory=list)
    steps: dict[date, list[tuple[datetime, Step]]] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)

    def at(self, day: date, hour: time, step: Step, *, exact: bool = False) -> None:
        """Somebody acts: on that very day, or on the next office day."""
        day = day if exact else office(day)
        at = datetime.combine(day, hour, tzinfo=clock.business_zone())
        self.steps.setdefault(day, []).append((at, step))

    def begin(self) -> None:
        """Sell and start every fund, then lay out its years."""
        for name in ("maker", "checker", "reviewer"):
            repay.staff(name)
        for shape in self.shapes:
            self._fund(shape)
        for disaster in self.disasters:
            self.at(disaster.on, HOURS[1], lambda at, own=disaster: self._declare(own, at))  # type: ignore[misc]
            if disaster.over_on:
                self.at(disaster.over_on, HOURS[1], self._end_disaster)
        first, last = self.first, self.last
        day = first.replace(day=1)
        while day <= last:
            if day.month in PAYDAYS:
                self.at(clock.next_bank_day(day.replace(day=28)), time(15), self._payday, exact=True)
            day = clock.add_months(day, 1)
        for steps in self.steps.values():
            steps.sort(key=lambda step: step[0])

    @property
    def first(self) -> date:
        return min(shape.starts for shape in self.shapes)

    @property
    def last(self) -> date:
        """Long enough for the last report, the last payment and the transfer that came back."""
        ends = [
            clock.add_months(shape.starts, (shape.wound_up_in or shape.periods) * shape.months) for shape in self.shapes
        ]
        return clock.add_months(max(ends), 14)

    # -- one fund --------------------------------------------------------------------------------------------------

    def _fund(self, shape: Shape) -> None:
        chance = random.Random(shape.seed)
        bought = shape.starts - timedelta(days=75)
        fund = repay.operating(
            *(chance.randint(1, 13) for _holder in range(3)),
            on=bought,
            closes_on=bought + timedelta(days=20),
            business=self.funds[-1].business if shape.same_business else None,
            term_starts_on=shape.starts,
            units_offered=200,
            periods=shape.periods,
            period_months=shape.months,
            plan_revenue=[3_000_000] * shape.periods,
            uses=[],
            rate_before_recoup=Decimal("0.12"),
            rate_after_recoup=Decimal("0.06"),
        )
        repay.owner(fund)
        self.funds.append(fund)
        self.at(shape.starts + timedelta(days=9), HOURS[1], lambda at: self._release(fund, at))
        if shape.in_kind:
            self.at(shape.starts + timedelta(days=1), HOURS[1], lambda at: self._offer(fund, at))
        for number in range(1, shape.periods + 1):
            _first, ends = clock.period_bounds(shape.starts, shape.months, number)
            if number == shape.wound_up_in:
                self.at(ends + timedelta(days=50), HOURS[1], lambda at: self._wind_up(fund, at))
                return
            self._period(fund, shape, number, ends, chance=chance)
            if shape.in_kind:
                self._in_kind(fund, number, ends, pays=number != shape.written_off_in, chance=chance)
        self.at(ends + timedelta(days=CLOSED), HOURS[1], lambda at: self._close(fund, at))

    def _period(self, fund: Fund, shape: Shape, number: int, ends: date, *, chance: random.Random) -> None:
        """One period: some report late or wrongly, some put off, some pay in two parts or never all of it, some
        transfer comes back."""
        last, given_up = number == shape.periods, number == shape.written_off_in
        revenue = chance.randint(0, 6_000_000)
        action = chance.choice(["report"] * 6 + ["waive"] + ([] if last else ["defer", "defer"]))
        if given_up:
            revenue, action = revenue + 3_000_000, "report"
        reported = office(ends + timedelta(days=chance.choice([2, 30, 60, 85])))
        decided = office(reported + timedelta(days=2))
        pick = iter(chance.choices(HOURS, k=8))
        self.at(reported, next(pick), lambda at: self._report(fund, number, revenue, action, at))
        self.at(decided, next(pick), lambda at: self._decide(fund, number, at))
        paid = office(decided + timedelta(days=chance.randint(2, 23)))
        if chance.random() < (0.7 if given_up else 0.25):
            self.at(paid, next(pick), lambda at: self._pay(fund, at, part=True))
            paid += timedelta(days=chance.randint(20, 120))
        if given_up:
            self.at(ends + timedelta(days=GIVEN_UP), next(pick), lambda at: self._give_up(fund, at))
        else:
            self.at(paid, next(pick), lambda at: self._pay(fund, at))
        if number > 1 and chance.random() < 0.4:
            better = chance.randint(0, 7_000_000)
            self.at(ends - timedelta(days=20), next(pick), lambda at: self._restate(fund, number - 1, better, at))
        if chance.random() < 0.3:
            self.at(ends + timedelta(days=150), next(pick), lambda at: self._comes_back(fund, at))
            if chance.random() < 0.7:
                self.at(ends + timedelta(days=170), next(pick), lambda at: self._new_account(fund, at))

    def _in_kind(self, fund: Fund, number: int, ends: date, *, pays: bool, chance: random.Random) -> None:
        """Holders choose until the last second of the record date, and use of a voucher what they like; what is left of
        it the business pays after all, if it pays."""
        choices = chance.choices(["cash", "in_kind", "give_back", ""], k=3)
        quarters = chance.choices(range(5), k=3)
        self.at(ends, HOURS[2], lambda at: self._choose(fund, number, choices, at), exact=True)
        self.at(ends + timedelta(days=TILL), HOURS[1], lambda at: self._redeem(fund, quarters, at))
        if pays:
            self.at(ends + timedelta(days=VOUCHERS_OVER), HOURS[1], lambda at: self._pay(fund, at))

    def _report(self, fund: Fund, number: int, revenue: int, action: str, at: datetime) -> None:
        own = repay.period(fund, number)
        months = own.fund.terms.get().period_months
        draft = reports.save_draft(
            own,
            lines=[{"label": "", "months": [0] * (months - 1) + [revenue]}],
            actor=repay.owner(fund),
            at=at,
            action=action,
            comment="The boats came late.",
            reason="The harbour was closed." if action != "report" else "",
        )
        reports.submit(draft, actor=repay.owner(fund), at=at)
        reports.accept(draft, actor=repay.staff("reviewer"), at=at)
        self.told[action] += 1

    def _decide(self, fund: Fund, number: int, at: datetime) -> None:
        made = distributions.prepare(repay.period(fund, number), actor=repay.staff(), at=at)
        distributions.approve(made, actor=repay.staff("checker"), at=at)

    def _pay(self, fund: Fund, at: datetime, *, part: bool = False) -> None:
        """The business pays what it owes, the oldest first; a half of it is paid out in part."""
        for made in Distribution.objects.filter(fund=fund, state="approved").order_by("pk"):
            amount = made.owed // 2 if part else made.owed
            if amount <= 0:
                continue
            repay.receive({"amount": amount, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
            made.refresh_from_db()
            if part and pay_in.payable_in_part(made) >= 1:
                own = pay_in.prepare_instalment(made, actor=repay.staff(), at=at, reason="The rest comes later.")
                pay_in.approve_instalment(own, actor=repay.staff("checker"), at=at)
                self.told["part"] += 1

    def _restate(self, fund: Fund, number: int, revenue: int, at: datetime) -> None:
        """An earlier figure was wrong; only what was reported or put off can be mended."""
        own = repay.period(fund, number)
        first = own.reports.filter(state="accepted", restatement=False).first()
        done = own.state in ("approved", "funded", "paying", "paid")
        if first is None or effective_action(own, first.action) == Action.WAIVE or not done:
            return
        months = fund.terms.get().period_months
        draft = reports.save_draft(
            own,
            lines=[{"label": "", "months": [0] * (months - 1) + [revenue]}],
            actor=repay.owner(fund),
            at=at,
            restatement=True,
            comment="The boats came late.",
            reason="The books were wrong.",
        )
        reports.submit(draft, actor=repay.owner(fund), at=at)
        reports.accept(draft, actor=repay.staff("reviewer"), at=at)
        self.told["restatement"] += 1

    def _comes_back(self, fund: Fund, at: datetime) -> None:
        """The bank sends the newest transfer to the first holder back."""
        on = clock.today_in(None, at)
        sent = PayoutAttempt.objects.filter(payout__fund=fund, state__in=["sent", "paid"], run__pay_on__lte=on)
        newest = sent.order_by("payout__investor_id", "-pk").first()
        if newest is not None and newest.payout.state in (Payout.State.SENT, Payout.State.PAID):
            outcome.record_return(newest, returned_on=on, actor=repay.staff(), at=at, cause="closed")
            self.told["return"] += 1

    def _new_account(self, fund: Fund, at: datetime) -> None:
        back = Payout.objects.filter(fund=fund, state__in=["returned", "unclaimed"]).order_by("pk").first()
        if back is not None:
            repay.give_account(back.investor, number=f"{at.toordinal():07}", at=at)
            self.told["new account"] += 1

    def _wind_up(self, fund: Fund, at: datetime) -> None:
        made = distributions.prepare_wind_up(
            fund, residual_per_unit=321, actor=repay.staff(), at=at, reason="The business has closed."
        )
        made = distributions.approve(made, actor=repay.staff("checker"), at=at)
        repay.receive({"amount": made.gross, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
        self.told["wind-up"] += 1

    def _payday(self, at: datetime) -> None:
        """A run of all that may be sent, and the withheld tax of the months before."""
        on = clock.today_in(None, at)
        if any(line.excluded == "" for line in select.preview(on)):
            repay.send_run(at=at)
            self.told["run"] += 1
        for row in tax.unpaid():
            _transfer(tax.pay_over(row, actor=repay.staff(), at=at, reason="Paid over for the month."), at)
            self.told["tax"] += 1

    # -- Money to the business, and the end --------------------------------------------------------------------------

    def _release(self, fund: Fund, at: datetime) -> None:
        """Both halves leave for the business, and the fee for the operator."""
        for part in ("donation", "investment"):
            made = release.prepare(
                fund,
                part=part,
                amount=release.releasable(fund, part),
                payee=BUSINESS,
                actor=repay.staff(),
                at=at,
                reason="The term has begun.",
            )
            _transfer(made, at)
        _transfer(own_accounts.sweep_fees(fund, actor=repay.staff(), at=at, reason="The fees."), at)

    def _close(self, fund: Fund, at: datetime) -> None:
        """What is left over of a credit goes back; a fund that has matured and is owed nothing is closed."""
        self._pay(fund, at)
        for row in WriteOff.objects.filter(distribution__fund=fund, credit_left__gt=0):
            if credit.returnable(row):
                made = credit.give_back(row, payee=BUSINESS, actor=repay.staff(), at=at, reason="Nothing follows.")
                _transfer(made, at)
                self.told["credit back"] += 1
        fund.refresh_from_db()
        try:
            outcome.settle(fund, actor=repay.staff(), at=at, reason="The term is over.")
        except DomainError as refused:
            self.told[f"not settled: {refused.code}"] += 1
        else:
            self.told["settled"] += 1

    # -- In kind, arrears, a second disaster -------------------------------------------------------------------------

    def _offer(self, fund: Fund, at: datetime) -> None:
        bonus = Decimal("0.1")
        elections.make_offer(
            fund, in_kind=True, bonus=bonus, give_back=True, actor=repay.staff(), at=at, reason="As agreed."
        )

    def _choose(self, fund: Fund, number: int, choices: list[str], at: datetime) -> None:
        own, offer = repay.period(fund, number), elections.offer_of(fund)
        assert offer is not None
        for holding, choice in zip(fund.holdings.select_related("investor__user").order_by("pk"), choices, strict=True):
            if choice:
                elections.elect(holding, choice, offer_id=offer.pk, period=own, actor=holding.investor.user, at=at)
                self.told["choice"] += 1

    def _redeem(self, fund: Fund, quarters: list[int], at: datetime) -> None:
        """Some of the vouchers that are good are used, some in part."""
        good = Voucher.objects.filter(line__distribution__fund=fund, balance__gt=0, ended_at__isnull=True)
        for row, quarter in zip(good.order_by("line__allocation_id"), quarters, strict=False):
            amount = row.balance * quarter // 4
            if amount and not vouchers.is_over(row, on=clock.today_in(None, at)):
                vouchers.redeem(fund.business, row.code, amount, form_token=uuid4(), actor=repay.owner(fund), at=at)
                self.told["voucher used"] += 1

    def _give_up(self, fund: Fund, at: datetime) -> None:
        """Two people write off what the business has not paid."""
        for made in Distribution.objects.filter(fund=fund, state="approved").order_by("pk"):
            if made.owed:
                row = write_off.prepare(made, actor=repay.staff(), at=at, reason="The works were washed away.")
                write_off.approve(row, actor=repay.staff("checker"), at=at)
                self.told["write-off"] += 1

    def _declare(self, disaster: Disaster, at: datetime) -> None:
        hit = Fund.objects.filter(pk__in=[fund.pk for fund in self.funds], state=Fund.State.OPERATING)
        row = moratorium.prepare(
            hit.order_by("pk"),
            title="The second storm",
            reason="The harbours are gone.",
            action=disaster.action,
            from_on=disaster.on,
            until_on=clock.add_months(disaster.on, 12),
            actor=repay.staff(),
            at=at,
        )
        moratorium.approve(row, actor=repay.staff("checker"), at=at)
        self.told[f"moratorium: {disaster.action}"] += 1

    def _end_disaster(self, at: datetime) -> None:
        row = Moratorium.objects.filter(state=Moratorium.State.APPROVED).latest("pk")
        moratorium.prepare_end(row, actor=repay.staff(), at=at, reason="The harbours are open again.")
        moratorium.end(row, actor=repay.staff("checker"), at=at)
        self.told["moratorium over"] += 1


def _transfer(made: OutgoingTransfer, at: datetime) -> None:
    """Approved by another person, made at the bank, recorded."""
    outgoing.approve(made, actor=repay.staff("checker"), at=at)
    on = clock.today_in(None, at)
    outgoing.record_sent(made, transferred_on=on, bank_reference=f"T{made.pk}", actor=repay.staff(), at=at)
