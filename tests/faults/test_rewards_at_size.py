"""Row 5 of the proofs at real sizes: a season opened for tens of thousands of holdings, and a batch of thousands of
parcels, killed at every boundary and before every statement; whole or not begun, and one state at the end.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import connection

from benchmarks.repayment import holders
from investments.models import Fund
from microfund.kernel import integrity
from rewards.models import Batch, Cycle, Entitlement, Parcel
from tests import repay
from tests.faults.cases.case import context_of
from tests.faults.scale import TORTURE, Tally
from tests.faults.zygote import End, Zygote, wait_for_backend
from tests.rewards import build

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

HOLDINGS, PARCELS = (50_000, 5_000) if TORTURE else (600, 60)


@pytest.fixture
def fund(db: None) -> Fund:
    """A fund with very many holders. Nothing of a season is ever deleted, so each kill has an offer of its own."""
    for name in ("maker", "checker"):
        repay.staff(name)
    return holders(HOLDINGS)


def state_of(cycle: Cycle) -> str:
    """Every entitlement and parcel of a season, in one hash."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row.holding_id, row.quantity, row.state, parcel.prefecture, batch.number"
            "  FROM rewards_entitlement AS row LEFT JOIN rewards_parcel AS parcel ON parcel.entitlement_id = row.id"
            "  LEFT JOIN rewards_batch AS batch ON batch.id = parcel.batch_id"
            " WHERE row.cycle_id = %s ORDER BY row.holding_id, row.quantity",
            [cycle.pk],
        )
        while rows := cursor.fetchmany(5_000):
            digest.update(repr(rows).encode())
    return digest.hexdigest()[:16]


def rewards_are_right() -> None:
    """The checks of rewards; the holders are copies without orders, which the other checks would name."""
    checks = ("rewards.entitlements", "rewards.stock", "rewards.parcels")
    wrong = {found.check.name: found.differences for found in integrity.run(checks) if found.differences}
    assert not wrong, wrong


def points_of(end: End) -> list[str]:
    """Where it can die: at every boundary, and before every statement."""
    assert end.status == 0, end.error
    return [
        *(f"boundary:{number}" for number in range(1, len(end.boundaries) + 1)),
        *(f"statement:{number}" for number in range(1, end.statements + 1)),
    ]


def test_a_season_for_very_many_holdings_is_opened_whole_or_not_at_all(zygote: Zygote, fund: Fund) -> None:
    tally = Tally(f"5 a season of {HOLDINGS} holdings killed")
    at = build.first_day(fund)
    offer = build.make_offer(fund)
    end = zygote.run("open a season", context_of(fund, at=at, offer=offer.pk), plan="count")
    expected, points = state_of(offer.cycles.get()), points_of(end)
    assert Entitlement.objects.filter(cycle__offer=offer).count() == offer.cycles.get().entitlements_made == HOLDINGS
    for plan in points:
        offer = build.make_offer(fund)
        end = zygote.run("open a season", context_of(fund, at=at, offer=offer.pk), plan=plan)
        if not end.killed:  # one statement fewer than in the run that counted
            assert end.status == 0, end.error
            tally.add("not reached")
            continue
        wait_for_backend(end.backend)
        made = Entitlement.objects.filter(cycle__offer=offer).count()
        assert made in (0, HOLDINGS), f"{plan}: {made} of {HOLDINGS} are there"
        build.open_cycles(at)
        tally.add("kills")
        assert state_of(offer.cycles.get()) == expected, plan
    tally.require("kills", max(12, len(points) - 3))
    tally.show(hash=expected)
    rewards_are_right()


def claimed(fund: Fund) -> Cycle:
    """An open season of an offer of its own, of which so many are claimed; written at once, as so many claims would
    have left them."""
    offer = build.make_offer(fund)
    build.open_cycles(build.first_day(fund))
    cycle = offer.cycles.get()
    rows = list(Entitlement.objects.filter(cycle=cycle).order_by("holding_id")[:PARCELS])
    Entitlement.objects.filter(pk__in=[row.pk for row in rows]).update(state="claimed")
    Parcel.objects.bulk_create(
        [
            Parcel(entitlement=row, address=build.HOME, prefecture=build.HOME["prefecture"], claimed_at=cycle.opened_at)
            for row in rows
        ],
        batch_size=1_000,
    )
    Cycle.objects.filter(pk=cycle.pk).update(promised=PARCELS)
    return cycle


def test_a_batch_of_very_many_parcels_is_made_whole_or_not_at_all(zygote: Zygote, fund: Fund) -> None:
    tally = Tally(f"5 a batch of {PARCELS} parcels killed")
    cycle = claimed(fund)
    end = zygote.run("pack a batch", _packing(fund, cycle), plan="count")
    expected, points = state_of(cycle), points_of(end)
    assert Batch.objects.get(cycle=cycle).parcels.count() == PARCELS
    for plan in points:
        cycle = claimed(fund)
        context = _packing(fund, cycle)
        end = zygote.run("pack a batch", context, plan=plan)
        assert end.killed, f"{plan}: it was to be killed and ended with {end.status}\n{end.error}"
        wait_for_backend(end.backend)
        packed = Entitlement.objects.filter(cycle=cycle, state="packing").count()
        assert packed in (0, PARCELS), f"{plan}: {packed} of {PARCELS} are packed"
        again = zygote.run("pack a batch", context, plan="count")
        assert again.status == 0, again.error
        tally.add("kills")
        assert Batch.objects.filter(cycle=cycle).count() == 1
        assert state_of(cycle) == expected, plan
    tally.require("kills", len(points))
    tally.require("kills", 12)
    tally.show(hash=expected)
    rewards_are_right()


def _packing(fund: Fund, cycle: Cycle) -> dict[str, Any]:
    return context_of(fund, at=build.first_day(fund), cycle=cycle.pk)
