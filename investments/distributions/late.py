"""Why money of a period does not come on its planned day, in words for everybody (pages.md P8): which cause, since when
and what comes next. Nothing is computed: it is all read from what is stored of the period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from investments.offerings.models import Fund, Terms
from investments.offerings.rule import Reason
from investments.revenue.models import Period, RevenueReport
from microfund.kernel import clock
from microfund.kernel.money import format_money

from .explain import relief
from .models import Distribution
from .results import Result


@dataclass(frozen=True, slots=True)
class Told:
    """One remark. `late`: something is overdue; otherwise the terms, the business or a moratorium put it off."""

    late: bool
    text: str


def causes(fund: Fund, terms: Terms, results: Sequence[Result], *, on: date) -> list[Told]:
    """What is overdue or put off as of a business date, oldest period first; one query more if a report is missing."""
    sent_back = _sent_back(fund) if any(result.report_late for result in results) else {}
    found = [Told(False, text) for text in _grace(terms, results)]
    for result in results:
        off = _put_off(fund, results, result)
        late = _late(fund, result, sent_back.get(result.period.pk), on)
        found += [Told(False, text) for text in off] + [Told(True, text) for text in late]
    return found


def _sent_back(fund: Fund) -> dict[int, date]:
    """The day on which the newest report of a period was returned, by period; where a newer one came, nothing."""
    found: dict[int, date] = {}
    reports = RevenueReport.objects.filter(period__fund=fund, period__state=Period.State.REPORT_DUE)
    for row in reports.exclude(state=RevenueReport.State.DRAFT).order_by("period", "version"):
        found.pop(row.period_id, None)
        if row.state == RevenueReport.State.RETURNED and row.decided_at:
            found[row.period_id] = clock.today_in(None, row.decided_at)
    return found


def _date(on: date) -> str:
    return date_format(on, "DATE_FORMAT")


def _joined(*sentences: str) -> str:
    """Sentences in a row; Japanese ones without a gap."""
    return ("" if (get_language() or "en").startswith("ja") else " ").join(sentences)


def _since(due: date, on: date) -> str:
    days = (on - due).days
    return ngettext("That was %(days)s day ago.", "That was %(days)s days ago.", days) % {"days": f"{days:,}"}


def _grace(terms: Terms, results: Sequence[Result]) -> list[str]:
    """The grace period of the terms, until its last period is decided."""
    covered = [result for result in results if result.period.number <= terms.grace_periods]
    if not covered or covered[-1].distributions or covered[-1].period.state == Period.State.WOUND_UP:
        return []
    first = next((result.period for result in results if result.period.number > terms.grace_periods), None)
    text = ngettext(
        "The terms give the business time to begin: its sales of the first period do not count, and nothing is paid.",
        "The terms give the business time to begin: its sales of the first %(n)s periods do not count, and nothing is"
        " paid.",
        len(covered),
    ) % {"n": len(covered)}
    if first is None:
        return [text]
    words = {"number": first.number, "date": _date(first.payment_due_on)}
    then = _("Period %(number)s is the first that counts; its payment is planned for %(date)s.")
    return [_joined(text, then % words)]


def _put_off(fund: Fund, results: Sequence[Result], result: Result) -> list[str]:
    """A moratorium, or a payment deferred at the wish of the business, until what comes next is decided."""
    period = result.period
    own = next((row for row in result.distributions if not row.supplement), None)
    later = [row for row in results if row.period.number > period.number and not row.period.relief]
    if later and later[0].distributions:
        return []
    words: dict[str, Any] = {"number": period.number}
    if period.relief and period.moratorium:
        text = _("Period %(number)s: %(words)s") % {**words, "words": relief(period)}
        if period.moratorium.approved_at:
            since = clock.today_in(None, period.moratorium.approved_at)
            text = _joined(text, _("Decided on %(date)s.") % {"date": _date(since)})
    elif own is not None and own.reason == Reason.DEFERRED and result.report is not None:
        words |= {
            "carried": format_money(own.carried_per_unit, fund.currency),
            "date": _date(clock.today_in(None, own.approved_at) if own.approved_at else own.payment_on),
            "reason": result.report.reason,
        }
        text = _(
            "Period %(number)s: the payment was put off on %(date)s at the wish of the business, which says:"
            " “%(reason)s” %(carried)s per unit are carried."
        )
        text %= words
    else:
        return []
    if not later or later[0].period.state == Period.State.WOUND_UP:
        return [text]
    words = {"number": later[0].period.number, "date": _date(later[0].period.payment_due_on)}
    return [_joined(text, _("Next comes period %(number)s, with its payment planned for %(date)s.") % words)]


def _late(fund: Fund, result: Result, sent_back: date | None, on: date) -> list[str]:
    """What is overdue of one period: its report, its figures, the money of the business, or the transfers."""
    period = result.period
    words: dict[str, Any] = {"number": period.number, "date": _date(period.payment_due_on)}
    if result.report_late:
        return [_report(period, sent_back, on)]
    overdue = period.payment_due_on < on
    worked_out = next((own for own in result.distributions if not own.supplement and own.approved_at), None)
    if overdue and worked_out and _open(period, worked_out) and worked_out.payment_on >= on:
        words |= {
            "decided": _date(clock.today_in(None, worked_out.approved_at)),
            "new": _date(worked_out.payment_on),
        }
        text = _(
            "Period %(number)s was to be paid on %(date)s. What it pays was decided late, on %(decided)s; it is now"
            " planned for %(new)s."
        )
        return [text % words]
    if period.state == Period.State.REPORTED and overdue:
        text = _("Period %(number)s was to be paid on %(date)s: its report of sales has come, and fund staff check it.")
    elif period.state in (Period.State.ACCEPTED, Period.State.CALCULATED) and overdue:
        text = _(
            "Period %(number)s was to be paid on %(date)s: its report is accepted, and what it pays is worked out."
        )
    else:
        return [
            _payment(fund, period, own, on)
            for own in result.distributions
            if own.payment_on < on and _open(period, own)
        ]
    return [
        _joined(
            text % words,
            _since(period.payment_due_on, on),
            _("Two people calculate and approve the payment; then the business has to pay."),
        )
    ]


def _open(period: Period, own: Distribution) -> bool:
    """Whether the business owes for this payment, or the fund has not begun to pass it on."""
    return own.owed > 0 or period.state == Period.State.FUNDED


def _report(period: Period, sent_back: date | None, on: date) -> str:
    words = {"number": period.number, "date": _date(period.report_due_on)}
    text = _("The report of period %(number)s was due on %(date)s and has not come yet.") % words
    if sent_back:
        text = _(
            "The report of period %(number)s was due on %(date)s. Fund staff sent it back on %(back)s to be corrected,"
            " and it has not come again yet."
        )
        text %= {**words, "back": _date(sent_back)}
    planned = {"date": _date(period.payment_due_on)}
    if period.payment_due_on < on:
        then = _("Its payment was planned for %(date)s; what it pays is worked out once the report is accepted.")
    else:
        then = _("Its payment is planned for %(date)s; what it pays is worked out once the report is accepted.")
    return _joined(text, _since(period.report_due_on, on), then % planned)


def _payment(fund: Fund, period: Period, own: Distribution, on: date) -> str:
    words = {
        "number": period.number,
        "date": _date(own.payment_on),
        "received": format_money(own.received, fund.currency),
        "whole": format_money(own.received + own.owed, fund.currency),
        "released": format_money(own.instalment_per_unit, fund.currency),
    }
    if own.owed <= 0:
        text = _("The business has paid for period %(number)s, but holders were to have the money on %(date)s.")
        then = [_("Fund staff prepare the transfers.")]
    else:
        text = _(
            "The business was to pay for period %(number)s by %(date)s. %(received)s of %(whole)s have arrived so far;"
            " what is missing stays owed and is paid first."
        )
        released = _("%(released)s per unit of it are released to the holders.") % words
        then = [released] if own.instalment_per_unit else []
        then.append(_("The rest goes out once it has arrived, and every holder is told by mail."))
    return _joined(text % words, _since(own.payment_on, on), *then)
