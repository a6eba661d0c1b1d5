"""A payout that waits is taken into one run, also when two runs are put together at the same moment: the statement
judges the row again after waiting for it (investments/payouts/select.py)."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import IntegrityError, connection, transaction

from investments.payouts import select, services
from investments.payouts.models import Payout, PayoutAttempt, PayoutRun
from tests import make, repay

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
GUARD = " AND payout.state IN ('waiting', 'returned')\n    RETURNING"


@pytest.fixture
def waiting() -> tuple[PayoutRun, PayoutRun]:
    """A payout whose run was withdrawn, and two empty runs that want it."""
    with make.short_documents():
        fund = repay.operating(40)
    repay.report(fund, 1, 27_900_000)
    made = repay.pay_in(repay.distribute(fund, 1))
    at = repay.after(made.period, 30)
    day = at.date() + timedelta(days=1)
    run = services.build_run(pay_on=day, actor=repay.staff(), at=at)
    services.withdraw_run(run, actor=repay.staff(), at=at, reason="Wrong day.")
    assert Payout.objects.get().state == "waiting"
    values = {"pay_on": run.pay_on, "maker": repay.staff(), "prepared_at": at}
    return PayoutRun.objects.create(**values), PayoutRun.objects.create(**values)


def meet(first: PayoutRun, second: PayoutRun) -> Any:
    """Build the first run and, before it is committed, the second, which then waits for the payout's row; what became
    of the second."""
    outcome: list[Any] = []
    pids: list[int] = []

    def rival() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            with transaction.atomic():
                outcome.append(select.build(second.pk, second.pay_on))
        except Exception as error:  # judged by the test
            outcome.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=rival)
    with transaction.atomic():
        assert select.build(first.pk, first.pay_on)[0] == 1
        thread.start()
        assert waits_for_a_row(pids), "the second run did not wait for the payout's row"
    thread.join(30)
    assert not thread.is_alive()
    return outcome[0]


def waits_for_a_row(pids: list[int]) -> bool:
    """Whether the rival comes to wait for a lock, within half a minute."""
    for _time in range(600):
        if pids:
            with connection.cursor() as cursor:
                cursor.execute("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s", [pids[0]])
                found = cursor.fetchone()
            if found and found[0]:
                return True
        time.sleep(0.05)
    return False


def test_the_second_run_leaves_the_payout_to_the_first(waiting: tuple[PayoutRun, PayoutRun]) -> None:
    assert meet(*waiting) == (0, 0)
    live = PayoutAttempt.objects.exclude(state="withdrawn").get()
    assert (live.run_id, Payout.objects.get().state) == (waiting[0].pk, "in_run")


def test_control_without_the_condition_the_second_run_takes_it_too(waiting: tuple[PayoutRun, PayoutRun]) -> None:
    assert select._BUILD.count(GUARD) == 1
    with mock.patch.object(select, "_BUILD", select._BUILD.replace(GUARD, "\n    RETURNING")):
        assert isinstance(meet(*waiting), IntegrityError)
