"""Row 5 of the proofs at its real size: a payday of a fund with 10,000 holders, a worker killed before and after each
commit and each call to the outside of each of its tasks. Every kill has a copy of the database of its own; done again,
all money tables must say what they say when nobody was killed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from benchmarks.repayment import holders
from investments.models import Fund
from microfund.kernel import clock, integrity
from tests import make, repay
from tests.faults import books, cases, provider
from tests.faults.cases import repayment
from tests.faults.scale import TORTURE, Tally
from tests.faults.zygote import Zygote, wait_for_backend

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

HOLDERS = 10_000 if TORTURE else 300
#: The short set takes those tasks that write a row for each holder; the small funds of test_worker_killed.py take all.
TASKS = tuple(repayment.PAYDAY) if TORTURE else ("calculate", "send a run")
LEAST_KILLS = 40 if TORTURE else 4

#: What the state of a fund does not say: which holding and which investor a sum belongs to. Ids of the copies are the
#: same; those of new rows are left out.
_WHOSE = {
    "allocations": "SELECT p.number, a.holding_id, a.units, a.gross, a.principal, a.profit, a.tax, a.net, a.rate"
    " FROM investments_allocation AS a JOIN investments_distribution AS d ON d.id = a.distribution_id"
    " JOIN investments_period AS p ON p.id = d.period_id ORDER BY 1, 2",
    "items": "SELECT y.investor_id, y.fund_id, a.holding_id, n.number, i.gross, i.principal, i.tax, i.net"
    " FROM investments_payoutitem AS i JOIN investments_payout AS y ON y.id = i.payout_id"
    " JOIN investments_allocation AS a ON a.id = i.allocation_id"
    " JOIN investments_instalment AS n ON n.id = i.instalment_id ORDER BY 1, 2, 3, 4",
    "attempts": "SELECT y.investor_id, t.number, t.state, t.account_id, t.amount, y.state, y.withheld_on, y.paid_on"
    " FROM investments_payoutattempt AS t JOIN investments_payout AS y ON y.id = t.payout_id ORDER BY 1, 2",
    "journal": "SELECT e.kind, e.effective_on, b.kind, a.code, l.side, l.amount, split_part(l.subject, ':', 1)"
    " FROM investments_line AS l JOIN investments_entry AS e ON e.id = l.entry_id"
    " JOIN investments_account AS a ON a.id = l.account_id JOIN investments_book AS b ON b.id = a.book_id"
    " ORDER BY 1, 2, 3, 4, 5, 6, 7",
    "runs": "SELECT r.state, r.pay_on, r.payments, r.amount, f.number, f.payments, f.amount"
    " FROM investments_payoutrun AS r LEFT JOIN investments_payoutfile AS f ON f.run_id = r.id"
    " WHERE r.state <> 'withdrawn' ORDER BY r.pay_on, f.number",
    "transfers": "SELECT state, amount, transferred_on, checker_id <> maker_id FROM investments_outgoingtransfer"
    " ORDER BY amount",
}


def whose() -> books.State:
    """One hash for each of these tables."""
    found = {}
    with connection.cursor() as cursor:
        for name, sql in _WHOSE.items():
            digest = hashlib.sha256()
            cursor.execute(sql)
            while rows := cursor.fetchmany(5_000):
                digest.update(repr(rows).encode())
            found[name] = [digest.hexdigest()]
    return found


@contextmanager
def copy(name: str) -> Iterator[str]:
    """This connection on a copy of its database, which is dropped at the end. Nobody else may be on it."""
    before = connection.settings_dict["NAME"]
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{before}"')
    connection.settings_dict["NAME"] = name
    try:
        yield name
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def money_is_right() -> None:
    """The checks of a payday; the holders are copies without orders, which the other checks would name."""
    names = [check.name for check in integrity.checks() if check.name.startswith(("distributions.", "payouts."))]
    wrong = {found.check.name: found.differences for found in integrity.run([*names]) if found.differences}
    assert not wrong, wrong


@pytest.fixture
def fund(db: None) -> Fund:
    """A fund with very many holders whose first period is over."""
    for name in ("maker", "checker", "reviewer"):
        repay.staff(name)
    made = holders(HOLDERS)
    repay.owner(made)
    return made


def test_a_worker_killed_in_a_payday_of_very_many_holders_ends_where_an_undisturbed_one_does(
    zygote: Zygote, fund: Fund
) -> None:
    tally, wrong = Tally(f"5 a payday of {HOLDERS} holders killed"), []
    base = connection.settings_dict["NAME"]
    ends_on = repay.period(fund, 1).ends_on
    at = make.at_noon(clock.next_bank_day(ends_on.replace(month=12, day=1)))
    for name in TASKS:
        case = cases.CASES[name]
        with copy(f"{base}_task"):
            provider.set_clock(at)
            context = repayment.bring(fund, at, repayment.PAYDAY[name])
            with copy(f"{base}_calm") as database:
                end = zygote.run(name, context, database=database)
                assert end.status == 0, end.error
                expected = {**case.finish(context), **whose()}
                money_is_right()
            for number, boundary in enumerate(end.boundaries, start=1):
                with copy(f"{base}_kill") as database:
                    found = zygote.run(name, context, plan=f"boundary:{number}", database=database)
                    assert found.killed and found.boundaries[-1] == boundary, f"{name}, {boundary}: {found.error}"
                    wait_for_backend(found.backend)
                    case.act(context)
                    difference = books.difference(expected, {**case.finish(context), **whose()})
                    money_is_right()
                tally.add("kills")
                if difference:
                    wrong.append(f"{name}, killed {boundary}:\n{difference[:4_000]}")
            tally.add("tasks")
            print(f"  {name}: {len(end.boundaries)} boundaries, state {books.state_hash(expected)}")
    assert not wrong, "\n".join(wrong)
    tally.require("tasks", len(TASKS))
    tally.require("kills", LEAST_KILLS)
    tally.show()
