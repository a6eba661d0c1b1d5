"""The only place that counts units (domain.md section 4.2).

Every guard reads only columns of the row it updates, so a statement that waited for that row judges it as it is now.
Counters are taken in the order person and business, person and fund, fund: the hottest row last.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.db import DatabaseError, connection, transaction

from investments.offerings.models import FundCounter
from microfund.kernel import locks

from .models import Order, PersonBusiness, PersonFund


@dataclass(frozen=True, slots=True)
class Limits:
    """What guards an order: units of one person in the fund; the law's limit of one person's investment in the
    business is that of the policy in force on the business date `on`, read by the guard itself."""

    person_units: int
    on: date


@dataclass(frozen=True, slots=True)
class Placed:
    """The answer of `place`: the order's id, or what stood in the way as the counters were seen (None: no row yet)."""

    order_id: int | None
    recorded_at: datetime | None = None
    refused_by: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The counters behind a refusal: the person's units and yen, units left, delayed units left, whether it sells."""

    units: int
    invested: int
    available: int
    delayed_left: int
    accepting: bool


#: The statement, and the SQLSTATE with which it refuses; what it does is in place_order_for_another.sql.
_PLACE = """CALL place_order(%(order)s::jsonb, %(business)s, %(person_units)s, %(today)s, %(actor)s,
                      %(accepted)s::jsonb, NULL, NULL)"""
_REFUSED = "TM001"


def place(
    *, values: dict[str, Any], business_id: int, limits: Limits, acceptances: Sequence[Any], actor_id: int
) -> Placed:
    """Reserve units and write the order with its acceptances and audit row: whole, or not at all.

    `values` are the order's columns. One statement, in a transaction of its own unless the caller has one: the fund's
    row is then not held for a round trip. Raises IntegrityError when the form token, the reference or the payer code
    exists.
    """
    for label in (
        "investments.Order",
        "investments.PersonBusiness",
        "investments.PersonFund",
        "investments.FundCounter",
    ):
        locks.note(label)
    try:
        with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
            cursor.execute(
                _PLACE,
                {
                    "order": json.dumps(values, default=str),
                    "business": business_id,
                    "person_units": limits.person_units,
                    "today": limits.on,
                    "actor": actor_id,
                    "accepted": json.dumps([asdict(item) for item in acceptances], default=str),
                },
            )
            return Placed(*cursor.fetchone())
    except DatabaseError as error:
        cause = error.__cause__
        if getattr(cause, "pgcode", None) != _REFUSED:
            raise
        return Placed(None, None, cause.diag.message_primary)  # type: ignore[union-attr]


#: To a person's total in the business of a fund, and to their units in it.
_ADD_YEN = """
    UPDATE investments_personbusiness SET invested = invested + %s
     WHERE investor_id = %s AND business_id = (SELECT business_id FROM investments_fund WHERE id = %s)
"""
_ADD_UNITS = "UPDATE investments_personfund SET units = units + %s WHERE investor_id = %s AND fund_id = %s"


def _persons(order: Order, sign: int) -> None:
    """Add (+1) or take back (−1) the order in the person's two counters."""
    locks.note("investments.PersonBusiness")
    if order.counted:
        _exactly_one(_ADD_YEN, [sign * order.investment, order.investor_id, order.fund_id])
    locks.note("investments.PersonFund")
    _exactly_one(_ADD_UNITS, [sign * order.units, order.investor_id, order.fund_id])


def _counter(order: Order, assignments: str) -> None:
    locks.note("investments.FundCounter")
    _exactly_one(
        f"UPDATE investments_fundcounter SET {assignments} WHERE fund_id = %(fund)s",  # noqa: S608 - our own literals
        {"fund": order.fund_id, "units": order.units, "delayed": order.units if order.is_delayed else 0},
    )


def _exactly_one(sql: str, params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        if cursor.rowcount != 1:
            raise RuntimeError(f"a counter row is missing: {sql} {params}")


def release_reserved(order: Order) -> None:
    """Free the units of an unpaid order (expired, cancelled, failed). The caller holds the order's row."""
    _persons(order, -1)
    _counter(order, "reserved = reserved - %(units)s, reserved_delayed = reserved_delayed - %(delayed)s")


def release_sold(order: Order) -> None:
    """Free the units of a paid or confirmed order. The caller holds the order's row."""
    _persons(order, -1)
    cleared = ", cleared = cleared - %(units)s" if order.cleared_at else ""
    _counter(order, "sold = sold - %(units)s" + cleared)


def sell(order: Order) -> None:
    """Reserved units become sold ones."""
    _counter(
        order,
        "reserved = reserved - %(units)s, reserved_delayed = reserved_delayed - %(delayed)s, sold = sold + %(units)s",
    )


def clear(order: Order) -> None:
    """Sold units are past cooling-off and identity."""
    _counter(order, "cleared = cleared + %(units)s")


def unclear(order: Order) -> None:
    """Units that were cleared are no longer: their order is disputed (until that has ended it counts for neither the
    success nor the closing of its fund), or the investor's identity must be looked at again."""
    _counter(order, "cleared = cleared - %(units)s")


def retake(order: Order, *, limits: Limits, at: datetime) -> bool:
    """Take units again for money that came after the order had expired (section 4.6): straight to sold.

    False when the fund no longer sells, too few units are left or a limit is reached; the caller then rolls back to
    its savepoint and refunds. Whether the order still counts in the person's 12 months is asked on the business date.
    """
    for label in ("investments.PersonBusiness", "investments.PersonFund", "investments.FundCounter"):
        locks.note(label)
    counts = order.counts_until > limits.on
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH person_business AS (
                UPDATE investments_personbusiness SET invested = invested + %(investment)s
                 WHERE investor_id = %(investor)s
                   AND business_id = (SELECT business_id FROM investments_fund WHERE id = %(fund)s)
                   AND invested + %(investment)s <=
                       (SELECT investment_per_person_business FROM investments_policyprofile
                         WHERE effective_from <= %(on)s ORDER BY effective_from DESC, version DESC LIMIT 1)
                RETURNING 1
            ), person_fund AS (
                UPDATE investments_personfund SET units = units + %(units)s
                 WHERE investor_id = %(investor)s AND fund_id = %(fund)s AND units + %(units)s <= %(person_units)s
                   AND (SELECT count(*) FROM person_business) = 1
                RETURNING 1
            ), counter AS (
                UPDATE investments_fundcounter SET sold = sold + %(units)s
                 WHERE fund_id = %(fund)s AND accepting AND closes_at > %(at)s
                   AND offered - reserved - sold >= %(units)s AND (SELECT count(*) FROM person_fund) = 1
                RETURNING 1
            )
            SELECT count(*) FROM counter
            """,
            {
                "investment": order.investment if counts else 0,
                "investor": order.investor_id,
                "fund": order.fund_id,
                "units": order.units,
                "on": limits.on,
                "person_units": limits.person_units,
                "at": at,
            },
        )
        taken = cursor.fetchone()[0] == 1
    if taken:
        order.counted = counts
    return taken


def hand_over(order: Order, investor_id: int, *, limits: Limits) -> str:
    """Move a sold order from its investor's counters to another's, whose limits guard it as those of a new order.

    Answers what stands in the way ("business_limit", "person_limit"), or nothing. The caller holds the order's row,
    rolls back when refused, and writes the order's `investor_id`, `counted` and `counts_until`. Rows of one table are
    taken in the order of the persons, so that two who give to each other do not wait in a circle.
    """
    both = sorted([(order.investor_id, False), (investor_id, True)])
    values = {
        "investment": order.investment,
        "units": order.units,
        "fund": order.fund_id,
        "person_units": limits.person_units,
        "on": limits.on,
    }
    yen = order.investment if order.counted else 0
    for label, refusal, take, add, had in (
        ("investments.PersonBusiness", "business_limit", _TAKE_BUSINESS, _ADD_YEN, yen),
        ("investments.PersonFund", "person_limit", _TAKE_FUND, _ADD_UNITS, order.units),
    ):
        locks.note(label)
        for person, takes in both:
            if takes:
                with connection.cursor() as cursor:
                    cursor.execute(take, values | {"investor": person})
                    if cursor.rowcount != 1:
                        return refusal
            elif had:
                _exactly_one(add, [-had, person, order.fund_id])
    return ""


_BUSINESS = "(SELECT business_id FROM investments_fund WHERE id = %(fund)s)"
_MOST = """(SELECT investment_per_person_business FROM investments_policyprofile
             WHERE effective_from <= %(on)s ORDER BY effective_from DESC, version DESC LIMIT 1)"""
_TAKE_BUSINESS = f"""
    INSERT INTO investments_personbusiness AS total (investor_id, business_id, invested)
    SELECT %(investor)s, {_BUSINESS}, %(investment)s WHERE %(investment)s <= {_MOST}
        ON CONFLICT (investor_id, business_id) DO UPDATE SET invested = total.invested + excluded.invested
     WHERE total.invested + excluded.invested <= {_MOST}
"""  # noqa: S608 - our own literals
_TAKE_FUND = """
    INSERT INTO investments_personfund AS total (investor_id, fund_id, units)
    SELECT %(investor)s, %(fund)s, %(units)s WHERE %(units)s <= %(person_units)s
        ON CONFLICT (investor_id, fund_id) DO UPDATE SET units = total.units + excluded.units
     WHERE total.units + excluded.units <= %(person_units)s
"""


def uncount(order: Order) -> None:
    """Take the order out of the person's 12-month total; its units stay counted in the fund."""
    locks.note("investments.PersonBusiness")
    _exactly_one(_ADD_YEN, [-order.investment, order.investor_id, order.fund_id])


def seen(investor_id: int, fund_id: int, business_id: int) -> Seen:
    """The counters as they are now, for a refusal that says what is left."""
    units = PersonFund.objects.filter(investor_id=investor_id, fund_id=fund_id).values_list("units", flat=True).first()
    invested = (
        PersonBusiness.objects.filter(investor_id=investor_id, business_id=business_id)
        .values_list("invested", flat=True)
        .first()
    )
    counter = FundCounter.objects.get(pk=fund_id)
    return Seen(
        units=units or 0,
        invested=invested or 0,
        available=counter.available,
        delayed_left=counter.delayed_limit - counter.reserved_delayed,
        accepting=counter.accepting,
    )
