"""Cases of money at the bank: statements and claims that come in, transfers of two people that go out."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from investments.banking import outgoing
from investments.banking import services as banking
from investments.banking.models import OutgoingTransfer, StatementLine
from investments.ledger.models import Line
from investments.offerings.models import Fund
from investments.orders.models import Order
from investments.payments import own_accounts, refund
from investments.payments import services as payments
from investments.payments.models import Refund
from microfund.kernel import clock
from microfund.kernel.accounts.models import User
from microfund.kernel.audit.models import AuditRow
from tests import make
from tests.faults import world
from tests.faults.cases.case import Case, Context, at_of, context_of, sweep
from tests.investments.banking.files import csv_file

_bank_rows = itertools.count(1, 10)


def _prepare_statement() -> Context:
    """One receipt that pays an order, one of nobody."""
    fund = world.make_fund()
    order = world.place(fund, "A", units=2, method="bank_transfer")
    world.open_page(order)
    rows = [
        {"date": world.DAY, "amount": order.total, "payer_code": order.payer_code},
        {"date": world.DAY, "amount": 777, "payer_name": f"ｼﾗﾅｲﾋﾄ {fund.pk}"},
    ]
    content = csv_file(*rows, first=next(_bank_rows))
    return context_of(fund, at=world.NOW + timedelta(days=1), content=content.decode())


def _import_statement(context: Context) -> None:
    """The same file is sent again by whoever saw no answer."""
    banking.import_statement(content=context["content"].encode(), name="statement.csv", actor=None, at=at_of(context))


def _prepare_claim() -> Context:
    """The statement was imported by a worker that died before it offered the receipts."""
    context = _prepare_statement()
    with mock.patch.object(banking, "_offer", lambda line_id, *, at: False):
        _import_statement(context)
    return context


def _unknown_receipts(context: Context) -> list[Any]:
    rows = StatementLine.objects.filter(payer_name=f"ｼﾗﾅｲﾋﾄ {context['fund']}")
    return [
        (row.amount, row.remaining, row.problem, Line.objects.filter(subject=f"receipt:{row.pk}").count())
        for row in rows
    ]


def _prepare_refund_by_bank() -> Context:
    """An order paid by transfer and cancelled."""
    context = _prepare_statement()
    _import_statement(context)
    order = Order.objects.get(fund_id=context["fund"])
    payments.cancel_order(order, at=at_of(context), actor=order.investor.user)
    return _with_staff(context, target=f"refund:{order.refunds.get().pk}")


def _prepare_sending_back() -> Context:
    context = _prepare_statement()
    _import_statement(context)
    line = StatementLine.objects.get(payer_name=f"ｼﾗﾅｲﾋﾄ {context['fund']}")
    return _with_staff(context, target=f"receipt:{line.pk}")


def _prepare_fees() -> Context:
    context = _prepare_statement()
    _import_statement(context)
    order = Order.objects.get(fund_id=context["fund"])
    at = order.cooling_off_ends_at
    assert at is not None
    world.sweep("orders.confirm", at=at)
    return _with_staff({**context, "at": at.isoformat()}, target=f"fees:{context['fund']}")


def _with_staff(context: Context, **more: Any) -> Context:
    maker, checker = (make.make_user(is_staff=True).pk for _person in range(2))
    return {**context, "maker": maker, "checker": checker, **more}


def _money_leaves(context: Context) -> None:
    """Two people take a transfer through its steps; each looks first how far it is."""
    at, maker = at_of(context), User.objects.get(pk=context["maker"])
    found = OutgoingTransfer.objects.filter(target=context["target"]).first()
    transfer = found or _PREPARED[context["target"].partition(":")[0]](context, maker, at)
    if transfer.state == OutgoingTransfer.State.PREPARED:
        transfer = outgoing.approve(transfer, actor=User.objects.get(pk=context["checker"]), at=at)
    outgoing.record_sent(transfer, transferred_on=clock.today_in(None, at), bank_reference="T-1", actor=maker, at=at)


def _prepared_refund(context: Context, maker: User, at: datetime) -> OutgoingTransfer:
    own = Refund.objects.get(order__fund_id=context["fund"])
    payee = {"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": "イトウ ハルカ"}
    return refund.pay_by_bank(own, payee=payee, actor=maker, at=at, reason="paid by transfer")


def _prepared_return(context: Context, maker: User, at: datetime) -> OutgoingTransfer:
    line = StatementLine.objects.get(payer_name=f"ｼﾗﾅｲﾋﾄ {context['fund']}")
    payee = {"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": "シラナイヒト"}
    return banking.send_back(line, amount=line.free, payee=payee, actor=maker, at=at, reason="nobody's")


def _prepared_sweep(context: Context, maker: User, at: datetime) -> OutgoingTransfer:
    return own_accounts.sweep_fees(Fund.objects.get(pk=context["fund"]), actor=maker, at=at, reason="end of the month")


_PREPARED = {"refund": _prepared_refund, "receipt": _prepared_return, "fees": _prepared_sweep}


def _transfers(context: Context) -> list[Any]:
    rows = OutgoingTransfer.objects.filter(target=context["target"])
    noted = AuditRow.objects.filter(
        object_type="investments.OutgoingTransfer", object_id__in=[str(row.pk) for row in rows]
    )
    return [
        *((row.state, row.amount, row.transferred_on, row.checker_id != row.maker_id) for row in rows),
        *noted.order_by("action").values_list("action", "reason"),
        *_unknown_receipts(context),
    ]


CASES: dict[str, Case] = {
    "bank statement": Case(
        _prepare_statement,
        _import_statement,
        sweeps=(*world.SWEEPS, "banking.claim"),
        also=_unknown_receipts,
    ),
    "bank claim": Case(
        _prepare_claim, sweep("banking.claim"), sweeps=(*world.SWEEPS, "banking.claim"), also=_unknown_receipts
    ),
    "refund by bank": Case(_prepare_refund_by_bank, _money_leaves, also=_transfers),
    "receipt sent back": Case(_prepare_sending_back, _money_leaves, also=_transfers),
    "fees swept": Case(_prepare_fees, _money_leaves, also=_transfers),
}
