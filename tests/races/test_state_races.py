"""Row 2 of the proofs: a deterministic rival at every statement gap of every pair of acts that can meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from investments.offerings.models import Fund
from tests import make
from tests.faults import books, provider, world
from tests.faults.scale import Tally
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


def run(pair: Pair, gap: int, watch: Watch, shared: Fund | None, guard: Any) -> tuple[Meeting, list[str], Fund]:
    """One meeting at one gap: what is wrong with its end."""
    made = pair.prepare(shared)
    with guard:
        meeting = meet(lambda: pair.first(made), lambda: pair.rival(made), gap, watch)
    wrong = [*meeting.errors]
    judged = pair.allowed(made, meeting)
    if judged:
        wrong.append(f"{judged} (results {list(meeting.results)}, refusals {meeting.refusals})")
    return meeting, wrong, made.fund


def every_gap(pair: Pair, watch: Watch, *, guarded: bool) -> Iterator[tuple[int, Meeting, list[str]]]:
    """A run for each gap of the first act, the rival waiting or not, and one with the rival afterwards."""
    gap, last = 1, 1
    shared: Fund | None = None
    while gap <= last + 1:
        guard = nullcontext() if guarded else pair.unguarded()
        meeting, wrong, shared = run(pair, gap, watch, shared if guarded else None, guard)
        wrong += books.problems(shared.pk)
        last = meeting.gaps if meeting.gaps >= gap else last
        yield gap, meeting, wrong
        if meeting.gaps < gap:
            return
        gap += 1


@pytest.mark.usefixtures("at_provider")
@pytest.mark.parametrize("name", PAIRS)
def test_two_acts_that_meet_at_any_statement_end_in_an_allowed_state(name: str, watch: Watch) -> None:
    tally, wrong = Tally(f"2 state race {name}"), []
    for gap, meeting, found in every_gap(PAIRS[name], watch, guarded=True):
        tally.add("gaps")
        tally.add("rivals that waited", int(meeting.waited))
        wrong += [f"gap {gap} of {meeting.gaps}: {text}" for text in found]
    assert not wrong, "\n".join(wrong)
    tally.require("gaps", 4)
    tally.show()


@pytest.mark.usefixtures("at_provider")
@pytest.mark.parametrize("name", PAIRS)
def test_control_without_its_guard_the_pair_is_wrong_at_some_gap(name: str, watch: Watch) -> None:
    gaps = 0
    for gap, _meeting, wrong in every_gap(PAIRS[name], watch, guarded=False):
        if wrong:
            print(f"\n  {name} without its guard is wrong at gap {gap}: {wrong[0]}")
            return
        gaps = gap
    pytest.fail(f"{name}: no gap shows that the guard is missing ({gaps} gaps)")
