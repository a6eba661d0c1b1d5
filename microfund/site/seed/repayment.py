"""Ten years of the funds that repay: reports, distributions, what the businesses paid in, payout runs.

Each step is a call of the services on its own day. What is under way on the day of the demo waits at a different desk
for each fund: a report to check, a distribution to approve, money of a business to come, a run to approve.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from businesses.models import Membership
from investments.banking import outgoing
from investments.distributions import moratorium, write_off
from investments.distributions import services as distributions
from investments.models import Distribution, Fund, Moratorium, Period, Release, RevenueReport
from investments.offerings import services as offerings
from investments.payouts import release
from investments.payouts import services as payouts
from investments.payouts.select import preview
from investments.policy import services as policy
from investments.revenue import reports
from investments.revenue.services import period_rows
from microfund.kernel import clock
from microfund.kernel.accounts.models import User

if TYPE_CHECKING:
    from .story import Story
    from .world import Plan

#: Sales by period as a share of the plan.
RESULTS = {
    "homachi-sake": (1.08, 1.02, 0.97, 1.11, 1.06, 1.04, 1.09),
    "kurosaki-shoyu": (0.4, 0.7, 0.82, 0.9, 0.88, 0.93, 1.0, 0.86, 0.91),
    "shiosai-ryokan": (0.6, 0.9, 0.45, 0.5),
    "tsubaki-knit": (1.3, 1.5, 1.7, 1.6, 1.9, 2.1),
    "kaneshige-can": (0.9, 1.0, 1.02, 0.98, 1.05, 0.8, 0.74, 0.85),
    "nagisa-kamaboko": (0.85, 0.6, 0.35),
    "minatoya-fish": (1.02, 1.1, 1.21, 1.18, 1.26, 1.31, 1.34, 1.38, 1.4, 1.42),
}
#: Where the newest period of a fund stands on the day of the demo, if it is not paid.
WAITS = {
    "homachi-sake": "report",
    "shiosai-ryokan": "distribution",
    "kurosaki-shoyu": "money",
    "kaneshige-can": "run",
}
#: Why the figure is far off the plan, and why a payment was put off.
WORDS = {
    ("kurosaki-shoyu", 8): "大豆の値上がりで仕込みを減らしました。Soybeans cost more, so we brewed less.",
    ("shiosai-ryokan", 3): "台風で県道が五か月通れませんでした。The road was closed for five months after a typhoon.",
    ("kaneshige-can", 6): "さばの水揚げが少ない年でした。Little mackerel was landed this year.",
    ("nagisa-kamaboko", 2): "原料の値上がりに売値が追いつきません。Fish costs more than we can ask for the cakes.",
    ("nagisa-kamaboko", 3): "蒸し器が壊れ、半年休みました。The steamer broke and we stood still for half a year.",
    ("kaneshige-can", 7): "さばの不漁が続きました。The mackerel stayed away a second year.",
}
OTHERWISE = "計画との差は売れ行きによるものです。The difference from the plan is how much was sold."
#: The fund that ended before its term: what selling the machines left for each unit, so many days after the period
#: that nobody reported any more.
WOUND_UP = {"nagisa-kamaboko": (180, 45)}
DEFERRED = {("shiosai-ryokan", 3)}
#: Of what a period owed, the business paid so many hundredths; the rest was written off so many days after its report.
WRITTEN_OFF = {("nagisa-kamaboko", 3): (60, 200)}
WRITE_OFF_REASON = "蒸し器の修理で資金が尽きました。The repair of the steamer took the cash that there was."
#: Whose payments a moratorium puts off, declared so many days before the day of the demo.
MORATORIUM_OF, MORATORIUM_DAYS = ("homachi-sake", "tsubaki-knit", "kaneshige-can"), 20
MORATORIUM = (
    "三町の高潮 Storm surge in three towns",
    "高潮で港と県道が使えません。The surge closed harbour and road; nothing comes in or goes out.",
)
#: Days after the start of a term on which its money goes to the business.
RELEASED_AFTER = 2
REPORT_AFTER, LATE_AFTER = 75, 115
#: How the sales of a year spread over its months, in hundredths.
SEASONS = (6, 6, 8, 8, 7, 7, 9, 10, 8, 9, 10, 12)


def tell(story: Story) -> None:
    """Put every step of every period on its day."""
    due: set[date] = set()
    for key, shares in RESULTS.items():
        plan = story.plans[key]
        terms = offerings.current_terms(plan.fund)
        rows = period_rows(plan.fund, terms, policy.current(plan.fund.opens_on))
        story.at(
            plan.fund.term_starts_on + timedelta(days=RELEASED_AFTER),
            lambda at, plan=plan: _release(story, plan, at),  # type: ignore[misc]
        )
        for row, share in zip(rows, shares, strict=False):
            waits = WAITS.get(key, "") if row.number == len(shares) else ""
            late = waits == "distribution"
            reported_on = row.ends_on + timedelta(days=LATE_AFTER if late else REPORT_AFTER)
            revenue = int(terms.plan_revenue[row.number - 1] * Decimal(str(share)))
            # The day after its end a period waits for its report.
            story.at(row.ends_on + timedelta(days=1), lambda at: None)
            story.at(
                reported_on,
                lambda at, plan=plan, number=row.number, revenue=revenue, waits=waits: _report(  # type: ignore[misc]
                    story, plan, number, revenue, waits, at
                ),
            )
            due.add(row.payment_due_on)
            if (key, row.number) in WRITTEN_OFF:
                _share, days = WRITTEN_OFF[key, row.number]
                story.at(
                    reported_on + timedelta(days=days),
                    lambda at, plan=plan, number=row.number: _write_off(story, plan, number, at),  # type: ignore[misc]
                )
        if key in WOUND_UP:
            last = rows[len(shares)]
            residual, days = WOUND_UP[key]
            story.at(last.ends_on + timedelta(days=1), lambda at: None)
            story.at(
                last.ends_on + timedelta(days=days),
                lambda at, plan=plan, residual=residual: _wind_up(story, plan, residual, at),  # type: ignore[misc]
            )
            due.add(last.payment_due_on)
    for day in sorted(day for day in due if day <= story.as_of):
        story.at(day, lambda at: _pay_out(story, at))
        story.at(clock.add_bank_days(day, payouts.BANK_DAYS_TO_RETURN) + timedelta(days=1), lambda at: None)
    story.at(story.as_of - timedelta(days=MORATORIUM_DAYS), lambda at: _moratorium(story, at))
    story.at(story.as_of, lambda at: _run_to_approve(story, at))


def payer_of(fund: Fund) -> str:
    """The firm as banks print it."""
    return fund.business.slug.replace("-", " ").upper()


def owner_of(fund: Fund) -> User:
    """Who reports for the firm."""
    return Membership.objects.select_related("user").filter(business_id=fund.business_id).order_by("pk")[0].user


def by_month(revenue: int, months: int = 12) -> list[int]:
    """A period's sales over its months, by the season; what division leaves stands in the last."""
    shares = SEASONS[-months:]
    parts = [revenue * share // sum(shares) for share in shares]
    parts[-1] += revenue - sum(parts)
    return parts


def _release(story: Story, plan: Plan, at: datetime) -> None:
    """Both halves go to the business: prepared, approved by another person, made at the bank."""
    fund, maker = Fund.objects.get(pk=plan.fund.pk), story.staff["maker"]
    payee = {"bank": "0001", "branch": "001", "type": "1", "number": f"{fund.pk:07d}", "holder": payer_of(fund)}
    for part in Release.Part.values:
        transfer = release.prepare(
            fund,
            part=part,
            amount=release.releasable(fund, part),
            payee=payee,
            actor=maker,
            at=at,
            reason="The term has begun.",
        )
        outgoing.approve(transfer, actor=story.staff["checker"], at=at + timedelta(minutes=10))
        outgoing.record_sent(
            transfer,
            transferred_on=clock.today_in(None, at),
            bank_reference=f"R{transfer.pk:05d}",
            actor=maker,
            at=at + timedelta(minutes=20),
        )


def _report(story: Story, plan: Plan, number: int, revenue: int, waits: str, at: datetime) -> None:
    """The owner reports; staff accept, calculate and approve; the business pays: as far as the story goes that day."""
    fund = Fund.objects.get(pk=plan.fund.pk)
    period = Period.objects.get(fund=fund, number=number)
    owner = owner_of(fund)
    deferred = (plan.key, number) in DEFERRED
    terms = offerings.current_terms(fund)
    words = WORDS.get((plan.key, number), OTHERWISE)
    draft = reports.save_draft(
        period,
        lines=[{"label": "", "months": by_month(revenue)}],
        actor=owner,
        at=at,
        action=RevenueReport.Action.DEFER if deferred else RevenueReport.Action.REPORT,
        staff=story.chance.randint(4, 16),
        comment=words if reports.off_plan(revenue, reports.planned_revenue(terms, number)) else "",
        reason=words if deferred else "",
    )
    reports.submit(draft, actor=owner, at=at)
    if waits == "report":
        return
    reports.accept(draft, actor=story.staff["reviewer"], at=at + timedelta(hours=1))
    made = distributions.prepare(period, actor=story.staff["maker"], at=at + timedelta(hours=2))
    if waits == "distribution":
        return
    made = distributions.approve(made, actor=story.staff["checker"], at=at + timedelta(hours=3))
    if made.owed and not waits:
        share, _days = WRITTEN_OFF.get((plan.key, number), (100, 0))
        story.transfer(payer_of(plan.fund), made.owed * share // 100, made.payer_code, at)
    elif waits == "run":
        # Paid at last, too late for the run of its day.
        story.at(
            story.as_of - timedelta(days=3),
            lambda at: story.transfer(payer_of(plan.fund), made.owed, made.payer_code, at),
        )


def _write_off(story: Story, plan: Plan, number: int, at: datetime) -> None:
    """What the firm could not pay of a period is given up by two people."""
    owed = Distribution.objects.get(fund=plan.fund, period__number=number, state=Distribution.State.APPROVED)
    row = write_off.prepare(owed, actor=story.staff["maker"], at=at, reason=WRITE_OFF_REASON)
    write_off.approve(row, actor=story.staff["checker"], at=at + timedelta(hours=1))


def _moratorium(story: Story, at: datetime) -> None:
    """A second disaster: two people put the payments of several funds off; the sweep takes each fund's step."""
    on = clock.today_in(None, at)
    slugs = [story.plans[key].fund.business.slug for key in MORATORIUM_OF]
    row = moratorium.prepare(
        moratorium.chosen(businesses=slugs),
        title=MORATORIUM[0],
        reason=MORATORIUM[1],
        action=Moratorium.Action.DEFER,
        from_on=on,
        until_on=on + timedelta(days=364),
        actor=story.staff["maker"],
        at=at,
    )
    moratorium.approve(row, actor=story.staff["checker"], at=at + timedelta(hours=1))


def _wind_up(story: Story, plan: Plan, residual: int, at: datetime) -> None:
    """The firm has closed and sold its machines: one person prepares what is left, another approves, the firm pays."""
    fund = Fund.objects.get(pk=plan.fund.pk)
    made = distributions.prepare_wind_up(
        fund,
        residual_per_unit=residual,
        actor=story.staff["maker"],
        at=at,
        reason="The business has closed; its steamer and cold store were sold.",
    )
    made = distributions.approve(made, actor=story.staff["checker"], at=at + timedelta(hours=1))
    story.transfer(payer_of(fund), made.owed, made.payer_code, at)


def _pay_out(story: Story, at: datetime) -> None:
    """One run for everything that was released."""
    on = clock.today_in(None, at)
    if all(line.excluded for line in preview(on)):
        return
    run = payouts.build_run(pay_on=on, actor=story.staff["maker"], at=at)
    payouts.approve_run(run, actor=story.staff["checker"], at=at + timedelta(minutes=30))
    payouts.mark_sent(run, actor=story.staff["maker"], at=at + timedelta(hours=1))


def _run_to_approve(story: Story, at: datetime) -> None:
    """The run that somebody else has to approve."""
    day = clock.next_bank_day(clock.today_in(None, at) + timedelta(days=2))
    if any(not line.excluded for line in preview(day)):
        payouts.build_run(pay_on=day, actor=story.staff["maker"], at=at)
