"""`distribution_1m`, `payout_run_1m`, `payout_file_100k`: a payday of a fund with very many holders.

One holder goes through the services from the order to the term; the others are copies of that holder. A floor writes
the same rows with the same keys by one raw `INSERT … SELECT` and checks nothing beyond its keys and foreign keys.
"""

from __future__ import annotations

import io
import time
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from benchmarks.scratch import answer
from investments.distributions import services as distributions
from investments.distributions.models import Distribution
from investments.models import Fund
from investments.payouts import services as payouts
from investments.payouts.models import PayoutRun
from microfund.kernel import clock, crypto
from tests import repay

MANY, FILE = 1_000_000, 100_000
ROUNDS = 2

_COPIES = (
    (
        "investments_investor",
        {"id": "src.id + n * 10", "user_id": "src.user_id + n * 10", "person_hash": "''", "phone_hash": "''"},
        "src.id = %(investor)s",
    ),
    (
        "investments_bankaccount",
        {
            "id": "src.id + n * 10",
            "investor_id": "src.investor_id + n * 10",
            "holder": "'イトウ ' || translate(n::text, '0123456789', 'アイウエオカキクケコ')",
        },
        "src.investor_id = %(investor)s",
    ),
    (
        "investments_holding",
        {"id": "src.id + n * 10", "investor_id": "src.investor_id + n * 10", "reference": "'H' || n"},
        "src.fund_id = %(fund)s",
    ),
    (
        "investments_movement",
        {"id": "src.id + n * 10", "holding_id": "src.holding_id + n * 10", "source": "'order:' || 10 * n + 1000000"},
        "true",
    ),
)


def holders(count: int, **terms: Any) -> Fund:
    """A fund in its term with this many holders of twenty units each."""
    fund = repay.operating(20, **terms)
    holding = fund.holdings.get()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table, changed, where in _COPIES:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
                " ORDER BY ordinal_position",
                [table],
            )
            columns = [name for (name,) in cursor.fetchall()]
            chosen = ", ".join(changed.get(name, f"src.{name}") for name in columns)
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} AS src,"
                f" generate_series(1::bigint, {count - 1}) AS n WHERE {where}",
                {"investor": holding.investor_id, "fund": fund.pk},
            )
        cursor.execute("SET session_replication_role = DEFAULT")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return fund


_COLUMNS = "distribution_id, holding_id, units, gross, principal, profit, tax, net, rate, payee_class"


def timed(act: Any) -> float:
    """Seconds that an act takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def run_statements(statements: list[str]) -> None:
    """Run statements in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _due(fund: Fund, number: int) -> Any:
    """The instant at which a period's accepted report waits to be calculated."""
    repay.report(fund, number, 27_900_000)
    return repay.after(repay.period(fund, number))


def distribution() -> dict[str, Any]:
    """Calculate and approve: a line for each of a million holdings, the journal, every check, two transactions."""
    fund = holders(MANY, grace_periods=0)
    run_statements(
        [
            "CREATE TABLE floor_allocation (LIKE investments_allocation INCLUDING ALL)",
            "ALTER TABLE floor_allocation ADD FOREIGN KEY (distribution_id) REFERENCES investments_distribution (id)",
            "ALTER TABLE floor_allocation ADD FOREIGN KEY (holding_id) REFERENCES investments_holding (id)",
        ]
    )
    ours, floors = [], []
    for number in range(1, ROUNDS + 1):
        at = _due(fund, number)
        own = repay.period(fund, number)

        def pay(own: Any = own, at: Any = at) -> None:
            made = distributions.prepare(own, actor=repay.staff(), at=at)
            distributions.approve(made, actor=repay.staff("checker"), at=at)

        ours.append(timed(pay))
        made = Distribution.objects.get(period=own)
        raw = (
            f"INSERT INTO floor_allocation ({_COLUMNS}) SELECT {_COLUMNS} FROM investments_allocation"
            f" WHERE distribution_id = {made.pk} ORDER BY id"
        )
        floors.append(timed(lambda raw=raw: run_statements([raw])))
    return answer(ours=min(ours), floor=min(floors), goal=1.2, at_least=False, unit="s for 1,000,000 holdings")


def run_of_payouts() -> dict[str, Any]:
    """Put a run of a million payouts together: payouts, parts, attempts, all checks."""
    fund = holders(MANY)
    at = _due(fund, 1)
    made = repay.distribute(fund, 1, at=at)
    repay.pay_in(made)
    tables = ("investments_payout", "investments_payoutitem", "investments_payoutattempt")
    run_statements(
        [
            *(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)" for table in tables),
            *(
                f"ALTER TABLE floor_{table} ADD FOREIGN KEY ({column}) REFERENCES {target} (id)"
                for table, column, target in (
                    ("investments_payout", "run_id", "investments_payoutrun"),
                    ("investments_payout", "fund_id", "investments_fund"),
                    ("investments_payout", "investor_id", "investments_investor"),
                    ("investments_payoutitem", "payout_id", "floor_investments_payout"),
                    ("investments_payoutitem", "instalment_id", "investments_instalment"),
                    ("investments_payoutitem", "allocation_id", "investments_allocation"),
                    ("investments_payoutattempt", "payout_id", "floor_investments_payout"),
                    ("investments_payoutattempt", "run_id", "investments_payoutrun"),
                    ("investments_payoutattempt", "account_id", "investments_bankaccount"),
                )
            ),
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    pay_on = clock.next_bank_day(clock.today_in(None, at) + timedelta(days=30))
    ours = timed(lambda: payouts.build_run(pay_on=pay_on, actor=repay.staff(), at=at))
    floor = timed(
        lambda: run_statements([f"INSERT INTO floor_{table} SELECT * FROM {table} ORDER BY id" for table in tables])
    )
    return answer(ours=ours, floor=floor, goal=1.3, at_least=False, unit="s for 1,000,000 payouts")


def file() -> dict[str, Any]:
    """The bank files of a run of 100,000, streamed, against a COPY of the rows that they are made of, each account
    number of which must be decrypted, since it is encrypted at rest."""
    fund = holders(FILE)
    at = _due(fund, 1)
    repay.pay_in(repay.distribute(fund, 1, at=at))
    pay_on = clock.next_bank_day(clock.today_in(None, at) + timedelta(days=30))
    run = payouts.build_run(pay_on=pay_on, actor=repay.staff(), at=at)
    copied = (
        "COPY (SELECT attempt.id, account.bank_code, account.bank_kana, account.branch_code, account.branch_kana,"
        " account.kind, account.number, account.holder, attempt.amount FROM investments_payoutattempt AS attempt"
        " JOIN investments_bankaccount AS account ON account.id = attempt.account_id"
        f" WHERE attempt.run_id = {run.pk} ORDER BY attempt.id) TO STDOUT"
    )

    def copy() -> None:
        with connection.cursor() as cursor:
            cursor.copy_expert(copied, out := io.StringIO())
        for row in out.getvalue().splitlines():
            crypto.decrypt(row.split("\t")[6])

    def write(run: PayoutRun = run) -> None:
        written = sum(len(record) for records in payouts.render(run) for record in records)
        if written < FILE * 122:
            raise RuntimeError(f"the files hold {written} bytes")

    ours, floors = [], []
    for _round in range(3):
        floors.append(timed(copy))
        ours.append(timed(write))
    return answer(ours=min(ours), floor=min(floors), goal=5, at_least=False, unit="s for 100,000 transfers")
