"""`order_reservation`: eight buyers at once on one fund, the whole service (limits, acceptances, audit), against
the same rows written statement by statement in plain SQL through psycopg2. The policy allows any number of units for
it, and a unit costs so little that nobody meets the limits of the law.
"""

from __future__ import annotations

import json
import multiprocessing
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from benchmarks.scratch import answer
from investments.investors.models import Investor
from investments.offerings import services as offerings
from investments.offerings.models import Document, Fund
from investments.orders import services as orders
from investments.orders.services import Accepted
from microfund.kernel import clock
from tests.make import make_fund, make_investor, make_policy

BUYERS = 8
ORDERS = 150
ROUNDS = 3
GOAL = 0.6


def _accepted(fund: Fund, at: Any) -> list[Accepted]:
    terms = offerings.current_terms(fund)
    found = Document.objects.filter(terms=terms, language="en").order_by("kind")
    return [Accepted(document.pk, document.sha256, at, "192.0.2.1") for document in found]


def _ours(fund_id: int, investor_id: int) -> None:
    fund, investor = Fund.objects.get(pk=fund_id), Investor.objects.select_related("user").get(pk=investor_id)
    accepted = _accepted(fund, timezone.now())
    for _n in range(ORDERS):
        orders.place_order(
            investor=investor,
            fund=fund,
            units=1,
            method="card",
            form_token=uuid.uuid4(),
            acceptances=accepted,
            answers={},
            language="en",
            at=timezone.now(),
        )


def _floor(fund_id: int, investor_id: int) -> None:
    """The same rows, one statement each, in the order that the service locks them."""
    fund = Fund.objects.get(pk=fund_id)
    terms = offerings.current_terms(fund)
    accepted = _accepted(fund, timezone.now())
    connection.ensure_connection()
    raw = connection.connection
    raw.autocommit = False
    cursor = raw.cursor()
    for _n in range(ORDERS):
        at = timezone.now()
        cursor.execute(
            "INSERT INTO investments_personbusiness AS own (investor_id, business_id, invested) VALUES (%s, %s, 5000)"
            " ON CONFLICT (investor_id, business_id) DO UPDATE SET invested = own.invested + 5000",
            [investor_id, fund.business_id],
        )
        cursor.execute(
            "INSERT INTO investments_personfund AS own (investor_id, fund_id, units) VALUES (%s, %s, 1)"
            " ON CONFLICT (investor_id, fund_id) DO UPDATE SET units = own.units + 1",
            [investor_id, fund_id],
        )
        cursor.execute(
            """
            INSERT INTO investments_order (reference, payer_code, form_token, investor_id, payer_id, fund_id,
                terms_id, state, method, units, investment, donation, fee, total, currency, language, answers,
                supporter_name_shown, supporter_message, applied_at, counts_until, counted, reserved_until, extensions)
            VALUES (%s, %s, %s, %s, %s, %s, %s, 'reserved', 'card', 1, 5000, 5000, 500, 10500, 'JPY', 'en', '{}', false,
                '', %s, %s, true, %s, 0) RETURNING id
            """,
            [
                orders.new_reference(),
                orders.new_payer_code(),
                str(uuid.uuid4()),
                investor_id,
                investor_id,
                fund_id,
                terms.pk,
                at,
                clock.add_months(at.date(), 12),
                at + timedelta(minutes=35),
            ],
        )
        order_id = cursor.fetchone()[0]
        for item in accepted:
            cursor.execute(
                "INSERT INTO investments_acceptance (order_id, investor_id, document_id, sha256, accepted_at, ip)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [order_id, investor_id, item.document_id, item.sha256, item.accepted_at, item.ip],
            )
        cursor.execute(
            "INSERT INTO audit_auditrow (happened_at, actor_label, action, object_type, object_id, changes, reason)"
            " VALUES (%s, 'user:1', 'investments.Order.reserved', 'investments.Order', %s, %s, '')",
            [at, str(order_id), json.dumps({"units": 1})],
        )
        cursor.execute(
            "UPDATE investments_fundcounter SET reserved = reserved + 1 WHERE fund_id = %s AND offered - reserved >= 1",
            [fund_id],
        )
        raw.commit()


def _process(act: Callable[[int, int], None], fund_id: int, investor_id: int, ready: Any, go: Any) -> None:
    connection.close()
    connection.ensure_connection()
    ready.release()
    go.wait()
    act(fund_id, investor_id)
    connection.close()


def _throughput(act: Callable[[int, int], None], fund: Fund, investors: list[Investor]) -> float:
    """Orders a second over all buyers, from the common start to the last one's end."""
    context = multiprocessing.get_context("fork")
    ready, go = context.Semaphore(0), context.Event()
    connection.close()
    buyers = [context.Process(target=_process, args=(act, fund.pk, who.pk, ready, go)) for who in investors]
    for buyer in buyers:
        buyer.start()
    for _buyer in buyers:
        ready.acquire()
    began = time.perf_counter()
    go.set()
    for buyer in buyers:
        buyer.join()
        if buyer.exitcode:
            raise RuntimeError("a buyer failed")
    return BUYERS * ORDERS / (time.perf_counter() - began)


def run() -> dict[str, Any]:
    """The best of three rounds each, in turn; every round has a fund of its own."""
    make_policy(units_per_order=10**6, units_per_person=10**6)
    terms = {"units_offered": 10**6, "investment": 10, "donation": 10, "fee": 1}
    investors = [make_investor() for _n in range(BUYERS)]
    ours, floors = [], []
    for _round in range(ROUNDS):
        floors.append(_throughput(_floor, make_fund(**terms), investors))
        ours.append(_throughput(_ours, make_fund(**terms), investors))
    return answer(ours=max(ours), floor=max(floors), goal=GOAL, at_least=True, unit="orders/s, 8 buyers")
