"""The two drawings of a fund's results, as whole-number geometry for a template: sales against plan by period, and what
one unit has been paid so far against its investment. The table of the page says the same in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from investments.distributions.results import Result

from .simulation import Tick, scale

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 104, 472, 16, 258


@dataclass(frozen=True, slots=True)
class Bar:
    """One period's pair of bars: planned sales as an outline, reported sales within it. `actual_height` None: none
    reported yet."""

    number: int
    middle: int
    left: int
    width: int
    plan_y: int
    plan_height: int
    actual_left: int
    actual_width: int
    actual_y: int
    actual_height: int | None


@dataclass(frozen=True, slots=True)
class Bars:
    """Sales by period; every amount axis is in yen of the whole fund."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    bottom: int = BOTTOM
    label_y: int = BOTTOM + 20


def sales(results: Sequence[Result]) -> Bars:
    """Planned and reported sales of every period."""
    top, step = scale(max([result.plan or 0 for result in results] + [result.revenue or 0 for result in results] + [1]))
    slot = (RIGHT - LEFT) / max(1, len(results))

    def y(amount: int) -> int:
        return BOTTOM - (BOTTOM - TOP) * amount // top

    bars = []
    for index, result in enumerate(results):
        left, width = round(LEFT + slot * (index + 0.14)), max(3, round(slot * 0.72))
        inner = max(1, width // 4)
        bars.append(
            Bar(
                number=result.period.number,
                middle=left + width // 2,
                left=left,
                width=width,
                plan_y=y(result.plan or 0),
                plan_height=BOTTOM - y(result.plan or 0),
                actual_left=left + inner,
                actual_width=max(2, width - 2 * inner),
                actual_y=y(result.revenue or 0),
                actual_height=None if result.revenue is None else BOTTOM - y(result.revenue),
            )
        )
    return Bars(tuple(bars), tuple(Tick(y(amount), amount) for amount in range(0, top + 1, step)))


@dataclass(frozen=True, slots=True)
class Steps:
    """Paid per unit so far, a step for each period; `earned` is what had been earned by then, empty where the two are
    one line; `even_y` is the investment of a unit."""

    line: str
    earned: str
    here_x: int
    here_y: int
    even_y: int
    ticks: tuple[Tick, ...]
    numbers: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    bottom: int = BOTTOM
    label_y: int = BOTTOM + 20


def returns(results: Sequence[Result], investment: int) -> Steps:
    """What one unit was paid, added up over the periods that are decided, less what was written off (yen), and what it
    had earned by the rule: more where a payment was put off, capped, written off or ended unpaid."""
    so_far, sums, earned = 0, [], []
    for result in results:
        if result.per_unit is None:
            break
        so_far += result.cash_per_unit or 0
        sums.append(so_far)
        earned.append(result.distributions[-1].entitlement_per_unit)
    top, step = scale(max([investment, *sums, *earned]))
    slot = (RIGHT - LEFT) / max(1, len(results))

    def y(amount: int) -> int:
        return BOTTOM - (BOTTOM - TOP) * amount // top

    def steps(amounts: Sequence[int]) -> list[tuple[int, int]]:
        points = [(LEFT, BOTTOM)]
        for index, amount in enumerate(amounts, start=1):
            x = round(LEFT + slot * index)
            points += [(x, points[-1][1]), (x, y(amount))]
        return points

    def line(points: Sequence[tuple[int, int]]) -> str:
        return " ".join(f"{x},{down}" for x, down in points)

    points = steps(sums)
    return Steps(
        line=line(points),
        earned="" if earned == sums else line(steps(earned)),
        here_x=points[-1][0],
        here_y=points[-1][1],
        even_y=y(investment),
        ticks=tuple(Tick(y(amount), amount) for amount in range(0, top + 1, step)),
        numbers=tuple(
            Tick(round(LEFT + slot * (index + 0.5)), result.period.number) for index, result in enumerate(results)
        ),
    )
