"""The only place that counts units (domain.md section 4.2).

Every guard reads only columns of the row it updates, so a statement that waited for that row judges it as it is now.
Counters are taken in the order person and business, person and fund, fund: the hottest row last and in the same
statement as all else, so it is held for one round trip and the commit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

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


_ORDER_COLUMNS = (
    "reference",
    "payer_code",
    "form_token",
    "investor_id",
    "fund_id",
    "terms_id",
    "state",
    "method",
    "units",
    "investment",
    "donation",
    "fee",
    "total",
    "currency",
    "language",
    "answers",
    "supporter_name_shown",
    "supporter_message",
    "applied_at",
    "counts_until",
    "counted",
    "reserved_until",
    "extensions",
)

# One statement: the rows of the order are made first, the counters judged after them, the fund's last of all. Where a
# guard refuses, what was made before is undone by the caller's roll-back.
_LEGAL_LIMIT = """(SELECT investment_per_person_business FROM investments_policyprofile
    WHERE effective_from <= %(on)s ORDER BY effective_from DESC, version DESC LIMIT 1)"""

_PLACE = f"""
WITH law AS (
    SELECT {_LEGAL_LIMIT} AS most
), person_business AS (
    INSERT INTO investments_personbusiness AS own (investor_id, business_id, invested)
    SELECT %(investor_id)s, %(business_id)s, %(investment)s FROM law WHERE %(investment)s <= law.most
    ON CONFLICT (investor_id, business_id) DO UPDATE SET invested = own.invested + excluded.invested
     WHERE own.invested + excluded.invested <= (SELECT most FROM law)
    RETURNING 1
), person_fund AS (
    INSERT INTO investments_personfund AS own (investor_id, fund_id, units)
    SELECT %(investor_id)s, %(fund_id)s, %(units)s
     WHERE %(units)s <= %(person_units)s AND (SELECT count(*) FROM person_business) = 1
    ON CONFLICT (investor_id, fund_id) DO UPDATE SET units = own.units + excluded.units
     WHERE own.units + excluded.units <= %(person_units)s
    RETURNING 1
), placed AS (
    INSERT INTO investments_order ({", ".join(_ORDER_COLUMNS)})
    SELECT {", ".join(f"%({column})s" for column in _ORDER_COLUMNS)}
     WHERE (SELECT count(*) FROM person_fund) = 1
       AND NOT EXISTS (SELECT FROM investments_terms AS newer JOIN investments_terms AS own ON own.id = %(terms_id)s
                        WHERE newer.fund_id = own.fund_id AND newer.version > own.version)
    RETURNING id, recorded_at
), accepted AS (
    INSERT INTO investments_acceptance (order_id, document_id, sha256, accepted_at, ip)
    SELECT placed.id, part.document_id, part.sha256, part.accepted_at, part.ip
      FROM placed, unnest(%(documents)s::bigint[], %(hashes)s::text[], %(accepted_ats)s::timestamptz[], %(ips)s::inet[])
           AS part (document_id, sha256, accepted_at, ip)
    RETURNING 1
), audited AS (
    INSERT INTO audit_auditrow (happened_at, actor_id, actor_label, action, object_type, object_id, changes, reason)
    SELECT %(applied_at)s, %(actor_id)s, %(actor_label)s, 'investments.Order.reserved', 'investments.Order',
           placed.id::text, %(changes)s::jsonb, ''
      FROM placed
    RETURNING 1
), counter AS (
    UPDATE investments_fundcounter
       SET reserved = reserved + %(units)s,
           reserved_delayed = reserved_delayed + %(delayed)s
     WHERE fund_id = %(fund_id)s AND accepting AND closes_at > %(applied_at)s
       AND offered - reserved - sold >= %(units)s
       AND (%(delayed)s = 0 OR reserved_delayed + %(delayed)s <= delayed_limit)
       AND (SELECT count(*) FROM accepted) + (SELECT count(*) FROM audited) >= 1
    RETURNING 1
)
SELECT (SELECT count(*) FROM person_business), (SELECT count(*) FROM person_fund), (SELECT count(*) FROM counter),
       (SELECT id FROM placed), (SELECT recorded_at FROM placed)
"""  # noqa: S608 - column names of our own


def place(
    *, values: dict[str, Any], business_id: int, limits: Limits, acceptances: Sequence[Any], actor_id: int
) -> Placed:
    """Reserve units and write the order with its acceptances and audit row, in one statement.

    `values` are the order's columns. Runs in the caller's transaction, which must be rolled back unless an order id
    comes back. Raises IntegrityError when the form token, the reference or the payer code exists.
    """
    delayed = values["units"] if values["method"] != Order.Method.CARD else 0
    for label in (
        "investments.Order",
        "investments.PersonBusiness",
        "investments.PersonFund",
        "investments.FundCounter",
    ):
        locks.note(label)
    with connection.cursor() as cursor:
        cursor.execute(
            _PLACE,
            {
                **values,
                "answers": json.dumps(values["answers"], ensure_ascii=False),
                "business_id": business_id,
                "on": limits.on,
                "person_units": limits.person_units,
                "delayed": delayed,
                "documents": [item.document_id for item in acceptances],
                "hashes": [item.sha256 for item in acceptances],
                "accepted_ats": [item.accepted_at for item in acceptances],
                "ips": [item.ip for item in acceptances],
                "actor_id": actor_id,
                "actor_label": f"user:{actor_id}",
                "changes": json.dumps({"units": values["units"], "total": values["total"], "method": values["method"]}),
            },
        )
        person_business, person_fund, counter, order_id, recorded_at = cursor.fetchone()
    if counter:
        return Placed(order_id, recorded_at)
    return Placed(
        None, None, "business_limit" if not person_business else "person_limit" if not person_fund else "fund"
    )


def _persons(order: Order, sign: int) -> None:
    """Add (+1) or take back (−1) the order in the person's two counters."""
    locks.note("investments.PersonBusiness")
    if order.counted:
        _exactly_one(
            "UPDATE investments_personbusiness SET invested = invested + %s WHERE investor_id = %s AND business_id = "
            "(SELECT business_id FROM investments_fund WHERE id = %s)",
            [sign * order.investment, order.investor_id, order.fund_id],
        )
    locks.note("investments.PersonFund")
    _exactly_one(
        "UPDATE investments_personfund SET units = units + %s WHERE investor_id = %s AND fund_id = %s",
        [sign * order.units, order.investor_id, order.fund_id],
    )


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


def retake(order: Order, *, limits: Limits, at: datetime) -> bool:
    """Take units again for money that came after the order had expired (section 4.6): straight to sold.

    False when the fund no longer sells, too few units are left or a limit is reached; the caller then rolls back to
    its savepoint and refunds.
    """
    for label in ("investments.PersonBusiness", "investments.PersonFund", "investments.FundCounter"):
        locks.note(label)
    counts = order.counts_until > at.date()
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


def uncount(order: Order) -> None:
    """Take the order out of the person's 12-month total; its units stay counted in the fund."""
    locks.note("investments.PersonBusiness")
    _exactly_one(
        "UPDATE investments_personbusiness SET invested = invested - %s WHERE investor_id = %s AND business_id = "
        "(SELECT business_id FROM investments_fund WHERE id = %s)",
        [order.investment, order.investor_id, order.fund_id],
    )


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
