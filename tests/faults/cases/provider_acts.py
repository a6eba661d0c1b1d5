"""Cases of what the provider or its staff have done: disputes, refunds by hand, payouts."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from investments.offerings.models import Fund
from investments.payments import external
from investments.payments.models import ProviderCursor, ProviderPayout
from tests import make
from tests.faults import provider, world
from tests.faults.cases.case import Case, Context, at_of, charges, context_of, intent, sweep


def _prepare_dispute(close: str = "") -> Context:
    fund = world.make_fund()
    order = world.paid(fund, "A", units=2)
    provider.set_clock(world.NOW)
    dispute = provider.control("disputes/open", payment_intent=intent(order))
    if close:
        provider.control("disputes/close", dispute=dispute["id"], outcome=close)
    return context_of(fund, intent=intent(order))


def _absorb_dispute(context: Context) -> None:
    from investments.payments import dispute

    dispute.absorb(context["intent"], at=at_of(context))


def _prepare_dashboard_refund() -> Context:
    fund = world.make_fund()
    order = world.paid(fund, "A", units=2)
    provider.control("dashboard_refund", payment_intent=intent(order))
    return context_of(fund, intent=intent(order))


def _absorb_refund(context: Context) -> None:
    external.absorb(context["intent"], at=at_of(context))


_payouts = itertools.count(20)


def _prepare_payout() -> Context:
    """A payout holds money of every fund, so each has days of its own, after all earlier money was paid out. The payout
    that clears the balance lies further back than the list is read."""
    day = world.DAY + timedelta(days=60 * next(_payouts))
    at = make.at_noon(day)
    provider.set_clock(at - timedelta(days=50))
    provider.sell_elsewhere(5_000_000)
    assert provider.pay_out(), "the provider has nothing to pay out"
    provider.set_clock(at)
    ProviderCursor.objects.update_or_create(pk="payouts", defaults={"seen_until": at})
    fund = world.make_fund(on=day)
    world.paid(fund, "A", units=2, at=at)
    world.paid(fund, "B", units=1, at=at)
    assert provider.pay_out(), "the provider has nothing to pay out"
    return context_of(fund, at=at)


def _payout_rows(context: Context) -> list[Any]:
    book = Fund.objects.get(pk=context["fund"]).book
    assert book is not None
    rows = ProviderPayout.objects.filter(by_fund__has_key=book.code)
    return [(row.amount, row.fees, row.by_fund[book.code], row.unmatched) for row in rows]


CASES: dict[str, Case] = {
    "dispute opened": Case(_prepare_dispute, _absorb_dispute),
    "dispute won": Case(lambda: _prepare_dispute("won"), _absorb_dispute),
    "dispute lost": Case(lambda: _prepare_dispute("lost"), _absorb_dispute),
    "refund made at the provider": Case(_prepare_dashboard_refund, _absorb_refund, also=charges),
    "provider pays out": Case(
        _prepare_payout, sweep("payments.payouts"), sweeps=("payments.payouts",), also=_payout_rows
    ),
}
