"""The staff of a payday in one process, and a PostgreSQL of its own that is killed under them again and again.

`python -m tests.faults.payers KILLS` prints one JSON object like that of `buyers.py`: one of the staff calculates,
another approves, statements of the bank are imported, and runs are built, approved and sent. Whoever was told that
something is done writes it down; after a kill and the recovery it must be there, once.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from typing import Any

from tests.faults import buyers
from tests.faults.buyers import Town

#: Funds, and periods of each whose reports wait to be calculated.
FUNDS, PERIODS = 12, 6
DESKS = ("decide", "receive", "run")


class Payday(Town):
    """The desks of a payday; each takes whatever the rows say is next."""

    def __init__(self, funds: list[Any], at: Any, chance: Any) -> None:
        super().__init__(funds, [], chance)
        self.at = at
        self.rows = itertools.count(1)

    def _act(self, number: int) -> None:
        from microfund.kernel.errors import DomainError

        try:
            getattr(self, f"_{DESKS[number % len(DESKS)]}")()
        except DomainError:  # another desk was faster
            self.counts["refused"] += 1

    def _decide(self) -> None:
        """Calculate and approve the next period of a fund."""
        from investments.distributions import services as distributions
        from investments.models import Distribution, Period
        from tests import repay

        made = Distribution.objects.filter(state="calculated").first()
        if made is None:
            period = Period.objects.filter(state="accepted").order_by("number", "fund_id").first()
            if period is None:
                self._idle()
                return
            made = distributions.prepare(period, actor=repay.staff("maker"), at=self.at)
            self.note(f"distribution:{made.pk}", "calculated")
        distributions.approve(made, actor=repay.staff("checker"), at=self.at)
        self.note(f"distribution:{made.pk}", "approved")
        self.note("all", "placed")

    def _receive(self) -> None:
        """Import a statement with what one business pays."""
        from investments.banking import services as banking
        from investments.models import Distribution
        from tests.investments.banking.files import csv_file

        owed = Distribution.objects.filter(state="approved", received=0, gross__gt=0).order_by("pk").first()
        if owed is None:
            self._idle()
            return
        # The bank's own number is the distribution's: the statement that is given in again is the same one.
        row = {"date": self.at.date().isoformat(), "amount": owed.gross, "payer_code": owed.payer_code}
        banking.import_statement(
            content=csv_file(row, first=owed.pk), name="s.csv", format="csv", actor=None, at=self.at
        )
        self.note(f"distribution:{owed.pk}", "received")
        self.note("all", "placed")

    def _run(self) -> None:
        """Build a run, approve it, send it: whichever is next."""
        from investments.payouts import services as payouts
        from investments.payouts.models import PayoutRun
        from investments.payouts.select import preview
        from microfund.kernel import clock
        from tests import repay

        day = clock.next_bank_day(self.at.date())
        run = PayoutRun.objects.filter(state__in=["prepared", "approved"]).first()
        if run is None:
            if all(line.excluded for line in preview(day)):
                self._idle()
                return
            run = payouts.build_run(pay_on=day, actor=repay.staff("maker"), at=self.at)
            self.note(f"run:{run.pk}", "prepared")
        if run.state == "prepared":
            run = payouts.approve_run(run, actor=repay.staff("checker"), at=self.at)
            self.note(f"run:{run.pk}", "approved")
        payouts.mark_sent(run, actor=repay.staff("maker"), at=self.at)
        self.note(f"run:{run.pk}", "sent")
        self.note("all", "paid")

    def _idle(self) -> None:
        self.end.wait(0.05)
        if self.end.is_set():
            return
        from django.db import connection

        with connection.cursor() as cursor:  # notices a server that is gone
            cursor.execute("SELECT 1")

    def lost(self) -> list[str]:
        """Acts that were acknowledged and are not in the database."""
        from investments.models import Distribution
        from investments.payouts.models import PayoutRun

        decided = {row.pk: row for row in Distribution.objects.all()}
        runs = dict(PayoutRun.objects.values_list("pk", "state"))
        missing = []
        for token, outcomes in self.told.items():
            kind, _, pk = token.partition(":")
            if kind == "distribution":
                row = decided.get(int(pk))
                there = row is not None
                there = there and ("approved" not in outcomes or row.state == "approved")
                there = there and ("received" not in outcomes or row.received == row.gross)
            elif kind == "run":
                state = runs.get(int(pk))
                wanted = "sent" if "sent" in outcomes else "approved" if "approved" in outcomes else "prepared"
                order = ("prepared", "approved", "sent", "done")
                there = state in order and order.index(state) >= order.index(wanted)
            else:
                continue
            if not there:
                missing.append(f"{token}: told {sorted(outcomes)}")
        return missing


def main(kills: int) -> None:
    """Make the server, its funds with reports that wait, then kill."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests import repay
    from tests.faults import books
    from tests.faults.scale import SEED, rng

    call_command("migrate", verbosity=0)
    cluster: Any = connection.cluster  # type: ignore[attr-defined]
    chance = rng("payday")
    funds = [repay.operating(20, 7) for _fund in range(FUNDS)]
    for fund in funds:
        for number in range(1, PERIODS + 1):
            repay.report(fund, number, chance.randint(5_000_000, 60_000_000))
    for name in ("maker", "checker"):
        repay.staff(name)
    town = Payday(funds, repay.after(repay.period(funds[0], PERIODS), 40), chance)
    threads = [threading.Thread(target=town.buy, args=[number], daemon=True) for number in range(buyers.BUYERS)]
    for thread in threads:
        thread.start()

    def judge() -> list[str]:
        return [line for fund in funds for line in books.problems(fund.pk)]

    answer: dict[str, Any] = {"seed": SEED, "durable": buyers.run(town, cluster, kills, chance, judge)}
    try:
        books.verify_everything()
    except SystemExit as red:
        answer["durable"]["wrong"].append(f"verify_ledger: {red}")
    buyers.relax()
    answer["relaxed"] = buyers.run(town, cluster, 1, chance, list)
    town.end.set()
    town.go.set()
    for thread in threads:
        thread.join(timeout=120)
    connection.close()
    cluster.stop()
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
