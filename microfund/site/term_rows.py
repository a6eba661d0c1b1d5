"""The terms of a fund as rows of a table, each with the word of the glossary that explains it (pages.md 1.1 and P4)."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from investments.models import Fund, PolicyProfile, Terms
from investments.offerings.queries import rule_terms
from investments.offerings.rule import recoup_revenue
from microfund.kernel.money import format_money
from microfund.site.templatetags.pages import duration, percent, term_length
from microfund.site.templatetags.tomobune import bilingual_filter


class Row(NamedTuple):
    """One term: what it is, its value, the anchor of its definition in the glossary, whether it is a figure."""

    label: str
    value: str
    word: str
    num: bool = True


def term_rows(fund: Fund, terms: Terms, policy: PolicyProfile) -> list[Row]:
    """Every term that decides what a unit costs and what comes back, in the order a buyer asks."""

    def money(amount: int) -> str:
        return format_money(amount, fund.currency)

    days = policy.cooling_off_days
    return [
        Row(_("Price of a unit"), money(terms.unit_price), "unit"),
        Row(_("Donation"), money(terms.donation), "donation"),
        Row(_("Investment"), money(terms.investment), "investment"),
        Row(_("Fee, tax included"), money(terms.fee), "fee"),
        Row(_("Units offered"), f"{terms.units_offered:,}", "units-offered"),
        Row(_("Units needed to succeed"), f"{fund.units_minimum:,}" if fund.units_minimum else _("none"), "minimum"),
        Row(
            _("Offering"),
            _("%(first)s to %(last)s") % {"first": date_format(fund.opens_on), "last": date_format(fund.closes_on)},
            "fund",
            num=False,
        ),
        Row(_("Cooling-off"), ngettext("%(count)d day", "%(count)d days", days) % {"count": days}, "cooling-off"),
        Row(
            _("Term"),
            _("%(length)s from %(date)s") % {"length": term_length(terms), "date": date_format(fund.term_starts_on)},
            "period",
            num=False,
        ),
        Row(
            _("Periods"),
            _("%(count)d of %(length)s each") % {"count": terms.periods, "length": duration(terms.period_months)},
            "period",
        ),
        Row(_("Revenue that counts"), bilingual_filter(terms, "revenue_basis"), "revenue", num=False),
        Row(_("Repayment rate until recoup"), percent(terms.rate_before_recoup), "rate"),
        Row(_("Repayment rate after recoup"), percent(terms.rate_after_recoup), "rate"),
        Row(_("Recoup: revenue at which the investment is back"), money(recoup_revenue(rule_terms(terms))), "recoup"),
        Row(_("Grace periods"), str(terms.grace_periods) if terms.grace_periods else _("none"), "grace"),
        Row(_("Revenue floor of a period"), money(terms.revenue_floor) if terms.revenue_floor else _("none"), "floor"),
        Row(_("Cap by period, per unit"), _cap(fund, terms), "cap", num=not terms.period_cap),
        Row(
            _("Sales report due"),
            _("%(days)d days after a period ends") % {"days": policy.report_due_days},
            "period",
        ),
        Row(
            _("Payment due"),
            _("%(days)d days after a period ends") % {"days": policy.payment_due_days},
            "distribution",
        ),
    ]


def _cap(fund: Fund, terms: Terms) -> str:
    caps = [
        _("period %(number)d: %(amount)s") % {"number": number, "amount": format_money(cap, fund.currency)}
        for number, cap in enumerate(terms.period_cap or [], start=1)
        if cap is not None
    ]
    return ", ".join(caps) if caps else _("none")
