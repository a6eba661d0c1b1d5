"""A payment in words, built from what is stored with it: nothing is computed that the distribution does not say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from investments.offerings.exact import RATE_SCALE
from investments.offerings.queries import rule_terms
from investments.offerings.rule import Action, Reason, RuleTerms, entitlement, recoup_revenue
from investments.revenue.models import Period
from investments.revenue.reports import planned_revenue
from microfund.kernel import clock
from microfund.kernel.money import format_money

from .changes import WriteOff
from .elected import Choice
from .models import Allocation, Distribution
from .taxed import taken

Yen = Callable[[int | None], str]


def percent(rate: Decimal) -> str:
    """3.36 % for 0.0336: rates have four places."""
    return f"{rate:.2%}".replace("%", " %")


def _exact(terms: RuleTerms, revenue: int, currency: str) -> str:
    """¥312.48: what `revenue` has earned per unit before the one floor, its fraction cut after two places. The rule
    itself says it, asked in ten-thousandths of a yen."""
    finer = replace(terms, investment=terms.investment * RATE_SCALE)
    whole, parts = divmod(entitlement(finer, revenue * RATE_SCALE), RATE_SCALE)
    text, digits = format_money(whole, currency), f"{whole:,}"
    return text.replace(digits, f"{digits}.{parts // 100:02d}") if parts >= 100 else text


def sentences(own: Distribution, line: Allocation | None = None) -> list[str]:
    """How a period's per-unit figure came about and what it makes of one holding; the reasons as sentences of their
    own. For a period that was not counted: why."""

    def yen(amount: int | None) -> str:
        return format_money(amount or 0, own.fund.currency)

    if own.action == Action.WIND_UP:
        text = _("The fund was wound up: what was left came to %(per_unit)s per unit.") % {
            "per_unit": yen(own.per_unit)
        }
        found = [text.rstrip(".。") + _mine(line, yen) if line else text]
        if own.lost_per_unit:
            found.append(_("%(lost)s per unit that had been earned ended unpaid.") % {"lost": yen(own.lost_per_unit)})
        return [*found, *written_off(own)]
    if own.reason == Reason.GRACE:
        return [_("This period lies in the grace period of the terms: its sales do not count and nothing is paid.")]
    told = [relief(own.period)] if own.period.relief else []
    found = [_calculation(own, yen) + (_mine(line, yen) if line else ""), *_reasons(own, yen), *told]
    return [*found, *(taken_words(line) if line else []), *written_off(own)]


def taken_words(line: Allocation) -> list[str]:
    """How a line was taken by its holder's choice, if not in cash, in a sentence. Uses `elected`."""
    own, currency = taken(line), line.distribution.fund.currency
    if own is None:
        return []
    words = {"net": format_money(own.net, currency), "worth": format_money(own.worth, currency)}
    if own.choice == Choice.GIVE_BACK:
        return [_("By your choice %(net)s after tax are given back to the business.") % words]
    words["bonus"] = percent(own.bonus)
    return [
        _("By your choice %(net)s after tax are taken in kind: as a voucher for %(worth)s, a bonus of %(bonus)s in it.")
        % words
    ]


def relief(period: Period) -> str:
    """What a moratorium makes of a period, in a sentence; empty where none covers it."""
    if period.moratorium is None:
        return ""
    words = {"title": period.moratorium.title, "reason": period.moratorium.reason}
    if period.relief == Action.WAIVE:
        return _("Moratorium “%(title)s”: this period is not counted. %(reason)s") % words
    return _("Moratorium “%(title)s”: what this period earns is paid with a later one. %(reason)s") % words


def written_off(own: Distribution) -> list[str]:
    """What of a period the business could not pay and need not pay any more, and why; nothing where all stands."""
    if not own.written_off_per_unit:
        return []
    return [
        written_off_words(row, own.fund.currency) for row in own.write_offs.all() if row.state == row.State.APPROVED
    ]


def written_off_words(row: WriteOff, currency: str) -> str:
    """One write-off in a sentence."""
    words = {
        "per_unit": format_money(row.per_unit, currency),
        "date": date_format(clock.today_in(None, row.approved_at), "DATE_FORMAT"),
        "reason": row.reason,
    }
    return _("%(per_unit)s per unit were written off on %(date)s and will not be paid: %(reason)s") % words


def tax_words(line: Allocation) -> list[str]:
    """How a line was taxed at another rate than planned, each time that it was; uses `retaxed__retax`."""
    found, rate = [], line.rate
    for row in sorted(line.retaxed.all(), key=lambda own: own.pk):
        words = {
            "before": percent(rate),
            "after": percent(row.rate),
            "date": date_format(row.retax.pay_on, "DATE_FORMAT"),
            "tax_before": format_money(row.tax_before, line.distribution.fund.currency),
            "tax": format_money(row.tax, line.distribution.fund.currency),
        }
        text = _("Tax was planned at %(before)s; on the transfer date %(date)s the law says %(after)s.") % words
        if row.taken:
            text += " " + _("What was paid before keeps its tax.")
        found.append(text + " " + _("In all it is %(tax)s instead of %(tax_before)s.") % words)
        rate = row.rate
    return found


def _calculation(own: Distribution, yen: Yen) -> str:
    terms, total = rule_terms(own.terms), own.cumulative_revenue
    plan = planned_revenue(own.terms, own.period.number)
    words = {
        "sales": yen(own.figures.get(str(own.period.number))),
        "plan": yen(plan),
        "total": yen(total),
        "rate": percent(own.terms.rate_before_recoup),
        "after": percent(own.terms.rate_after_recoup),
        "recoup": yen(recoup_revenue(terms)),
        "units": f"{terms.units_offered:,}",
        "exact": _exact(terms, total, own.fund.currency),
        "earned": yen(own.entitlement_per_unit),
        "before": yen(own.paid_before),
        "per_unit": yen(own.per_unit),
    }
    if own.action == Action.SUPPLEMENT:
        head = _("After a corrected report:") + " "
    elif plan is not None:
        head = _("Sales %(sales)s of plan %(plan)s;") % words + " "
    else:
        head = _("Sales %(sales)s;") % words + " "
    if total * terms.scaled_before > terms.principal_total * RATE_SCALE:
        middle = _(
            "sales counted so far %(total)s: %(recoup)s of them × %(rate)s and the rest × %(after)s, ÷ %(units)s units"
            " = %(exact)s"
        )
    else:
        middle = _("sales counted so far %(total)s × %(rate)s ÷ %(units)s units = %(exact)s")
    if not own.paid_before:
        tail = _("→ %(earned)s per unit, none paid before")
    else:
        tail = _("→ %(earned)s per unit, of which %(before)s were distributed before")
    text = f"{head}{middle % words} {tail % words}"
    if own.per_unit != max(0, own.entitlement_per_unit - own.paid_before):
        return text + "; " + _("this period pays %(per_unit)s per unit") % words
    return text + (": " + _("%(per_unit)s per unit") % words if own.paid_before else "")


def _mine(line: Allocation, yen: Yen) -> str:
    units, gross = f"{line.units:,}", yen(line.gross)
    if line.units == 1:
        return "; " + _("× %(units)s unit = %(gross)s") % {"units": units, "gross": gross}
    return "; " + _("× %(units)s units = %(gross)s") % {"units": units, "gross": gross}


def _reasons(own: Distribution, yen: Yen) -> list[str]:
    carried = {"carried": yen(own.carried_per_unit)}
    text = {
        Reason.CAPPED: _("The terms cap what one period pays; %(carried)s per unit are carried to later periods.")
        % carried,
        Reason.DEFERRED: _("The payment was deferred: %(carried)s per unit fall due with the next period.") % carried,
        Reason.WAIVED: _("The period was waived: its sales do not count, and nothing is paid for it."),
        Reason.BELOW_FLOOR: _("Sales stayed under the floor of the terms, so they do not count."),
        Reason.NO_REVENUE: _("There were no sales in this period."),
        Reason.REPAID: _("The whole investment is back; these terms repay no more than that."),
        Reason.AHEAD: _("After a corrected report, more has been paid than is earned so far. Nothing is taken back."),
        Reason.BELOW_ONE: _("That is less than one yen for each unit; the fraction counts in later periods."),
    }.get(Reason(own.reason))
    return [text] if text else []
