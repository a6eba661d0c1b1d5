"""The dates of the next ninety days, for the front page of the staff console: what falls due, of which fund."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from investments.models import Fund, Period
from investments.payouts import tax

DAYS = 90


@dataclass(frozen=True, slots=True)
class Due:
    """One date: what is due of which fund, and the page of it in the console."""

    on: date
    what: str
    fund: Fund
    url: str


def _page(row: Any) -> str:
    return reverse(f"admin:investments_{row._meta.model_name}_change", args=[row.pk])


def upcoming(on: date) -> list[Due]:
    """What falls due within ninety days of a business date, soonest first; five queries."""
    until = on + timedelta(days=DAYS)
    found: list[Due] = []
    running = Period.objects.filter(fund__state=Fund.State.OPERATING).select_related("fund")
    for field, states, words in (
        ("ends_on", (Period.State.SCHEDULED,), _("period %(number)d ends")),
        ("report_due_on", (Period.State.SCHEDULED, Period.State.REPORT_DUE), _("report of period %(number)d due")),
    ):
        for period in running.filter(state__in=states, **{f"{field}__range": (on, until)}):
            found.append(Due(getattr(period, field), words % {"number": period.number}, period.fund, _page(period)))
    unpaid = running.exclude(state__in=[Period.State.PAID, Period.State.WOUND_UP])
    for period in unpaid.filter(payment_due_on__range=(on, until)):
        text = _("payment of period %(number)d due") % {"number": period.number}
        found.append(Due(period.payment_due_on, text, period.fund, _page(period)))
    for row in tax.unpaid().filter(due_on__range=(on, until)):
        found.append(Due(row.due_on, _("withheld tax due"), row.fund, _page(row)))
    for fund in Fund.objects.filter(state__in=[Fund.State.SCHEDULED, Fund.State.OPEN, Fund.State.CLOSED]):
        for day, text in (
            (fund.opens_on, _("offering opens")),
            (fund.closes_on, _("offering ends")),
            (fund.term_starts_on, _("term begins")),
        ):
            if on <= day <= until:
                found.append(Due(day, text, fund, _page(fund)))
    return sorted(found, key=lambda due: (due.on, due.fund.slug, due.what))
