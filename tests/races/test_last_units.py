"""Row 1 of the proofs: exactly the last units, sold to many rivals who send the form at the same moment over HTTP.

In every other round the rivals want different numbers of units. Nobody may get what is not there, whoever was refused
must have wanted more than is left, and what a rival was told must be what the books say. A fund that was rushed must be
like one that was not: the same winners, one after another, leave the same rows in a fund of the same units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection

from investments.offerings.models import Fund, FundCounter
from investments.orders.draft import MOST
from investments.orders.models import Order
from microfund.kernel import clock
from tests.faults import books, provider, world
from tests.faults.scale import SECONDS, TORTURE, Tally, rng
from tests.races import guards
from tests.races.rivals import Answer, Rival, make_rivals, one_by_one, rush
from tests.races.server import gunicorn

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

RIVALS = 200 if TORTURE else 50
#: A round of 200 rivals takes some seconds; the long set stops at the time it was given.
ROUNDS = min(200, max(20, int(SECONDS / 8))) if TORTURE else 20
#: A session keeps the drafts of the last funds only: of those that are rushed, and as many that are not.
BATCH = MOST // 2
#: Of the control, twice so many.
UNGUARDED = 10


def make_round(chance: object, number: int, rivals: int) -> tuple[Fund, list[int]]:
    """A fund with fewer units than its rivals want, and how many each wants."""
    fund = world.make_fund(on=clock.today_in(), units_offered=chance.randint(1, 15))  # type: ignore[attr-defined]
    wanted = [1 if number % 2 == 0 else chance.randint(1, 3) for _rival in range(rivals)]  # type: ignore[attr-defined]
    return fund, wanted


def judge(fund: Fund, answers: Sequence[Answer]) -> list[str]:
    """What is wrong with one round."""
    counter = FundCounter.objects.get(pk=fund.pk)
    placed = set(Order.objects.filter(fund=fund).values_list("form_token", flat=True))
    told = {answer.token for answer in answers if answer.sold}
    refused = [answer for answer in answers if answer.status == 422]
    wrong = [f"answered {a.status} {a.location}" for a in answers if not a.sold and a.status != 422]
    if counter.reserved > counter.offered:
        wrong.append(f"oversold: {counter.reserved} of {counter.offered}")
    if refused and counter.available >= min(answer.units for answer in refused):
        wrong.append(f"lost: {counter.available} are left, and a rival for fewer was refused")
    if told != {str(token) for token in placed}:
        wrong.append(f"{len(told)} were told that they have units, {len(placed)} orders are there")
    return [f"fund {fund.pk}: {line}" for line in [*wrong, *books.problems(fund.pk)]]


def alone(
    fund: Fund, twin: Fund, rivals: Sequence[Rival], answers: Sequence[Answer], numbers: tuple[int, int], where: Any
) -> list[str]:
    """How a fund differs from its twin, in which the winners buy one after another and nobody else."""
    won = {answer.token for answer in answers if answer.sold}
    winners = [rival for rival in rivals if rival.forms[numbers[0]]["form_token"] in won]
    again = one_by_one(winners, numbers[1], twin, where)
    differs = books.difference(books.state_of(twin.pk), books.state_of(fund.pk))
    refused = [answer.status for answer in again if not answer.sold]
    return [f"fund {fund.pk} and its twin: {line}" for line in (*map(str, refused), differs) if line]


def test_the_last_units_are_sold_once_to_fifty_rivals() -> None:
    """domain.md section 4.2."""
    tally, chance, wrong = Tally("1 oversell"), rng("last units"), []
    with provider.running() as sandbox, gunicorn(**provider.settings_for(sandbox)) as where:
        for first in range(0, ROUNDS, BATCH):
            rounds = [make_round(chance, number, RIVALS) for number in range(first, min(first + BATCH, ROUNDS))]
            funds, wanted = [fund for fund, _wanted in rounds], [wanted for _fund, wanted in rounds]
            offered = [FundCounter.objects.get(pk=fund.pk).offered for fund in funds]
            twins = [world.make_fund(on=clock.today_in(), units_offered=units) for units in offered]
            rivals = make_rivals(RIVALS, [*funds, *twins], [*wanted, *wanted])
            for number, answers in enumerate(rush(rivals, funds, where)):
                fund, twin = funds[number], twins[number]
                wrong += judge(fund, answers)
                wrong += alone(fund, twin, rivals, answers, (number, len(funds) + number), where)
                tally.add("rounds")
                tally.add("like an undisturbed one")
                tally.add("forms", len(answers))
                tally.add("sold", sum(answer.sold for answer in answers))
                tally.add("refused", sum(answer.status == 422 for answer in answers))
    assert not wrong, "\n".join(wrong)
    tally.require("forms", ROUNDS * RIVALS)
    tally.require("sold", ROUNDS)
    tally.require("refused", ROUNDS * 10)
    tally.show()
    books.verify_everything()


def test_control_a_read_then_a_write_oversells() -> None:
    """The same forms at a site whose guard and CHECK are taken out: nearly every round must be oversold."""
    number, oversold = 8, 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'fund_never_oversold'")
        definition = cursor.fetchone()[0]
        cursor.execute("ALTER TABLE investments_fundcounter DROP CONSTRAINT fund_never_oversold")
        try:
            with (
                guards.without("AND offered - reserved - sold >= own.units", ""),
                provider.running() as sandbox,
                gunicorn(
                    "tests.races.unguarded:application",
                    workers=1,
                    threads=number,
                    RIVALS=str(number),
                    **provider.settings_for(sandbox),
                ) as where,
            ):
                for _batch in range(2):
                    funds = [world.make_fund(on=clock.today_in(), units_offered=3) for _round in range(UNGUARDED)]
                    rivals = make_rivals(number, funds, [[1] * number for _round in range(UNGUARDED)])
                    answers = rush(rivals, funds, where)
                    oversold += sum("oversold" in str(judge(f, told)) for f, told in zip(funds, answers, strict=True))
        finally:
            cursor.execute("UPDATE investments_fundcounter SET offered = greatest(offered, reserved + sold)")
            cursor.execute(f"ALTER TABLE investments_fundcounter ADD CONSTRAINT fund_never_oversold {definition}")
    print(f"\n  read, then write: oversold in {oversold} of {2 * UNGUARDED} rounds")
    assert oversold >= 19
