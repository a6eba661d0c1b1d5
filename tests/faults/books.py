"""What a fund's rows say, without ids and clocks; and what must be true of them whatever happened.

`state_of` is compared between a disturbed and an undisturbed run (proofs.md section 1); orders are named by their
`supporter_message`, which the proofs use as a label. `problems` is written from domain.md sections 4, 7 and 9, apart
from the code under test and from `verify_ledger`.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from django.core.management import call_command, get_commands
from django.db import connection

from tests.faults.money_rows import QUERIES

State = dict[str, list[Any]]


def state_of(fund_id: int) -> State:
    """Every money row of one fund as ordered plain values: no ids, no references, no instants."""
    return _read(QUERIES, fund_id)


def _read(queries: dict[str, str], fund_id: int) -> State:
    state: State = {}
    with connection.cursor() as cursor:
        for name, sql in queries.items():
            cursor.execute(sql, {"fund": fund_id})
            state[name] = sorted(json.dumps(row, default=str, ensure_ascii=False) for row in cursor.fetchall())
    return state


#: What a fund paid and what moved its book, however many payments and entries that took.
_SUMS = {
    "entries": "SELECT e.kind, a.code, l.side, sum(l.amount) FROM investments_entry AS e"
    " JOIN investments_line AS l ON l.entry_id = e.id JOIN investments_account AS a ON a.id = l.account_id"
    " JOIN investments_fund AS f ON f.book_id = a.book_id WHERE f.id = %(fund)s GROUP BY 1, 2, 3",
    "payouts": "SELECT h.units, y.state, sum(y.gross), sum(y.principal), sum(y.tax), sum(y.net)"
    " FROM investments_payout AS y JOIN investments_holding AS h"
    " ON h.investor_id = y.investor_id AND h.fund_id = y.fund_id WHERE y.fund_id = %(fund)s GROUP BY h.id, 1, 2",
    **{name: QUERIES[name] for name in ("fund", "periods", "reports", "distributions", "taxes", "set_aside")},
}


def sums_of(fund_id: int) -> State:
    """As `state_of`, of a fund in its term, without saying in how many runs it was paid."""
    return _read(_SUMS, fund_id)


def states_by_label(fund_id: int, *, without: tuple[str, ...] = ()) -> dict[str, State]:
    """The state of each order of a fund by its label, which stands as `@` in it; for many orders that share a fund.

    Labels must be of the form `<word>`, so that they are found in lines of the journal too.
    """
    found: dict[str, State] = defaultdict(lambda: defaultdict(list))
    for name, rows in state_of(fund_id).items():
        for row in rows if name not in without else []:
            for label in set(re.findall(r"<[^>]+>", row)):
                found[label][name].append(row.replace(label, "@"))
    return {label: {name: sorted(rows) for name, rows in state.items()} for label, state in found.items()}


def state_hash(state: State) -> str:
    """SHA-256 of a state, short enough to print."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]


def difference(expected: State, found: State) -> str:
    """What is too much and what is missing, by kind of row; empty when equal."""
    lines = []
    for name in expected.keys() | found.keys():
        missing = Counter(expected.get(name, [])) - Counter(found.get(name, []))
        extra = Counter(found.get(name, [])) - Counter(expected.get(name, []))
        lines += [f"  {name}: - {row}" for row in missing.elements()]
        lines += [f"  {name}: + {row}" for row in extra.elements()]
    return "\n".join(sorted(lines))


# --- What must hold ---------------------------------------------------------------------------------------------

_UNPAID = ("reserved", "awaiting_payment")
_SOLD = ("paid", "confirmed")


def problems(fund_id: int) -> list[str]:
    """Every broken rule of one fund, one line each; nothing when all is well."""
    return [*_unit_problems(fund_id), *_money_problems(fund_id)]


def _rows(sql: str, fund_id: int) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"fund": fund_id})
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _unit_problems(fund_id: int) -> Iterable[str]:
    orders = _rows(
        "SELECT o.*, f.business_id FROM investments_order AS o JOIN investments_fund AS f ON f.id = o.fund_id"
        " WHERE o.fund_id = %(fund)s",
        fund_id,
    )
    counters = _rows("SELECT * FROM investments_fundcounter WHERE fund_id = %(fund)s", fund_id)
    if not counters:
        return
    counter = counters[0]

    def units(*states: str, **conditions: Any) -> int:
        return sum(
            o["units"]
            for o in orders
            if o["state"] in states and all(bool(o[name]) == want for name, want in conditions.items())
        )

    expected = {
        "reserved": units(*_UNPAID),
        "reserved_delayed": sum(o["units"] for o in orders if o["state"] in _UNPAID and o["method"] != "card"),
        "sold": units(*_SOLD),
        "cleared": units(*_SOLD, cleared_at=True),
    }
    for name, value in expected.items():
        if counter[name] != value:
            yield f"fund {fund_id}: {name} is {counter[name]}, its orders say {value}"
    if counter["offered"] < expected["reserved"] + expected["sold"]:
        yield f"fund {fund_id}: oversold, {expected['reserved'] + expected['sold']} of {counter['offered']}"
    held: dict[int, int] = defaultdict(int)
    confirmed: dict[int, int] = defaultdict(int)
    for order in orders:
        if order["state"] in (*_UNPAID, *_SOLD):
            held[order["investor_id"]] += order["units"]
        if order["state"] == "confirmed":
            confirmed[order["investor_id"]] += order["units"]
    for row in _rows("SELECT * FROM investments_personfund WHERE fund_id = %(fund)s", fund_id):
        if row["units"] != held.pop(row["investor_id"], 0):
            yield f"fund {fund_id}: investor {row['investor_id']} has {row['units']} units counted"
    yield from (f"fund {fund_id}: investor {pk} is not counted" for pk, count in held.items() if count)
    for row in _rows(
        "SELECT p.*, (SELECT coalesce(sum(o.investment), 0) FROM investments_order AS o JOIN investments_fund AS f"
        " ON f.id = o.fund_id WHERE f.business_id = p.business_id AND o.investor_id = p.investor_id AND o.counted"
        " AND o.state IN ('reserved', 'awaiting_payment', 'paid', 'confirmed')) AS expected"
        " FROM investments_personbusiness AS p WHERE p.business_id ="
        " (SELECT business_id FROM investments_fund WHERE id = %(fund)s)",
        fund_id,
    ):
        if row["invested"] != row["expected"]:
            yield f"investor {row['investor_id']}: {row['invested']} yen counted, the orders say {row['expected']}"
    inherited = 0
    for row in _rows(
        "SELECT h.*, (SELECT coalesce(sum(units), 0) FROM investments_movement WHERE holding_id = h.id) AS moved,"
        " (SELECT coalesce(sum(units), 0) FROM investments_movement"
        "   WHERE holding_id = h.id AND kind = 'inherit') AS inherited,"
        " (SELECT count(*) FROM investments_investor WHERE id = h.investor_id AND died_on IS NOT NULL) AS died,"
        " (SELECT count(*) FROM investments_dispute AS d JOIN investments_order AS o ON o.id = d.order_id"
        "   WHERE o.investor_id = h.investor_id AND o.fund_id = h.fund_id"
        "   AND (d.state = 'open' OR d.needs_decision)) AS freezing"
        " FROM investments_holding AS h WHERE h.fund_id = %(fund)s",
        fund_id,
    ):
        want = confirmed.pop(row["investor_id"], 0)
        inherited += row["inherited"]
        if row["units"] != row["moved"] or row["units"] != want + row["inherited"]:
            yield f"holding {row['id']}: {row['units']} units, movements {row['moved']}, confirmed orders {want}"
        if bool(row["frozen_at"]) != bool(row["freezing"] or row["died"]):
            yield f"holding {row['id']}: frozen at {row['frozen_at']}, {row['freezing']} disputes open or undecided"
    if inherited:
        yield f"fund {fund_id}: units that moved to heirs make {inherited}"
    yield from (f"fund {fund_id}: investor {pk} has no holding" for pk, count in confirmed.items() if count)


_PER_ORDER = """
SELECT o.id, o.state, o.total, o.donation, o.investment, o.fee, o.frozen_at,
       (SELECT count(*) FROM investments_paymentattempt AS a WHERE a.order_id = o.id
           AND a.state IN ('created', 'open', 'processing')) AS unresolved,
       (SELECT count(*) FROM investments_dispute AS d WHERE d.order_id = o.id
           AND (d.state = 'open' OR d.needs_decision)) AS freezing
  FROM investments_order AS o WHERE o.fund_id = %(fund)s ORDER BY o.id
"""
# Yen of each payment by what became of it. A refund is with the payer (by the provider, by bank), owed, or taken back
# by the payer's bank; a dispute took its money when it was opened, whatever it ended in.
_PER_ATTEMPT = """
SELECT a.order_id, a.method, a.captured, r.*, d.*
  FROM investments_paymentattempt AS a JOIN investments_order AS o ON o.id = a.order_id
 CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS refunds,
       coalesce(sum(amount) FILTER (WHERE state = 'succeeded'), 0) AS by_provider,
       coalesce(sum(amount) FILTER (WHERE state = 'paid_by_bank'), 0) AS by_bank,
       coalesce(sum(amount) FILTER (WHERE state = 'charged_back'), 0) AS charged_back,
       coalesce(sum(amount) FILTER (WHERE reason = 'external'), 0) AS external,
       coalesce(sum(amount) FILTER (WHERE EXISTS (SELECT FROM investments_entry
           WHERE reference = 'refund_paid_twice:refund:' || x.id)), 0) AS twice
         FROM investments_refund AS x WHERE attempt_id = a.id) AS r
 CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS withdrawn, coalesce(sum(fee), 0) AS fees,
       coalesce(sum(amount) FILTER (WHERE state = 'open'), 0) AS disputed,
       coalesce(sum(amount) FILTER (WHERE state = 'won'), 0) AS won,
       coalesce(sum(amount) FILTER (WHERE state = 'lost'), 0) AS lost,
       coalesce(sum(amount) FILTER (WHERE EXISTS (SELECT FROM investments_entry
           WHERE reference = 'dispute_topped_up:dispute:' || x.id)), 0) AS topped_up
         FROM investments_dispute AS x WHERE attempt_id = a.id AND state IN ('open', 'won', 'lost')) AS d
 WHERE o.fund_id = %(fund)s ORDER BY a.id
"""
_BALANCES = """
SELECT l.subject, b.kind || '.' || a.code AS account, sum(CASE l.side WHEN 'D' THEN l.amount ELSE -l.amount END) AS net
  FROM investments_line AS l JOIN investments_account AS a ON a.id = l.account_id
  JOIN investments_book AS b ON b.id = a.book_id
 WHERE l.subject IN (SELECT 'order:' || id::text FROM investments_order WHERE fund_id = %(fund)s)
 GROUP BY 1, 2
"""


def _money_problems(fund_id: int) -> Iterable[str]:
    balances: dict[str, dict[str, int]] = defaultdict(dict)
    for row in _rows(_BALANCES, fund_id):
        if row["net"]:
            balances[row["subject"]][row["account"]] = int(row["net"])
    attempts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(_PER_ATTEMPT, fund_id):
        attempts[row["order_id"]].append({**row, "left": row["captured"] - row["refunds"]})
    for order in _rows(_PER_ORDER, fund_id):
        name = f"order {order['id']} ({order['state']})"
        found = balances[f"order:{order['id']}"]
        if sum(value for account, value in found.items() if account.startswith("fund.")):
            yield f"{name}: its lines in the fund's book do not balance: {found}"
        if order["unresolved"] > 1:
            yield f"{name}: {order['unresolved']} attempts at once"
        if bool(order["frozen_at"]) != bool(order["freezing"]):
            yield f"{name}: frozen at {order['frozen_at']}, {order['freezing']} disputes open or undecided"
        yield from _kept_problems(name, order, attempts[order["id"]])
        yield from _balance_problems(name, order, attempts[order["id"]], found)


def _kept_problems(name: str, order: dict[str, Any], attempts: list[dict[str, Any]]) -> Iterable[str]:
    """Whose money is kept: one payment of the whole for a standing order, less what was refunded at the provider in
    parts; none for any other, less what a lost dispute took."""
    for row in attempts:
        if row["captured"] not in (0, order["total"]):
            yield f"{name}: captured {row['captured']} of {order['total']}"
        if row["left"] < 0:
            yield f"{name}: refunds of {row['refunds']} exceed the {row['captured']} captured"
    backing = [row for row in attempts if row["left"] > 0]
    if order["state"] in _SOLD:
        if [row["left"] + row["external"] for row in backing] != [order["total"]]:
            yield f"{name}: is paid by {[row['left'] for row in backing]} yen"
        return
    for row in backing:
        if row["left"] > row["lost"]:
            yield f"{name}: {row['left'] - row['lost']} yen of the payer's money is kept"


def _balance_problems(
    name: str, order: dict[str, Any], attempts: list[dict[str, Any]], found: dict[str, int]
) -> Iterable[str]:
    """The exact balance of every account of an order (domain.md section 7), from its payments alone."""
    expected: dict[str, int] = defaultdict(int)
    sold = order["state"] in _SOLD
    for row in attempts:
        back = row["charged_back"]
        paid_or_owed = row["refunds"] - back
        stands = sold and row["left"] > 0
        # Refunded in parts while the order stands: the operator's, until the order ends.
        parts = row["external"] if stands else 0
        # Lost money that was the payer's to have back, or the order's own, pays the operator; other lost money is the
        # operator's loss.
        recovered = back if stands else min(row["lost"], row["captured"] - paid_or_owed)
        owed_to_fund = row["withdrawn"] - row["topped_up"] + parts + row["twice"]
        expected["fund.bank" if row["method"] == "bank_transfer" else "fund.psp_clearing"] += row["captured"]
        expected["fund.psp_clearing"] -= row["by_provider"] + row["withdrawn"]
        expected["fund.bank"] += row["topped_up"] - row["by_bank"]
        expected["fund.refunds_payable"] -= paid_or_owed - row["by_provider"] - row["by_bank"]
        expected["fund.due_from_operator"] += owed_to_fund
        expected["operator.due_to_fund"] -= owed_to_fund
        expected["fund.due_to_operator"] -= recovered + row["twice"]
        expected["operator.due_from_fund"] += recovered + row["twice"]
        expected["operator.disputed_receivable"] += row["disputed"]
        expected["operator.dispute_loss"] += row["lost"] - recovered + parts
        expected["operator.psp_fees"] += row["fees"]
        expected["operator.bank"] += row["won"] - row["fees"] - row["topped_up"]
    if order["state"] == "paid":
        expected["fund.applicant_deposits"] -= order["total"]
    if order["state"] == "confirmed":
        expected["fund.donation_payable"] -= order["donation"]
        expected["fund.investment_payable"] -= order["investment"]
        expected["fund.due_to_operator"] -= order["fee"]
        expected["operator.due_from_fund"] += order["fee"]
    income = found.pop("operator.fee_income", 0) + found.pop("operator.output_tax", 0)
    if -income != (order["fee"] if order["state"] == "confirmed" else 0):
        yield f"{name}: fee income and tax are {-income}"
    wanted = {account: value for account, value in expected.items() if value}
    if found != wanted:
        yield f"{name}: the journal says {found}, it should say {wanted}"


def verify_everything() -> str:
    """Run the product's own `verify_ledger` over the whole database; its output. Raises SystemExit when it is red."""
    out = io.StringIO()
    if "verify_ledger" in get_commands():
        call_command("verify_ledger", stdout=out, stderr=out)
    return out.getvalue()
