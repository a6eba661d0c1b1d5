"""`verify_ledger`: all its checks over 1,000,000 entries, against one pass that balances the same entries.

The books are those of half a million confirmed card orders in sixty funds: one order goes through the services from
reservation to holding, and all that it left is copied. The floor is the least that a check of the books could do: read
every line once and find entries that do not balance.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.scratch import answer
from investments.models import Order
from investments.offerings.models import Fund
from investments.orders import services as orders
from investments.payments import services, settle
from microfund.kernel import integrity
from tests.faults import provider
from tests.make import make_fund, make_order

ENTRIES = 1_000_000
FUNDS = 60
ROUNDS = 2
GOAL = 3.5

#: Which fund copy n belongs to, and what the first order's accounts and documents are called there.
_MAPS = (
    """
    CREATE TEMPORARY TABLE own AS
    SELECT slot - 1 AS slot, fund.id AS fund_id, fund.business_id, fund.book_id, terms.id AS terms_id
      FROM unnest(%(funds)s) WITH ORDINALITY AS place (id, slot)
      JOIN investments_fund AS fund ON fund.id = place.id
      JOIN investments_terms AS terms ON terms.fund_id = fund.id
    """,
    """
    CREATE TEMPORARY TABLE own_account AS
    SELECT own.slot, account.id AS source, coalesce(other.id, account.id) AS id
      FROM own CROSS JOIN investments_account AS account
      LEFT JOIN investments_account AS other
        ON account.book_id = %(book)s AND other.book_id = own.book_id AND other.code = account.code
    """,
    """
    CREATE TEMPORARY TABLE own_document AS
    SELECT own.slot, document.id AS source, other.id, other.sha256
      FROM own JOIN investments_document AS document ON document.fund_id = %(fund)s
      JOIN investments_document AS other
        ON other.terms_id = own.terms_id AND other.kind = document.kind AND other.language = document.language
    """,
)
#: A copy has n million more in each of its keys.
_KEYS = ("id", "order_id", "investor_id", "payer_id", "user_id", "holding_id", "entry_id")
#: What else differs, by table, and which rows are copied.
_TABLES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("investments_investor", "src.id = %(investor)s", {}),
    (
        "investments_order",
        "src.id = %(order)s",
        {
            "reference": "'C' || n",
            "payer_code": "'C' || n",
            "form_token": "gen_random_uuid()",
            "fund_id": "own.fund_id",
            "terms_id": "own.terms_id",
        },
    ),
    (
        "investments_acceptance",
        "src.order_id = %(order)s AND own_document.source = src.document_id AND own_document.slot = own.slot",
        {"document_id": "own_document.id", "sha256": "own_document.sha256"},
    ),
    (
        "investments_paymentattempt",
        "src.order_id = %(order)s",
        {"session_id": "src.session_id || n", "intent_id": "src.intent_id || n"},
    ),
    ("investments_holding", "src.investor_id = %(investor)s", {"reference": "'H' || n", "fund_id": "own.fund_id"}),
    ("investments_movement", "src.id < 1000000", {"source": "'order:' || (%(order)s + n * 1000000)"}),
    ("investments_personfund", "src.investor_id = %(investor)s", {"fund_id": "own.fund_id"}),
    ("investments_personbusiness", "src.investor_id = %(investor)s", {"business_id": "own.business_id"}),
    (
        "investments_entry",
        "src.id < 1000000",
        {
            "reference": "regexp_replace(src.reference, '\\d+$', '')"
            " || (substring(src.reference from '\\d+$')::bigint + n * 1000000)",
            "xact": "pg_current_xact_id()::text::bigint",
        },
    ),
    (
        "investments_line",
        "own_account.source = src.account_id AND own_account.slot = own.slot",
        {"account_id": "own_account.id", "subject": "'order:' || (%(order)s + n * 1000000)"},
    ),
)
_COUNTERS = """
UPDATE investments_fundcounter AS counter
   SET sold = orders.units, cleared = orders.units
  FROM (SELECT fund_id, sum(units) AS units FROM investments_order GROUP BY 1) AS orders
 WHERE orders.fund_id = counter.fund_id
"""
_FLOOR = """
SELECT count(*) FROM (
    SELECT entry_id FROM investments_line GROUP BY entry_id, currency
    HAVING sum(CASE side WHEN 'D' THEN amount ELSE -amount END) <> 0) AS wrong
"""


def _fund(at: datetime) -> Fund:
    """An open fund without a minimum, which its share of the orders does not fill."""
    return make_fund(on=at.date(), units_minimum=0, units_offered=ENTRIES // FUNDS)


def _confirmed_order() -> Order:
    """One card order, bought eleven days ago and confirmed since."""
    bought = timezone.now() - timedelta(days=11)
    order = make_order(fund=_fund(bought), method="card", at=bought)
    with provider.running():
        provider.set_clock(bought)
        attempt = services.start_payment(order, at=bought)
        provider.pay(attempt)
        settle.settle(attempt.pk, at=bought)
    orders.confirm_due(on=timezone.now().date(), at=timezone.now())
    order.refresh_from_db()
    if order.state != Order.State.CONFIRMED:
        raise RuntimeError(f"the order to copy is {order.state}")
    return order


def _columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
            " AND is_generated = 'NEVER' ORDER BY ordinal_position",
            [table],
        )
        return [name for (name,) in cursor.fetchall()]


def _build(order: Order) -> None:
    """Copy the order and all that it left until the journal has ENTRIES entries."""
    fund = order.fund
    funds = [_fund(order.applied_at).pk for _number in range(FUNDS)]
    values = {"order": order.pk, "investor": order.investor_id, "fund": fund.pk, "book": fund.book_id, "funds": funds}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # what is copied was checked when it was written
        for statement in _MAPS:
            cursor.execute(statement, values)
        cursor.execute("SELECT count(*) FROM investments_entry")
        copies = ENTRIES // cursor.fetchone()[0]
        for table, where, changed in _TABLES:
            columns = _columns(table)
            chosen = [
                changed.get(name, f"src.{name} + n * 1000000" if name in _KEYS else f"src.{name}") for name in columns
            ]
            maps = "".join(f", {name}" for name in ("own_account", "own_document") if f"{name}." in where)
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(chosen)}"
                f" FROM generate_series(1::bigint, {copies - 1}) AS n JOIN own ON own.slot = n %% {FUNDS},"
                f" {table} AS src{maps} WHERE {where}",
                values,
            )
        cursor.execute(_COUNTERS)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("ANALYZE")


def run() -> dict[str, Any]:
    """The better of two rounds, the floor and the checks in turn."""
    _build(_confirmed_order())
    floors, ours = [], []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(_FLOOR)
        floors.append(time.perf_counter() - began)
        began = time.perf_counter()
        outcomes = list(integrity.run())
        ours.append(time.perf_counter() - began)
        wrong = {outcome.check.name: outcome.differences[:2] for outcome in outcomes if outcome.differences}
        if wrong:
            raise RuntimeError(f"the copied books differ: {wrong}")
    return answer(ours=min(ours), floor=min(floors), goal=GOAL, at_least=False, unit="s for 1,000,000 entries")
