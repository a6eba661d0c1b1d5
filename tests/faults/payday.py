"""The desks of a payday, for the server that is killed under them (`buyers.py`): one decides what periods pay, one
takes in what businesses transfer, one puts runs together, sends them and counts them as arrived.

Each desk takes whatever the rows say is next, as its people would. What was acknowledged must be there after a kill,
and once: what is done twice the database refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tests.faults.buyers import Town

#: Accepted reports that must be there when a round begins, and distributions that may wait for the business's money.
LEAST, MOST_WAITING = 25, 3
#: How far a run is.
RUN_STATES = ("prepared", "approved", "sent", "done")


class Payday:
    """Three desks, and the funds whose periods they pay."""

    def __init__(self, town: Town, chance: Any) -> None:
        from tests import make, repay

        self.town, self.chance = town, chance
        self.at = make.at_noon(date(2031, 12, 1))
        self.funds: list[Any] = []
        for name in ("maker", "checker", "reviewer"):
            repay.staff(name)
        for desk in (self._decide, self._receive, self._run):
            town.employ(lambda desk=desk: self._try(desk))  # type: ignore[misc]

    def stock(self) -> None:
        """Funds whose ten periods are reported, as many as a round may pay."""
        from investments.models import Period
        from tests import repay

        while Period.objects.filter(state="accepted").count() < LEAST:
            fund = repay.operating(20, 7)
            for number in range(1, 11):
                repay.report(fund, number, self.chance.randint(20_000_000, 90_000_000))
            self.funds.append(fund)

    def finish(self) -> None:
        """Every desk works until there is nothing to do."""
        while any([self._decide(), self._receive(), self._run()]):
            continue

    def _try(self, desk: Callable[[], bool]) -> None:
        """One act of a desk; a short rest where there is nothing to do."""
        from django.db import connection

        from microfund.kernel.errors import DomainError

        try:
            if desk():
                return
        except DomainError:  # another desk was faster, or a claim of theirs is on its way
            self.town.counts["refused"] += 1
        self.town.end.wait(0.02)
        with connection.cursor() as cursor:  # notices a server that is gone
            cursor.execute("SELECT 1")

    def _decide(self) -> bool:
        """Calculate and approve the next period of a fund."""
        from investments.distributions import services as distributions
        from investments.models import Distribution, Period
        from tests import repay

        made = Distribution.objects.filter(state="calculated").order_by("pk").first()
        if made is None:
            if Distribution.objects.filter(state="approved", received=0, gross__gt=0).count() >= MOST_WAITING:
                return False
            period = Period.objects.filter(state="accepted").order_by("number", "fund_id").first()
            if period is None:
                return False
            made = distributions.prepare(period, actor=repay.staff("maker"), at=self.at)
            self.town.note(f"distribution={made.pk}", "calculated")
        distributions.approve(made, actor=repay.staff("checker"), at=self.at)
        self.town.note(f"distribution={made.pk}", "approved")
        return True

    def _receive(self) -> bool:
        """Import the statement with what one business pays. Its rows are numbered by the distribution: given in again
        after a kill, it is the same statement."""
        from investments.banking import services as banking
        from investments.models import Distribution
        from microfund.kernel import clock
        from tests.investments.banking.files import csv_file

        owed = Distribution.objects.filter(state="approved", received=0, gross__gt=0).order_by("pk").first()
        if owed is None:
            return False
        on = clock.today_in(None, self.at)
        row = {"date": on.isoformat(), "amount": owed.gross, "payer_code": owed.payer_code}
        banking.import_statement(
            content=csv_file(row, first=50_000_000 + owed.pk), name="s.csv", actor=None, at=self.at
        )
        # A claim that a kill cut off is found by the sweep, which counts what it could not do.
        if banking.claim_pending(on=on, at=self.at)["errors"]:
            return False
        self.town.note(f"distribution={owed.pk}", "received")
        return True

    def _run(self) -> bool:
        """Build, approve and send a run, and let it arrive: from where the rows say it is."""
        from investments.payouts import outcome
        from investments.payouts import services as payouts
        from investments.payouts.models import PayoutRun
        from investments.payouts.select import preview
        from microfund.kernel import clock
        from tests import repay

        day, note = clock.next_bank_day(clock.today_in(None, self.at)), self.town.note
        run = PayoutRun.objects.exclude(state__in=["done", "withdrawn"]).order_by("pk").first()
        if run is None:
            if all(line.excluded for line in preview(day)):
                return False
            run = payouts.build_run(pay_on=day, actor=repay.staff("maker"), at=self.at)
            note(f"run={run.pk}", "prepared")
        if run.state == "prepared":
            run = payouts.approve_run(run, actor=repay.staff("checker"), at=self.at)
            note(f"run={run.pk}", "approved")
        if run.state == "approved":
            run = payouts.mark_sent(run, actor=repay.staff("maker"), at=self.at)
            note(f"run={run.pk}", "sent")
        if outcome.mark_paid(run.pk, at=self.at + timedelta(days=14)):
            note(f"run={run.pk}", "done")
        return True

    def lost(self) -> list[str]:
        """Acts that were acknowledged and are not in the database."""
        from investments.models import Distribution
        from investments.payouts.models import PayoutRun

        rows = {row.pk: row for row in Distribution.objects.all()}
        runs = dict(PayoutRun.objects.values_list("pk", "state"))
        missing = []
        for token, outcomes in self.town.told.items():
            kind, _, pk = token.partition("=")
            if kind == "distribution":
                row = rows.get(int(pk))
                there = row is not None and (
                    ("approved" not in outcomes or row.state == "approved")
                    and ("received" not in outcomes or row.received == row.gross)
                )
            elif kind == "run":
                state = runs.get(int(pk), "")
                told = max(RUN_STATES.index(outcome) for outcome in outcomes)
                there = state in RUN_STATES and RUN_STATES.index(state) >= told
            else:
                continue
            if not there:
                missing.append(f"{token}: told {sorted(outcomes)}")
        return missing
