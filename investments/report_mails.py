"""The mails about revenue reports (pages.md 2.6, E14): owners are reminded of one that is due, or told what staff ask
to be mended; of a late one the fund's staff hear as well."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from investments import events
from investments.letters import to_operator, to_owners
from investments.offerings.models import Fund
from investments.revenue.models import Period, RevenueReport
from microfund.kernel import locks
from microfund.kernel.notices.letters import Letter, day, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe

#: Days after the day on which a report is due (negative: before) on which its owners are reminded (section 6).
REMIND_ON = (-30, -7, 0, 7, 30)


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.ReportReturned, report_returned)


def remind_reports_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep, E14: remind of reports that are due in 30 or 7 days, today, or late by 7 or 30; of the last two the fund's
    staff hear as well. Who was not reminded in time (the worker was down) gets the newest reminder only."""
    counts = {"reminded": 0, "errors": 0}
    if not is_news(at):
        return counts
    due = Period.objects.filter(
        state=Period.State.REPORT_DUE,
        fund__state=Fund.State.OPERATING,
        report_due_on__lte=on - timedelta(days=REMIND_ON[0]),
    )
    rows = due.select_related("fund__business").order_by("pk")
    locks.each(rows, lambda period: remind(period, on=on, at=at), counts, "reminded")
    return counts


def remind(period: Period, *, on: date, at: datetime) -> bool:
    """The newest reminder of a period whose report is due, once; of a late one to the fund's staff as well."""
    step = max(step for step in REMIND_ON if step <= (on - period.report_due_on).days)
    key = f"report_reminder:{period.pk}:{step}"
    to_owners("report_reminder", period.fund, lambda: _reminder(period, on), key=key, at=at)
    if step > 0:
        to_operator("report_late", lambda: _late(period, on), key=key, at=at)
    return True


def _reminder(period: Period, on: date) -> Letter:
    days = (on - period.report_due_on).days
    words = {"number": period.number, "date": day(period.report_due_on), "days": abs(days)}
    if days < 0:
        subject = _("Your report of period %(number)d is due on %(date)s") % words
        first = _("In %(days)d days, on %(date)s, the report of your sales in period %(number)d is due.") % words
    elif days == 0:
        subject = _("Your report of period %(number)d is due today") % words
        first = _("Today the report of your sales in period %(number)d is due.") % words
    else:
        subject = _("Your report of period %(number)d is late") % words
        first = (
            _(
                "The report of your sales in period %(number)d was due on %(date)s, %(days)d days ago. Your supporters"
                " see that it is late. The fund's staff have been told."
            )
            % words
        )
    return Letter(
        subject=subject,
        paragraphs=[
            first,
            _(
                "It takes one figure for each month, without consumption tax, and a few words where they are off the"
                " plan. If it cannot be done in time, write to us: a payment can be put off, with a reason."
            ),
        ],
        facts=[
            (_("Fund"), name_of(period.fund)),
            (_("Period"), f"{day(period.starts_on)} – {day(period.ends_on)}"),
            (_("Report due"), day(period.report_due_on)),
            (_("Payment due"), day(period.payment_due_on)),
        ],
        button=_("Write the report"),
        url=link("studio:reports", period.fund.business.slug),
    )


def _late(period: Period, on: date) -> Letter:
    words = {
        "business": name_of(period.fund.business),
        "number": period.number,
        "days": (on - period.report_due_on).days,
    }
    return Letter(
        subject=_("%(business)s: the report of period %(number)d is %(days)d days late") % words,
        paragraphs=[_("Its owners have been reminded. Call them: a late report is often the first sign of trouble.")],
        facts=[(_("Report due"), day(period.report_due_on)), (_("Payment due"), day(period.payment_due_on))],
        button=_("See the periods"),
        url=link("admin:investments_period_changelist") + f"?fund__id__exact={period.fund_id}",
    )


def report_returned(event: events.ReportReturned) -> None:
    """To the owners: what staff ask to be mended."""
    if not is_news(event.at):
        return
    report = RevenueReport.objects.select_related("period__fund__business").get(pk=event.report_id)

    def letter() -> Letter:
        return Letter(
            subject=_("Please mend your report of period %(number)d") % {"number": report.period.number},
            paragraphs=[
                _("The fund's staff read your report and ask you to look at it once more. What you wrote is kept.")
            ],
            quoted=_("They write:"),
            quote=report.answer,
            button=_("Open the report"),
            url=link("studio:reports", report.period.fund.business.slug),
        )

    key = f"report_returned:{report.pk}"
    to_owners("report_returned", report.period.fund, letter, key=key, at=event.at)
