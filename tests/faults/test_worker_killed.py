"""Row 5 of the proofs: a worker is killed with SIGKILL before and after every commit and every call to the outside.

The work is done again by whoever would do it again, the sweeps pass twice, and the fund must say exactly what it says
when nobody was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection

from investments.orders.models import Order
from microfund.kernel import clock
from microfund.kernel.schedule import services as schedule
from tests.faults import books, cases, points, provider, world
from tests.faults.cases.case import Sweep
from tests.faults.scale import Tally, rng, rounds
from tests.faults.zygote import ROOT, End, Zygote, backends, wait_for_backend, wait_for_other_backends
from tests.sandbox_client import SandboxProcess

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

#: A case with one of its steps moved out of its transaction (cases/variants.py).
CONTROLS = (("pay by card", "posting outside"), ("confirm", "event outside"), ("send a run", "sending outside"))
#: Kills in the short set; fewer mean that boundaries are no longer seen. Shares run beside one another.
LEAST_KILLS = 150
SHARES = 6


def undisturbed(zygote: Zygote, name: str) -> tuple[End, books.State]:
    """The case without a kill: what it passes, and what it leaves."""
    case = cases.CASES[name]
    provider.set_clock(world.NOW)
    context = case.prepare()
    end = zygote.run(name, context)
    assert end.status == 0, end.error
    if isinstance(case.act, Sweep) and name != "expire what is paid":  # which it finds, and counts as not expired
        assert any(end.result.values()), f"{name}: the sweep has nothing to do"
    state = case.finish(context)
    assert not books.problems(context["fund"]), books.problems(context["fund"])
    return end, state


def killed(zygote: Zygote, name: str, plan: str, *, variant: str = "") -> tuple[End, str]:
    """The case with a kill, done again; what differs from an undisturbed run is found by the caller's comparison."""
    case = cases.CASES[name]
    provider.set_clock(world.NOW)
    context = case.prepare()
    end = zygote.run(name, context, plan=plan, variant=variant)
    assert end.killed, f"{name}, {plan}: the process was to be killed and ended with {end.status}\n{end.error}"
    wait_for_backend(end.backend)
    case.act(context)
    state = case.finish(context)
    return end, "\n".join(
        [*books.problems(context["fund"]), books.difference(expected_of(zygote, name), state)]
    ).strip()


_expected: dict[str, tuple[End, books.State]] = {}


def expected_of(zygote: Zygote, name: str) -> books.State:
    """The state of an undisturbed run, made once a database."""
    if name not in _expected:
        _expected[name] = undisturbed(zygote, name)
    return _expected[name][1]


@pytest.fixture(autouse=True)
def _begin_anew(sandbox: SandboxProcess) -> None:
    """The database is empty, and so is the provider: cases leave events behind that lie days ahead."""
    sandbox.control("reset")
    provider.set_clock(world.NOW)
    _expected.clear()


@pytest.mark.parametrize("share", range(SHARES))
def test_a_worker_killed_at_every_boundary_of_every_money_task_ends_where_an_undisturbed_one_does(
    zygote: Zygote, share: int
) -> None:
    """domain.md section 9.8."""
    tally, wrong = Tally(f"5 worker killed, share {share + 1} of {SHARES}"), []
    for name in list(cases.CASES)[share::SHARES]:
        end, state = undisturbed(zygote, name)
        _expected[name] = end, state
        for number, boundary in enumerate(end.boundaries, start=1):
            found, difference = killed(zygote, name, f"boundary:{number}")
            assert found.boundaries[-1] == boundary, f"{name}: passed {found.boundaries[-1]}, planned {boundary}"
            tally.add("kills")
            if difference:
                wrong.append(f"{name}, killed {boundary}:\n{difference}")
                print(wrong[-1])
        tally.add("tasks")
        print(f"  {name}: {len(end.boundaries)} boundaries, state {books.state_hash(state)}")
    assert not wrong, "\n".join(wrong)
    tally.require("kills", LEAST_KILLS // SHARES)
    tally.show()
    books.verify_everything()


#: Sweeps without a case, each with what it does instead of moving money.
NO_MONEY = {
    "revenue.reschedule": "computes dates anew, the same each time",
    "site.verify": "reads",
    "schedule.travel": "plays the other sweeps",
    **dict.fromkeys(("private.orphans", "pictures.lost"), "deletes files that no row names"),
    "investors.documents": "deletes pictures",
    "payouts.records": "forgets account numbers",
    **dict.fromkeys(("investors.duplicates", "news.publish", "news.forget"), "rows of people and news"),
    "rewards.deliver": "two statements, each of its own rows",
    **dict.fromkeys(
        ("offerings.waiting", "mails.reminders", "mails.reports", "mails.statements", "news.digest",
         "news.digest_own", "rewards.ask", "rewards.remind", "rewards.visits"),
        "letters, unique by key",
    ),
}  # fmt: skip
#: What these do is killed by cases that call it without its sweep.
CALLED = {"outbox.dispatch": "outbox", "notices.send": "notices", "audit.seal": "audit"}


def test_every_sweep_is_killed_or_moves_no_money() -> None:
    """A new sweep needs a case, or a reason here."""
    killed = {case.act.name for case in cases.CASES.values() if isinstance(case.act, Sweep)}
    assert set(CALLED.values()) <= set(cases.CASES)
    assert {found.name for found in schedule.sweeps()} - killed == set(NO_MONEY) | set(CALLED)


@pytest.mark.parametrize(("name", "variant"), CONTROLS)
def test_control_a_step_outside_its_transaction_is_found(zygote: Zygote, name: str, variant: str) -> None:
    """With one step after the commit instead of in it, some kill must leave a difference."""
    provider.set_clock(world.NOW)
    end = zygote.run(name, cases.CASES[name].prepare(), variant=variant)
    assert end.status == 0, end.error
    red = [
        boundary
        for number, boundary in enumerate(end.boundaries, start=1)
        if killed(zygote, name, f"boundary:{number}", variant=variant)[1]
    ]
    print(f"\n  {variant}: red when killed at {red}")
    assert red


def test_a_process_of_its_own_dies_where_its_environment_says(sandbox: SandboxProcess) -> None:
    """The hooks come by FAULT_POINT, in any process of the test settings; without it there are none."""
    order = world.paid(fund := world.make_fund())
    command = [sys.executable, "manage.py", "run_schedule", "--date", clock.today_in(None, world.COOLED).isoformat()]
    environment = {
        **os.environ,
        **provider.settings_for(sandbox),
        "DJANGO_SETTINGS_MODULE": "microfund.settings.test",
        "FAULT_DATABASE": connection.settings_dict["NAME"],
    }

    known = backends()

    def run(point: str) -> tuple[int, str]:
        done = subprocess.run(
            command, cwd=ROOT, env={**environment, "FAULT_POINT": point}, capture_output=True, text=True, check=False
        )
        # What the dead one held would be skipped by the next.
        wait_for_other_backends(known)
        return done.returncode, f"{point}: ended with {done.returncode}\n{done.stdout[-2_000:]}\n{done.stderr[-6_000:]}"

    status, said = run("boundary:7")
    assert status == -signal.SIGKILL, said
    status, said = run("idle")
    assert status == 0, said
    order.refresh_from_db()
    assert order.state == Order.State.CONFIRMED, said
    assert not books.problems(fund.pk)
    assert not hasattr(connection, "_faults_installed")
    with pytest.raises(ValueError, match="FAULT_POINT"):
        points.Points().arm("somewhere")


def test_workers_killed_at_random_statements_end_where_an_undisturbed_one_does(zygote: Zygote) -> None:
    """Random kills on top of the named ones: before any statement of any task."""
    tally, wrong = Tally("5 worker killed at random"), []
    chance = rng("statements")
    names = sorted(cases.CASES)
    for _round in rounds(short=20, long=2_000):
        name = chance.choice(names)
        expected_of(zygote, name)
        statement = chance.randint(1, _expected[name][0].statements)
        _end, difference = killed(zygote, name, f"statement:{statement}")
        tally.add("kills")
        if difference:
            wrong.append(f"{name}, killed before statement {statement}:\n{difference}")
    assert not wrong, "\n".join(wrong)
    tally.require("kills", 20)
    tally.show()
    books.verify_everything()
