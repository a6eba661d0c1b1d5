"""`reward_cycle_1m`: opening a season for very many holdings, against the same rows written by one raw statement."""

from __future__ import annotations

from typing import Any

from django.db import connection

from benchmarks.repayment import MANY, ROUNDS, holders, run_statements, timed
from benchmarks.scratch import answer
from rewards import calendar, cycles
from rewards.models import Entitlement
from tests.rewards import build


def cycle() -> dict[str, Any]:
    """Open a season: an entitlement for each holding of the record date, its references checked, the event, one
    transaction. The floor has the same keys, and foreign keys to cycle and holding."""
    fund = holders(MANY)
    run_statements(
        [
            "CREATE TABLE floor_entitlement (LIKE rewards_entitlement INCLUDING ALL)",
            "ALTER TABLE floor_entitlement ADD FOREIGN KEY (cycle_id) REFERENCES rewards_cycle (id)",
            "ALTER TABLE floor_entitlement ADD FOREIGN KEY (holding_id) REFERENCES investments_holding (id)",
        ]
    )
    offer = build.make_offer(fund)
    periods = list(fund.periods.order_by("number"))
    ours, floor = [], []
    for opening in calendar.openings(offer, periods)[:ROUNDS]:
        at = build.first_day(fund, year=opening.number - build.first_day(fund).year)
        ours.append(timed(lambda opening=opening, at=at: cycles.open_cycle(offer.pk, opening, at=at)))  # type: ignore[misc]
        made = offer.cycles.get(number=opening.number)
        assert Entitlement.objects.filter(cycle=made).count() == MANY
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE floor_entitlement")
        raw = (
            "INSERT INTO floor_entitlement (cycle_id, holding_id, quantity, state)"
            f" SELECT {made.pk}, id, 1, 'claimable' FROM investments_holding WHERE fund_id = {fund.pk} ORDER BY id"
        )
        floor.append(timed(lambda raw=raw: run_statements([raw])))  # type: ignore[misc]
    return answer(ours=min(ours), floor=min(floor), goal=1.2, at_least=False, unit="s for 1,000,000 holdings")
