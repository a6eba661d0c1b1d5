"""The demo's years pass: the page of the console, what the crew does, and a worker killed on the way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.urls import reverse

from investments.models import Distribution, Entry, Fund, PayoutRun, Period, RevenueReport, StatementLine
from microfund.kernel import clock, jobs
from microfund.kernel.accounts import roles
from microfund.kernel.accounts.models import User
from microfund.kernel.outbox import services as outbox
from microfund.kernel.schedule import travel
from microfund.kernel.schedule.models import Journey
from microfund.site import demo_logins
from microfund.site.seed import people
from tests import clean, repay
from tests.faults import books, provider
from tests.faults.scale import Tally, rng
from tests.faults.zygote import ROOT, backends, wait_for_other_backends
from tests.sandbox_client import SandboxProcess
from tests.site.staff import console, make_staff

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/staff/time-travel/"
#: A fund whose first period is nearly over: report, distribution and payment fall into the months after it.
MONTHS = 5
KILLS = 3


@pytest.fixture(autouse=True)
def movable(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.CLOCK_FILE = tmp_path / "clock"
    # Listeners of other tests in this process would be heard here and not by a worker of its own.
    ours = {
        kind: [own for own in named if not own[0].startswith("tests.")] for kind, named in outbox._subscribers.items()
    }
    monkeypatch.setattr(outbox, "_subscribers", ours)
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    yield


def make_world() -> Fund:
    """The demo's staff, and a fund of two holders that is nearly a year into its term."""
    with jobs.muted():
        people.make_staff(people.hashed_password())
        today = clock.today_in()
        start = (today + timedelta(days=4)).replace(year=today.year - 1)
        bought = start - timedelta(days=70)
        fund = repay.operating(
            30, 19, on=bought, slug="travelling", closes_on=bought + timedelta(days=25), term_starts_on=start
        )
        repay.owner(fund)
        return fund


# --- The page -----------------------------------------------------------------------------------------------------


def test_staff_start_a_journey_see_how_far_it_is_and_stop_it(sandbox: SandboxProcess) -> None:
    user = make_staff(roles.OPERATIONS)
    client = console(user)
    assert "Let the crew do the work" in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"months": 0}).status_code == 200 and not Journey.objects.exists()
    assert client.post(PAGE, {"months": 2}).status_code == 302
    journey = Journey.objects.get()
    assert (journey.started_by, journey.with_crew) == (user, False)
    page = client.get(PAGE).content.decode()
    assert "under way" in page and 'name="stop"' in page and "Look again" in page
    assert client.post(PAGE, {"months": 3, "with_crew": "on"}).status_code == 200, "a second start says why not"
    assert Journey.objects.count() == 1
    assert travel.go_on(0)
    assert client.post(PAGE, {"stop": "1"}).status_code == 302
    assert "stopped" in client.get(PAGE).content.decode()


def test_pages_say_which_day_it_is_in_the_demo(client: Any) -> None:
    assert "In it, today is" not in client.get("/").content.decode()
    clock.move(clock.now() + timedelta(days=400))
    assert "In it, today is" in client.get("/").content.decode()
    front = console(make_staff(roles.OPERATIONS)).get(reverse("admin:index")).content.decode()
    assert "It is " in front and PAGE in front


def test_where_the_clock_cannot_be_moved_there_is_no_page_and_no_link(settings: Any) -> None:
    client = console(make_staff(roles.OPERATIONS))
    for name, value in (("TIME_TRAVEL", False), ("CLOCK_FILE", None)):
        before = getattr(settings, name)
        setattr(settings, name, value)
        assert client.get(PAGE).status_code == client.post(PAGE, {"months": 1}).status_code == 404
        assert PAGE not in client.get(reverse("admin:index")).content.decode()
        setattr(settings, name, before)
    assert not Journey.objects.exists()
    assert console(make_staff(roles.FINANCE_MAKER)).get(PAGE).status_code == 403


# --- The crew -----------------------------------------------------------------------------------------------------


def summary(fund: Fund) -> dict[str, Any]:
    """The fund's state, and what could have been done twice."""
    state = books.state_of(fund.pk)
    state["reports"] = [str(row) for row in RevenueReport.objects.values_list("period__number", "state", "revenue")]
    state["runs"] = [str(row) for row in PayoutRun.objects.values_list("state", "payments", "amount")]
    state["deposits"] = [str(row) for row in StatementLine.objects.values_list("amount", "remaining")]
    state["entries"] = [Entry.objects.count()]
    return state


def require_carried(fund: Fund, sandbox: SandboxProcess) -> None:
    """The crew has done each of its works once, and the holders have their money."""
    journey = Journey.objects.get()
    assert journey.troubles == []
    own = Period.objects.get(fund=fund, number=1)
    assert own.state == Period.State.PAID
    made = Distribution.objects.get(fund=fund)
    assert made.gross and made.owed == 0 and made.calculated_by != made.approved_by
    run = PayoutRun.objects.get()
    assert run.state == PayoutRun.State.DONE and run.maker != run.checker
    assert run.pay_on >= made.payment_on
    report = RevenueReport.objects.get()
    assert report.submitted_by == repay.owner(fund) and report.decided_by.email.startswith("reviewer@")
    for work in ("report", "accept", "calculate", "approve", "pay", "sent"):
        assert journey.counts[work] == 1, work
    repay.books_are_right()
    # The provider's clock went along.
    assert sandbox.control("clock")["business_date"] == journey.until.isoformat()


@pytest.mark.faults
def test_the_crew_carries_a_period_to_the_holders_accounts_even_if_the_worker_is_killed_on_the_way(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    fund = make_world()
    travel.start(MONTHS, with_crew=True, actor=None, at=clock.now())
    assert not travel.go_on(None)
    require_carried(fund, sandbox)
    expected = summary(fund)

    clean.put_back()
    clock.move(None)
    sandbox.control("reset")
    fund = make_world()
    travel.start(MONTHS, with_crew=True, actor=None, at=clock.now())
    environment = {
        **os.environ,
        **provider.settings_for(sandbox),
        "DJANGO_SETTINGS_MODULE": "microfund.settings.test",
        "FAULT_DATABASE": connection.settings_dict["NAME"],
        "FAULT_CLOCK": str(tmp_path / "clock"),
        "FAULT_MAIL": str(tmp_path / "mail"),
    }
    known, chance, tally = backends(), rng("travel"), Tally("time travel killed")

    def play(point: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "manage.py", "time_travel"],
            cwd=ROOT,
            env={**environment, "FAULT_POINT": point},
            capture_output=True,
            text=True,
            check=False,
        )
        wait_for_other_backends(known)
        return done

    for _kill in range(KILLS):
        done = play(f"statement:{chance.randint(500, 1_500)}")
        assert done.returncode == -signal.SIGKILL, done.stderr[-2_000:]
        assert not Journey.objects.get().ended, "it was over before it was killed"
        tally.add("kills")
    done = play("idle")
    assert done.returncode == 0, done.stderr[-2_000:]
    assert Journey.objects.get().ended
    found = summary(fund)
    assert not books.difference(expected, found), books.difference(expected, found)
    repay.books_are_right()
    tally.require("kills", KILLS)
    tally.show(hash=books.state_hash(found))


def test_every_login_of_the_crew_is_one_of_the_demo() -> None:
    """The crew works by the demo's own logins, in the groups that may do it."""
    people.make_staff("!")
    mails = {email for _who, email, _password, _secret in demo_logins.STAFF}
    assert set(User.objects.filter(is_staff=True).values_list("email", flat=True)) == mails
    maker = User.objects.get(email__startswith="maker@")
    assert set(maker.groups.all()) == {Group.objects.get(name=roles.FINANCE_MAKER)}
