"""Pairs of corruptions that cancel out in a sum: what one row gains another of the same kind loses.

Each changes two rows by `amount` and answers with everything that the check must name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection

Pair = Callable[[int], list[str]]
PAIRS: list[tuple[str, Pair]] = []


def cancels(check: str) -> Callable[[Pair], Pair]:
    """Register a pair for one check."""

    def add(pair: Pair) -> Pair:
        PAIRS.append((check, pair))
        return pair

    return add


def one(statement: str, *params: Any) -> tuple[Any, ...]:
    """The first row of a query, which must have one."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        row = cursor.fetchone()
    assert row is not None, statement
    return tuple(row)


def change(table: str, column: str, amounts: dict[int, int]) -> None:
    """Add to a column of some rows."""
    with connection.cursor() as cursor:
        for pk, amount in amounts.items():
            cursor.execute(f"UPDATE {table} SET {column} = {column} + %s WHERE id = %s", [amount, pk])  # noqa: S608
            assert cursor.rowcount == 1


@cancels("ledger.entries")
def two_entries_on_one_account(amount: int) -> list[str]:
    first, second, entry, other = one("""
        SELECT a.id, b.id, a.entry_id, b.entry_id
          FROM investments_line AS a
          JOIN investments_line AS b ON b.account_id = a.account_id AND b.side = a.side AND b.entry_id > a.entry_id
         WHERE a.amount > 1000 AND b.amount > 1000 ORDER BY a.id, b.id LIMIT 1
    """)
    change("investments_line", "amount", {first: amount, second: -amount})
    return [f"investments_entry {entry} (", f"investments_entry {other} ("]


@cancels("ledger.entries")
def two_books_in_one_entry(amount: int) -> list[str]:
    first, second, entry = one("""
        SELECT a.id, b.id, a.entry_id
          FROM investments_line AS a JOIN investments_line AS b ON b.entry_id = a.entry_id AND b.side = a.side
          JOIN investments_account AS of_fund ON of_fund.id = a.account_id
          JOIN investments_account AS of_operator ON of_operator.id = b.account_id
          JOIN investments_book AS fund ON fund.id = of_fund.book_id AND fund.kind = 'fund'
          JOIN investments_book AS operator ON operator.id = of_operator.book_id AND operator.kind = 'operator'
         WHERE a.amount > 400 AND b.amount > 400 ORDER BY a.id, b.id LIMIT 1
    """)
    change("investments_line", "amount", {first: amount, second: -amount})
    return [f"investments_entry {entry} ("] * 2


@cancels("ledger.entries")
def two_funds_in_one_entry(_amount: int) -> list[str]:
    line, account, entry = one("""
        SELECT line.id, other.id, line.entry_id
          FROM investments_line AS line
          JOIN investments_account AS own ON own.id = line.account_id
          JOIN investments_book AS fund ON fund.id = own.book_id AND fund.kind = 'fund'
          JOIN investments_account AS other ON other.code = own.code AND other.book_id <> own.book_id
          JOIN investments_book AS other_fund ON other_fund.id = other.book_id AND other_fund.kind = 'fund'
         ORDER BY line.id, other.id LIMIT 1
    """)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE investments_line SET account_id = %s WHERE id = %s", [account, line])
    return [f"investments_entry {entry} ("] * 2


def _two_rows(table: str, column: str, group: str, amount: int) -> list[str]:
    """Two rows of one `group`: one gains what the other loses."""
    first, second = one(
        f"SELECT a.id, b.id FROM {table} AS a JOIN {table} AS b ON b.{group} = a.{group} AND b.id > a.id"  # noqa: S608
        " ORDER BY a.id, b.id LIMIT 1"
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", [table])
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    change(table, column, {first: amount, second: -amount})
    return [f"{table} {first}", f"{table} {second}"]


@cancels("orders.person_funds")
def units_of_two_people(amount: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE investments_personfund DROP CONSTRAINT IF EXISTS investments_personfund_units_check"
        )
    return _two_rows("investments_personfund", "units", "fund_id", amount)


@cancels("orders.person_businesses")
def yen_of_two_people(amount: int) -> list[str]:
    return _two_rows("investments_personbusiness", "invested", "business_id", amount)


@cancels("holdings.movements")
def units_of_two_holdings(amount: int) -> list[str]:
    return _two_rows("investments_holding", "units", "fund_id", amount)


@cancels("orders.acceptances")
def the_hashes_of_two_acceptances(_amount: int) -> list[str]:
    first, second = one("""
        SELECT a.id, b.id FROM investments_acceptance AS a
          JOIN investments_acceptance AS b ON b.order_id = a.order_id AND b.id > a.id ORDER BY a.id, b.id LIMIT 1
    """)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE investments_acceptance AS own SET sha256 = other.sha256 FROM investments_acceptance AS other"
            " WHERE own.id IN (%s, %s) AND other.id IN (%s, %s) AND other.id <> own.id",
            [first, second, first, second],
        )
    return [f"investments_acceptance {first} (", f"investments_acceptance {second} ("]


@cancels("orders.confirmed_money")
def donation_and_investment_of_two_orders(amount: int) -> list[str]:
    parts = """
        SELECT entry.id, donation.id AS donation, investment.id AS investment
          FROM investments_entry AS entry
          JOIN (investments_line AS donation JOIN investments_account AS given
                  ON given.id = donation.account_id AND given.code = 'donation_payable')
            ON donation.entry_id = entry.id AND donation.side = 'C'
          JOIN (investments_line AS investment JOIN investments_account AS invested
                  ON invested.id = investment.account_id AND invested.code = 'investment_payable')
            ON investment.entry_id = entry.id AND investment.side = 'C'
         WHERE entry.kind = 'order_confirmed'
    """
    entry, donation, investment, other, other_donation, other_investment = one(
        f"WITH part AS ({parts}) SELECT a.*, b.* FROM part AS a JOIN part AS b ON b.id > a.id"  # noqa: S608
        " ORDER BY a.id, b.id LIMIT 1"
    )
    change(
        "investments_line",
        "amount",
        {donation: amount, investment: -amount, other_donation: -amount, other_investment: amount},
    )
    return [f"investments_entry {entry} (", f"investments_entry {other} ("]


def _two_deposits() -> tuple[Any, ...]:
    """Two payments of different orders: (line, entry, order) of each."""
    return one("""
        WITH part AS (
            SELECT line.id, line.entry_id, line.subject
              FROM investments_line AS line
              JOIN investments_account AS account ON account.id = line.account_id
              JOIN investments_entry AS entry ON entry.id = line.entry_id
             WHERE account.code = 'applicant_deposits' AND starts_with(entry.reference, 'payment_received:attempt:')
        )
        SELECT a.*, b.* FROM part AS a JOIN part AS b ON b.id > a.id AND b.subject <> a.subject
         ORDER BY a.id, b.id LIMIT 1
    """)


@cancels("payments.received")
def the_deposits_of_two_payments(amount: int) -> list[str]:
    first, entry, _order, second, other, _other_order = _two_deposits()
    change("investments_line", "amount", {first: amount, second: -amount})
    return [f"investments_entry {entry} (", f"investments_entry {other} ("]


@cancels("payments.order_money")
def the_deposits_of_two_orders(amount: int) -> list[str]:
    first, _entry, order, second, _other, other_order = _two_deposits()
    change("investments_line", "amount", {first: amount, second: -amount})
    return [f"({order} in book", f"({other_order} in book"]


@cancels("payments.one_capture")
def one_attempt_is_moved_to_another_order(_amount: int) -> list[str]:
    attempt, order, other = one("""
        SELECT a.id, a.order_id, b.order_id
          FROM investments_paymentattempt AS a JOIN investments_paymentattempt AS b ON b.order_id <> a.order_id
          JOIN investments_order AS own ON own.id = a.order_id AND own.state IN ('paid', 'confirmed')
          JOIN investments_order AS other ON other.id = b.order_id AND other.state IN ('paid', 'confirmed')
         WHERE a.state = 'succeeded' AND b.state = 'succeeded' ORDER BY a.id, b.id LIMIT 1
    """)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE investments_paymentattempt SET order_id = %s WHERE id = %s", [other, attempt])
    return [f"investments_order {order} (", f"investments_order {other} ("]
