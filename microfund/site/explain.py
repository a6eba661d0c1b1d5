"""A payment in words, built from what is stored with it: nothing is computed that the distribution does not say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from investments.distributions.models import Allocation, Distribution
from investments.distributions.queries import explanation
from investments.offerings.queries import rule_terms
from investments.offerings.rule import Action, Reason, recoup_revenue
from microfund.kernel.money import format_money


def _percent(rate: Decimal) -> str:
    """3.36 % for 0.0336: rates have four places."""
    return f"{rate:.2%}".replace("%", " %")


def _exact(earned: tuple[int, int], currency: str) -> str:
    """¥312.48: whole yen and the hundredths that the floor takes away (cut, not rounded)."""
    whole, parts = earned
    text = format_money(whole, currency)
    digits = f"{whole:,}"
    return text.replace(digits, f"{digits}.{parts // 100:02d}") if parts >= 100 else text


def sentences(own: Distribution, line: Allocation | None = None) -> list[str]:
    """How a period's per-unit figure came about and what it makes of one holding; the reasons as sentences of their
    own. For a period that was not counted: why."""
    facts = explanation(own, line)
    currency = own.fund.currency

    def yen(amount: int | None) -> str:
        return format_money(amount or 0, currency)

    if own.action == Action.WIND_UP:
        text = _("The fund was wound up: what was left came to %(per_unit)s per unit.") % {
            "per_unit": yen(own.per_unit)
        }
        found = [text + _mine(line, yen) if line else text]
        if own.lost_per_unit:
            found.append(_("%(lost)s per unit that had been earned ended unpaid.") % {"lost": yen(own.lost_per_unit)})
        return found
    if own.reason == Reason.GRACE:
        return [_("This period lies in the grace period of the terms: its sales do not count and nothing is paid.")]
    found = [_calculation(own, facts, yen, line)]
    found += _reasons(own, facts, yen)
    return found


def _calculation(own: Distribution, facts: dict[str, Any], yen: Any, line: Allocation | None) -> str:
    words = {
        "sales": yen(facts["revenue"]),
        "plan": yen(facts["plan"]),
        "total": yen(facts["cumulative"]),
        "rate": _percent(facts["rate"]),
        "after": _percent(facts["rate_after"]),
        "recoup": yen(recoup_revenue(rule_terms(own.terms))),
        "units": f"{facts['units_offered']:,}",
        "exact": _exact(facts["earned_exactly"], own.fund.currency),
        "earned": yen(facts["earned"]),
        "before": yen(facts["paid_before"]),
        "per_unit": yen(own.per_unit),
    }
    if own.action == Action.SUPPLEMENT:
        head = _("After a corrected report:") + " "
    elif facts["plan"] is not None:
        head = _("Sales %(sales)s of plan %(plan)s;") % words + " "
    else:
        head = _("Sales %(sales)s;") % words + " "
    if facts["recouped"]:
        middle = _(
            "sales counted so far %(total)s: %(recoup)s of them × %(rate)s and the rest × %(after)s, ÷ %(units)s units"
            " = %(exact)s"
        )
    else:
        middle = _("sales counted so far %(total)s × %(rate)s ÷ %(units)s units = %(exact)s")
    if not facts["paid_before"]:
        tail = _("→ %(earned)s per unit, none paid before")
    else:
        tail = _("→ %(earned)s per unit, of which %(before)s were distributed before")
    text = f"{head}{middle % words} {tail % words}"
    if own.per_unit != max(0, facts["earned"] - facts["paid_before"]):
        text += "; " + _("this period pays %(per_unit)s per unit") % words
    elif facts["paid_before"]:
        text += ": " + _("%(per_unit)s per unit") % words
    return text + (_mine(line, yen) if line else "")


def _mine(line: Allocation, yen: Any) -> str:
    units, gross = f"{line.units:,}", yen(line.gross)
    if line.units == 1:
        return "; " + _("× %(units)s unit = %(gross)s") % {"units": units, "gross": gross}
    return "; " + _("× %(units)s units = %(gross)s") % {"units": units, "gross": gross}


def _reasons(own: Distribution, facts: dict[str, Any], yen: Any) -> list[str]:
    carried = {"carried": yen(facts["carried"])}
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
