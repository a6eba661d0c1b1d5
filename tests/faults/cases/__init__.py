"""Every money task as a case that a process can be killed in: prepare, act, and how the world goes on afterwards.

`prepare` brings a fund of its own to the moment before, `act` is what the killed process does and what is done again
by the person or the sweep that would do it again, `finish` lets the next sweeps pass. Contexts are plain values, so
that they travel to a forked child.
"""

from __future__ import annotations

from investments.offerings.models import Fund
from tests.faults.cases import bank, carriers, funds, late_sweeps, orders, provider_acts, repayment, rewards
from tests.faults.cases.case import Case
from tests.faults.cases.funds import DECIDED
from tests.faults.cases.variants import variant

__all__ = ["CASES", "DECIDED", "Case", "variant", "warm"]

CASES: dict[str, Case] = {
    **orders.CASES,
    **bank.CASES,
    **provider_acts.CASES,
    **funds.CASES,
    **carriers.CASES,
    **repayment.CASES,
    **rewards.CASES,
    **late_sweeps.CASES,
}


def warm() -> None:
    """What a process does once before it is useful: import, register, connect."""
    from django.template.loader import get_template
    from django.urls import reverse

    reverse("order", args=["AAAAA-AAAAA"])
    get_template("base.html")
    Fund.objects.first()
