"""Row 2 of the proofs: a deterministic rival at every statement gap of every pair of acts that can meet.

What comes of each is judged by rules, and compared with undisturbed runs: those in which each act came before, after or
between whole transactions of the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import pytest

from investments.offerings.models import Fund
from tests import make
from tests.faults import books, provider, world
from tests.faults.scale import TORTURE, Tally, rng
from tests.races.gaps import Meeting, Watch, meet
from tests.races.pairs import PAIRS, Pair

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def at_provider() -> Iterator[None]:
    """A provider whose clock stands at the present of the proofs."""
    with provider.running():
        provider.set_clock(world.NOW)
        yield


@pytest.fixture(autouse=True)
def _short_documents() -> Iterator[None]:
    """Documents of one line, as `world.make_fund` writes them, for acts that open a fund. Here and not in the acts: two
    threads that patch and put back one name leave it patched."""
    with make.short_documents():
        yield


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Looks at the rival from outside."""
    looking = Watch()
    yield looking
    looking.close()


@dataclass(frozen=True)
class Run:
    """One meeting: what is wrong with its end, and the rows that it left (of a fund that serves many, the new ones)."""

    meeting: Meeting
    wrong: list[str]
    fund: Fund
    state: books.State


#: A gap that no act has: the rival comes when all is over.
NEVER = 10**9


def run(pair: Pair, gap: int, watch: Watch, shared: Fund | None, guard: Any) -> Run:
    """One meeting at one gap."""
    before = books.state_of(shared.pk) if shared else {}
    made = pair.prepare(shared)
    with guard:
        meeting = meet(lambda: pair.first(made), lambda: pair.rival(made), gap, watch)
    pair.later(made)
    wrong = [*meeting.errors]
    judged = pair.allowed(made, meeting)
    if judged:
        wrong.append(f"{judged} (results {list(meeting.results)}, refusals {meeting.refusals})")
    return Run(meeting, wrong, made.fund, left_by(made, before if made.fund == shared else {}))


def left_by(made: Any, before: books.State) -> books.State:
    """The rows of a meeting's funds that were not there before; the counter of a fund that serves many is judged by
    `books.problems`."""
    found: books.State = {}
    for fund in (made.fund, getattr(made, "other", None)):
        if not isinstance(fund, Fund):
            continue
        for name, rows in books.state_of(fund.pk).items():
            if not (before and name == "counter"):
                found[name] = sorted(
                    [*found.get(name, []), *(Counter(rows) - Counter(before.get(name, []))).elements()]
                )
    return found


def _first_fund(pair: Pair, watch: Watch) -> Fund:
    """The fund of a meeting beforehand, for pairs of which one fund serves all: what it says is nobody's."""
    return run(pair, NEVER, watch, None, nullcontext()).fund


def undisturbed(pair: Pair, watch: Watch) -> dict[str, books.State]:
    """The states, by their hash, to which the two acts lead when neither comes within a transaction of the other."""
    shared = _first_fund(pair, watch)
    found: dict[str, books.State] = {}
    for own in (pair, replace(pair, first=pair.rival, rival=pair.first, allowed=lambda made, meeting: "")):
        whole = run(own, NEVER, watch, shared, nullcontext())
        for gap in (NEVER, *whole.meeting.boundaries):
            state = run(own, gap, watch, shared, nullcontext()).state
            found[books.state_hash(state)] = state
    return found


#: Pairs of which the short set tries every gap; of the others it tries every third, torture every one.
WHOLE = (
    *("expire / pay", "pay / cancel", "confirm / cancel", "close / reserve", "refund / webhook", "settle / settle"),
    *("approve / approve", "send / send", "send a run / send a run", "claim / claim", "pay in / write off"),
    "calculate / choose",
)


def every_gap(pair: Pair, watch: Watch, *, guarded: bool, begin: int = 1, step: int = 1) -> Iterator[tuple[int, Run]]:
    """A run for each gap of the first act from `begin` in steps of `step`, the rival waiting or not, and one with the
    rival afterwards."""
    gap, last = begin, begin
    shared = _first_fund(pair, watch) if guarded else None
    while gap <= last + step:
        guard = nullcontext() if guarded else pair.unguarded()
        found = run(pair, gap, watch, shared, guard)
        found.wrong.extend(books.problems(found.fund.pk))
        meeting = found.meeting
        last = meeting.gaps if meeting.gaps >= gap else last
        yield gap, found
        if meeting.gaps < gap:
            return
        gap += step


@pytest.mark.usefixtures("at_provider")
@pytest.mark.parametrize("name", PAIRS)
def test_two_acts_that_meet_at_any_statement_end_in_an_allowed_state(name: str, watch: Watch) -> None:
    assert set(WHOLE) <= set(PAIRS)
    tally, wrong, allowed = Tally(f"2 state race {name}"), [], undisturbed(PAIRS[name], watch)
    step = 1 if TORTURE or name in WHOLE else 3
    begin = rng(name).randint(1, step)
    for gap, found in every_gap(PAIRS[name], watch, guarded=True, begin=begin, step=step):
        tally.add("gaps")
        tally.add("rivals that waited", int(found.meeting.waited))
        where = f"gap {gap} of {found.meeting.gaps}"
        wrong += [f"{where}: {text}" for text in found.wrong]
        if books.state_hash(found.state) not in allowed:
            nearest = min((books.difference(state, found.state) for state in allowed.values()), key=len)
            wrong.append(f"{where}: no undisturbed run ends like this\n{nearest}")
    assert not wrong, "\n".join(wrong)
    tally.require("gaps", 4 if step == 1 else 2)
    tally.show(undisturbed=len(allowed))


@pytest.mark.usefixtures("at_provider")
@pytest.mark.parametrize("name", PAIRS)
def test_control_without_its_guard_the_pair_is_wrong_at_some_gap(name: str, watch: Watch) -> None:
    gaps = 0
    for gap, found in every_gap(PAIRS[name], watch, guarded=False):
        if found.wrong:
            print(f"\n  {name} without its guard is wrong at gap {gap}: {found.wrong[0]}")
            return
        gaps = gap
    pytest.fail(f"{name}: no gap shows that the guard is missing ({gaps} gaps)")
