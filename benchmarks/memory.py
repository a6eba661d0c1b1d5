"""`worker_memory`: what a worker takes beyond what it takes at rest, for the whole payday of a fund: at most 150 MB,
and no more for a million holders than for ten thousand.

The worker is a process of its own: what it takes is read from the kernel (`VmHWM`, the most since it was at rest).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FEW, MANY = 10_000, 1_000_000
#: Megabytes beyond the worker at rest, and how much more the many may take than the few.
MOST, MORE = 150, 20
_MB = 1024


def run() -> dict[str, Any]:
    """Both sizes, in databases of their own; `ours` is the larger, `floor` the limit."""
    from benchmarks.scratch import answer, scratch_database

    few = _payday(FEW)
    with scratch_database():
        many = _payday(MANY)
    print({FEW: few, MANY: many}, file=sys.stderr, flush=True)
    most, more = max(many.values()), max(many[task] - few[task] for task in many)
    if more > MORE:
        raise AssertionError(f"a million holders take {more} MB more than ten thousand: {few}, {many}")
    return answer(
        ours=most,
        floor=MOST,
        goal=1,
        at_least=False,
        unit=f"MB over a worker at rest for {MANY:,} holders; {max(few.values()):.0f} for {FEW:,}",
    )


def _payday(holders: int) -> dict[str, float]:
    """Megabytes over rest by task, with so many holders."""
    from django.db import connection

    from benchmarks import repayment
    from tests import repay

    fund = repayment.holders(holders, grace_periods=0)
    repay.report(fund, 1, 27_900_000)
    for name in ("maker", "checker"):
        repay.staff(name)
    name = connection.settings_dict["NAME"]
    connection.close()
    command = [sys.executable, "-m", "benchmarks.memory", name, str(fund.pk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-4_000:])
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


# --- The worker ---------------------------------------------------------------------------------------------------


def _kilobytes(field: str) -> int:
    """A figure of this process as the kernel tells it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise LookupError(field)


def _worker(database: str, fund_id: int) -> None:
    """Every task of a payday in turn; prints megabytes over rest by task."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    settings.DEBUG = False
    connection.settings_dict["NAME"] = database
    from datetime import timedelta

    from investments.distributions import services as distributions
    from investments.models import Distribution, Fund, Period
    from investments.payouts import outcome
    from investments.payouts import services as payouts
    from microfund.kernel import clock
    from microfund.kernel.outbox import services as outbox
    from tests import make, repay

    fund, period = Fund.objects.get(pk=fund_id), Period.objects.get(fund_id=fund_id, number=1)
    at = repay.after(period)
    pay_on = clock.next_bank_day(clock.today_in(None, at) + timedelta(days=30))
    later = make.at_noon(clock.add_bank_days(pay_on, payouts.BANK_DAYS_TO_RETURN) + timedelta(days=1))
    maker, checker, made = repay.staff("maker"), repay.staff("checker"), {}

    def keep(name: str, value: Any) -> None:
        made[name] = value

    tasks = {
        "calculate": lambda: keep("own", distributions.prepare(period, actor=maker, at=at)),
        "approve": lambda: distributions.approve(made["own"], actor=checker, at=at),
        "paid in": lambda: repay.pay_in(Distribution.objects.get(fund=fund), at=at),
        "build": lambda: keep("run", payouts.build_run(pay_on=pay_on, actor=maker, at=at)),
        "approve run": lambda: payouts.approve_run(made["run"], actor=checker, at=at),
        "send": lambda: payouts.mark_sent(made["run"], actor=maker, at=at),
        "arrived": lambda: outcome.paid_due(on=later.date(), at=later),
        "events": lambda: outbox.dispatch(),
    }
    over, rest = {}, _kilobytes("VmRSS")
    for name, act in tasks.items():
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as the server does by itself within a minute
        Path("/proc/self/clear_refs").write_text("5")  # the most begins anew
        act()
        over[name] = round((_kilobytes("VmHWM") - rest) / _MB, 1)
    print(json.dumps(over))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "microfund.settings.demo")
    _worker(sys.argv[1], int(sys.argv[2]))
