"""Every money task as a case that a process can be killed in: prepare, act, and how the world goes on afterwards.

`prepare` brings a fund of its own to the moment before, `act` is what the killed process does and what is done again
by the person or the sweep that would do it again, `finish` lets the next sweeps pass. Contexts are plain values, so
that they travel to a forked child.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from django.db import transaction
from django.utils import timezone

from investments import events
from investments.banking import outgoing
from investments.banking import services as banking
from investments.banking.models import OutgoingTransfer, StatementLine
from investments.ledger.models import Line
from investments.offerings.models import Fund
from investments.orders.models import UNPAID, Order
from investments.payments import external, gateway, own_accounts, postings, refund, settle, webhook
from investments.payments import services as payments
from investments.payments.models import Dispute, PaymentAttempt, ProviderCursor, ProviderPayout, Refund
from microfund.kernel import clock
from microfund.kernel.accounts.models import User
from microfund.kernel.audit import services as audit
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox import services as outbox
from microfund.kernel.outbox.models import Event
from tests import make, sealing
from tests.faults import books, provider, world
from tests.investments.banking.files import csv_file

Context = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One money task. `sweeps` are run twice at `at` + `later` when it is over."""

    prepare: Callable[[], Context]
    act: Callable[[Context], Any]
    later: timedelta = timedelta(hours=2)
    sweeps: tuple[str, ...] = world.SWEEPS
    also: Callable[[Context], list[Any]] = field(default=lambda context: [])

    def finish(self, context: Context) -> books.State:
        """Let time pass here and at the provider, and answer the state of the case's fund."""
        provider.set_clock(at_of(context) + self.later)
        world.sweeps(self.sweeps, at=at_of(context) + self.later)
        state = books.state_of(context["fund"])
        state["also"] = [str(row) for row in self.also(context)]
        return state


def _quiet(name: str, at: datetime) -> datetime:
    """Do what other funds have due at that instant, so that the case has the sweep to itself."""
    world.sweeps([name], at=at)
    return at


def at_of(context: Context) -> datetime:
    """The instant at which the case acts."""
    return datetime.fromisoformat(context["at"])


def _context(fund: Fund, *, at: datetime = world.NOW, **more: Any) -> Context:
    return {"fund": fund.pk, "at": at.isoformat(), **more}


def _charges(context: Context) -> list[Any]:
    """What the provider took and gave back, by label of the order: the outside half of the state."""
    rows = Order.objects.filter(fund_id=context["fund"]).values_list("reference", "supporter_message")
    totals = provider.ask("charges")["by_client_reference_id"]
    return sorted((label, sorted(totals[reference].items())) for reference, label in rows if reference in totals)


# --- Pay --------------------------------------------------------------------------------------------------------


def _prepare_pay(method: str = "card") -> Context:
    return _context(fund := world.make_fund(), form=world.form(fund, method=method))


def _pay(context: Context) -> None:
    """Send the form, open the page, pay there, come back: what a browser does, and does again."""
    at = at_of(context)
    order = world.place_again(context["form"])
    if order.state in UNPAID:
        attempt = payments.start_payment(order, at=at)
        if attempt.method == Order.Method.BANK_TRANSFER:
            return
        provider.pay(attempt, how=order.method)
        settle.settle(attempt.pk, at=at + timedelta(minutes=2))
    if order.method == Order.Method.KONBINI:
        attempt = PaymentAttempt.objects.get(order=order)
        intent = provider.session(attempt.session_id or "")["payment_intent"]
        if intent["status"] == "requires_action":
            provider.control("konbini/pay", payment_intent=intent["id"])
        settle.settle(attempt.pk, at=at + timedelta(minutes=5))


# --- Webhook ----------------------------------------------------------------------------------------------------


def _prepare_webhook() -> Context:
    fund = world.make_fund()
    attempt = world.open_page(world.place(fund, units=2))
    provider.pay(attempt)
    event = next(e for e in provider.events_of(attempt.session_id or "") if e["type"] == "checkout.session.completed")
    return _context(fund, event=event)


def _webhook(context: Context) -> None:
    body, header = provider.signed(context["event"])
    delivery = webhook.receive(body, header, at=at_of(context))
    webhook.process(delivery.pk, at=at_of(context))


def _prepare_webhook_sweep() -> Context:
    """The event is stored, and its task was lost."""
    _quiet("payments.webhooks", world.NOW)
    context = _prepare_webhook()
    webhook.receive(*provider.signed(context.pop("event")), at=world.NOW)
    return context


# --- What the sweeps ask the provider -----------------------------------------------------------------------------


def _prepare_reconcile() -> Context:
    """Paid at the provider, and nobody has told us: one whole payment, one that is held there."""
    at = _quiet("payments.reconcile", world.NOW + timedelta(minutes=2))
    fund = world.make_fund()
    provider.pay(world.open_page(world.place(fund, "A", units=2)))
    provider.pay(world.open_page(world.place(fund, "B", units=1)), how="hold")
    return _context(fund, at=at)


def _prepare_refund_sweep() -> Context:
    """One refund to be sent, one on its way, one that was done and comes back."""
    at = _quiet("payments.refunds", world.NOW + timedelta(days=2))
    fund = world.make_fund()
    rows = []
    for label, policy in (("pending", "pending"), ("back", "succeeded"), ("new", "")):
        order = world.paid(fund, label, units=1)
        payments.cancel_order(order, at=world.NOW, actor=None)
        rows.append(order.refunds.get())
        if policy:
            provider.control("refund_policy", next=policy)
            rows[-1] = refund.send(rows[-1].pk, at=world.NOW)
    for row, status in zip(rows, ("succeeded", "failed"), strict=False):
        provider.control("refunds/settle", refund=row.provider_id, status=status)
    return _context(fund, at=at)


_object_days = itertools.count(400)


def _prepare_objects() -> Context:
    """A refund and a lost dispute that were made at the provider. Its lists hold those of every fund, so each case has
    days of its own; disputes that are still open from earlier cases are decided, for all of them are asked about."""
    day = world.DAY + timedelta(days=10 * next(_object_days))
    at = make.at_noon(day)
    provider.set_clock(at - timedelta(days=5))
    for own in Dispute.objects.filter(state=Dispute.State.OPEN):
        provider.control("disputes/close", dispute=own.provider_id, outcome="won")
    world.sweep("payments.objects", at=at - timedelta(days=5))
    provider.set_clock(at)
    fund = world.make_fund(on=day)
    provider.control("dashboard_refund", payment_intent=_intent(world.paid(fund, "A", units=2, at=at)))
    dispute = provider.control("disputes/open", payment_intent=_intent(world.paid(fund, "B", units=1, at=at)))
    provider.control("disputes/close", dispute=dispute["id"], outcome="lost")
    return _context(fund, at=at)


def _cursor(name: str) -> Callable[[Context], list[Any]]:
    """How far a list was read, from the case's own instant on."""

    def seen(context: Context) -> list[Any]:
        return [str(ProviderCursor.objects.get(pk=name).seen_until - at_of(context))]

    return seen


# --- Confirm, cancel, refund ------------------------------------------------------------------------------------


def _prepare_confirm() -> Context:
    at = _quiet("orders.confirm", world.COOLED)
    fund = world.make_fund(units_minimum=3)
    world.paid(fund, "A", units=2)
    world.paid(fund, "B", units=1)
    return _context(fund, at=at)


def _sweep(name: str) -> Callable[[Context], dict[str, int]]:
    return lambda context: world.sweep(name, at=at_of(context))


def _prepare_cancel_paid() -> Context:
    order = world.paid(fund := world.make_fund(), units=2)
    return _context(fund, order=order.pk)


def _prepare_cancel_unpaid() -> Context:
    order = world.place(fund := world.make_fund(), units=2)
    world.open_page(order)
    return _context(fund, order=order.pk)


def _cancel(context: Context) -> None:
    order = Order.objects.select_related("investor__user").get(pk=context["order"])
    payments.cancel_order(order, at=at_of(context), actor=order.investor.user)
    for row in order.refunds.all():
        refund.send(row.pk, at=at_of(context))


def _prepare_refund() -> Context:
    context = _prepare_cancel_paid()
    order = Order.objects.get(pk=context["order"])
    payments.cancel_order(order, at=at_of(context), actor=None)
    return context


def _send_refund(context: Context) -> None:
    for row in Order.objects.get(pk=context["order"]).refunds.all():
        refund.send(row.pk, at=at_of(context))


def _prepare_pending_refund() -> Context:
    context = _prepare_refund()
    provider.control("refund_policy", next="pending")
    _send_refund(context)
    row = Order.objects.get(pk=context["order"]).refunds.get()
    provider.control("refunds/settle", refund=row.provider_id, status="succeeded")
    return context


def _prepare_staff_refund() -> Context:
    context = _prepare_cancel_paid()
    return {**context, "staff": make.make_user(is_staff=True).pk}


def _staff_refund(context: Context) -> None:
    order = Order.objects.get(pk=context["order"])
    if order.state == Order.State.PAID:
        actor = make.User.objects.get(pk=context["staff"])
        payments.refund_by_staff(order, at=at_of(context), actor=actor, reason="asked for by letter")
    _send_refund(context)


# --- Expire, late money -----------------------------------------------------------------------------------------


def _prepare_expire() -> Context:
    at = _quiet("payments.expire", world.NOW + timedelta(minutes=36))
    fund = world.make_fund()
    world.open_page(world.place(fund, "A", units=2))
    world.place(fund, "B", units=1)
    return _context(fund, at=at)


def _prepare_expire_paid() -> Context:
    """The money is at the provider when the reservation runs out: the sweep must find it and sell."""
    at = _quiet("payments.expire", world.NOW + timedelta(minutes=36))
    fund = world.make_fund()
    provider.pay(world.open_page(world.place(fund, "A", units=2)))
    return _context(fund, at=at)


def _prepare_late() -> Context:
    """Paid at the provider, expired here because the provider could not be asked, and then the units were sold."""
    fund = world.make_fund(units_offered=2)
    late = world.place(fund, "A", units=2)
    attempt = world.open_page(late)
    provider.pay(attempt)
    with mock.patch.object(gateway, "_call", side_effect=gateway.ProviderUnreachable("cut off")):
        assert payments.expire_order(late.pk, at=world.NOW + timedelta(minutes=36))
    world.paid(fund, "B", units=2, at=world.NOW + timedelta(minutes=40))
    return _context(fund, at=world.NOW + timedelta(minutes=50), attempt=attempt.pk)


def _settle(context: Context) -> None:
    settle.settle(context["attempt"], at=at_of(context))


# --- The fund's own states --------------------------------------------------------------------------------------


#: The morning after the last day of an offering, and a day on which its outcome is known.
CLOSED = clock.start_of_day(world.DAY + timedelta(days=32)) + timedelta(hours=9)
DECIDED = CLOSED + timedelta(days=15)
#: The first morning of its term.
STARTED = clock.start_of_day(world.DAY + timedelta(days=61)) + timedelta(hours=1)


def _closed(**values: Any) -> Fund:
    """A fund that was closed, with an order that will clear and one that will not."""
    fund = world.make_fund(**values)
    world.paid(fund, "A", units=2)
    world.paid(fund, "B", units=1, investor=make.make_investor(at=world.NOW, verified=False))
    world.sweep("offerings.close", at=CLOSED)
    return fund


def _prepare_identity() -> Context:
    at = _quiet("payments.identity_deadline", DECIDED)
    return _context(_closed(), at=at)


def _prepare_fail() -> Context:
    at = _quiet("payments.fail", DECIDED)
    fund = _closed(units_minimum=9)
    world.sweeps(["orders.confirm", "payments.identity_deadline"], at=at, times=1)
    return _context(fund, at=at)


def _prepare_open() -> Context:
    at = clock.start_of_day(world.DAY + timedelta(days=10)) + timedelta(minutes=1)
    _quiet("offerings.open", at)
    return _context(world.make_fund(state="scheduled"), at=at)


def _prepare_close() -> Context:
    at = _quiet("offerings.close", CLOSED)
    fund = world.make_fund()
    world.paid(fund, "A", units=2)
    return _context(fund, at=at)


def _prepare_start() -> Context:
    at = _quiet("revenue.start", STARTED)
    fund = _closed()
    for name in ("payments.identity_deadline", "payments.refunds", "orders.confirm"):
        world.sweep(name, at=DECIDED)
    return _context(fund, at=at)


def _prepare_lower_totals() -> Context:
    at = _quiet("orders.lower_totals", world.NOW + timedelta(days=366))
    fund = world.make_fund()
    world.paid(fund, "A", units=2)
    world.sweep("orders.confirm", at=world.COOLED)
    return _context(fund, at=at)


# --- Disputes and what is made at the provider ------------------------------------------------------------------


def _intent(order: Order) -> str:
    return PaymentAttempt.objects.get(order=order).intent_id or ""


def _prepare_dispute(close: str = "") -> Context:
    fund = world.make_fund()
    order = world.paid(fund, "A", units=2)
    provider.set_clock(world.NOW)
    dispute = provider.control("disputes/open", payment_intent=_intent(order))
    if close:
        provider.control("disputes/close", dispute=dispute["id"], outcome=close)
    return _context(fund, intent=_intent(order))


def _absorb_dispute(context: Context) -> None:
    from investments.payments import dispute

    dispute.absorb(context["intent"], at=at_of(context))


def _prepare_dashboard_refund() -> Context:
    fund = world.make_fund()
    order = world.paid(fund, "A", units=2)
    provider.control("dashboard_refund", payment_intent=_intent(order))
    return _context(fund, intent=_intent(order))


def _absorb_refund(context: Context) -> None:
    external.absorb(context["intent"], at=at_of(context))


# --- The bank ---------------------------------------------------------------------------------------------------

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
    return _context(fund, at=world.NOW + timedelta(days=1), content=content.decode())


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


# --- Money that leaves by bank ----------------------------------------------------------------------------------


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


# --- What carries the rest --------------------------------------------------------------------------------------


def heard(event: events.OrderPaid) -> None:
    """A listener with an effect in the database."""
    audit.record(action="tests.heard", subject=("investments.Order", event.order_id), at=event.at, actor="listener")


def _drain() -> None:
    """Forget the events and mails of earlier cases: they have been compared, and rendering mails takes long."""
    Event.objects.filter(done_at=None).update(done_at=timezone.now())
    Notice.objects.exclude(state=Notice.State.SENT).update(state=Notice.State.SENT)


def _prepare_outbox() -> Context:
    _drain()
    fund = world.make_fund()
    world.paid(fund, "A", units=1)
    world.paid(fund, "B", units=1)
    return _context(fund)


def _dispatch(context: Context) -> None:
    with mock.patch.dict(outbox._kinds), mock.patch.dict(outbox._subscribers):
        outbox.subscribe(events.OrderPaid, heard)
        outbox.dispatch()


def _prepare_notices() -> Context:
    _drain()
    fund = world.make_fund()
    for number in range(2):
        Notice.objects.create(
            key=f"faults:{fund.pk}:{number}",
            kind="faults",
            recipient="a@example.com",
            language="en",
            subject="Subject",
            text="Text",
            html="<p>Text</p>",
            happened_at=world.NOW,
        )
    return _context(fund)


def _send_notices(context: Context) -> None:
    """The mail door; after a kill the lease of ten minutes is over before it is tried again."""
    late = timezone.now() + timedelta(minutes=11 * Notice.objects.filter(state=Notice.State.SENDING).count())
    with mock.patch.object(timezone, "now", lambda: late):
        notices.send_due()


def _notice_states(context: Context) -> list[Any]:
    rows = Notice.objects.filter(key__startswith=f"faults:{context['fund']}:").order_by("key")
    return [(row.state, row.last_error, row.sent_at is not None) for row in rows]


def _prepare_seal() -> Context:
    """The act can seal every row whatever else runs on the server; the boundaries it passes are not left to luck."""
    fund = world.make_fund()
    world.paid(fund, "A", units=1)
    sealing.wait_until_sealable()
    return _context(fund)


def _seal(context: Context) -> None:
    audit.seal()


def _chain(context: Context) -> list[Any]:
    """The act has sealed everything, the one that was killed or the one after it."""
    return [*audit.problems(unsealed_minutes=0)]


_payouts = itertools.count(20)


def _prepare_payout() -> Context:
    """A payout holds money of every fund, so each has days of its own, after all earlier money was paid out. The payout
    that clears the balance lies further back than the list is read."""
    day = world.DAY + timedelta(days=60 * next(_payouts))
    at = make.at_noon(day)
    provider.set_clock(at - timedelta(days=50))
    provider.sell_elsewhere(5_000_000)
    assert provider.pay_out(), "the provider has nothing to pay out"
    provider.set_clock(at)
    ProviderCursor.objects.update_or_create(pk="payouts", defaults={"seen_until": at})
    fund = world.make_fund(on=day)
    world.paid(fund, "A", units=2, at=at)
    world.paid(fund, "B", units=1, at=at)
    assert provider.pay_out(), "the provider has nothing to pay out"
    return _context(fund, at=at)


def _payout_rows(context: Context) -> list[Any]:
    book = Fund.objects.get(pk=context["fund"]).book
    assert book is not None
    rows = ProviderPayout.objects.filter(by_fund__has_key=book.code)
    return [(row.amount, row.fees, row.by_fund[book.code], row.unmatched) for row in rows]


CASES: dict[str, Case] = {
    "pay by card": Case(_prepare_pay, _pay, also=_charges),
    "pay by konbini": Case(lambda: _prepare_pay("konbini"), _pay, also=_charges),
    "order by transfer": Case(lambda: _prepare_pay("bank_transfer"), _pay),
    "bank statement": Case(
        _prepare_statement,
        _import_statement,
        sweeps=(*world.SWEEPS, "banking.claim"),
        also=_unknown_receipts,
    ),
    "bank claim": Case(
        _prepare_claim, _sweep("banking.claim"), sweeps=(*world.SWEEPS, "banking.claim"), also=_unknown_receipts
    ),
    "refund by bank": Case(_prepare_refund_by_bank, _money_leaves, also=_transfers),
    "receipt sent back": Case(_prepare_sending_back, _money_leaves, also=_transfers),
    "fees swept": Case(_prepare_fees, _money_leaves, also=_transfers),
    "webhook": Case(_prepare_webhook, _webhook, also=_charges),
    "webhooks sweep": Case(_prepare_webhook_sweep, _sweep("payments.webhooks"), also=_charges),
    "reconcile sweep": Case(_prepare_reconcile, _sweep("payments.reconcile"), also=_charges),
    "refunds sweep": Case(_prepare_refund_sweep, _sweep("payments.refunds"), also=_charges),
    "objects sweep": Case(
        _prepare_objects, _sweep("payments.objects"), sweeps=("payments.objects",), also=_cursor("objects")
    ),
    "cancel a paid order": Case(_prepare_cancel_paid, _cancel, also=_charges),
    "cancel an unpaid order": Case(_prepare_cancel_unpaid, _cancel, also=_charges),
    "refund by staff": Case(_prepare_staff_refund, _staff_refund, also=_charges),
    "send a refund": Case(_prepare_refund, _send_refund, also=_charges),
    "refund on its way": Case(_prepare_pending_refund, _send_refund, also=_charges),
    "expire": Case(_prepare_expire, _sweep("payments.expire"), also=_charges),
    "expire what is paid": Case(_prepare_expire_paid, _sweep("payments.expire"), also=_charges),
    "late money": Case(_prepare_late, _settle, also=_charges),
    "dispute opened": Case(_prepare_dispute, _absorb_dispute),
    "dispute won": Case(lambda: _prepare_dispute("won"), _absorb_dispute),
    "dispute lost": Case(lambda: _prepare_dispute("lost"), _absorb_dispute),
    "refund made at the provider": Case(_prepare_dashboard_refund, _absorb_refund, also=_charges),
    "provider pays out": Case(
        _prepare_payout, _sweep("payments.payouts"), sweeps=("payments.payouts",), also=_payout_rows
    ),
    "outbox": Case(_prepare_outbox, _dispatch, sweeps=("outbox.dispatch",)),
    "notices": Case(_prepare_notices, _send_notices, sweeps=(), also=_notice_states),
    "audit": Case(_prepare_seal, _seal, sweeps=(), also=_chain),
    "confirm": Case(_prepare_confirm, _sweep("orders.confirm")),
    "open": Case(_prepare_open, _sweep("offerings.open")),
    "close": Case(_prepare_close, _sweep("offerings.close"), sweeps=world.FUND_SWEEPS),
    "identity deadline": Case(
        _prepare_identity, _sweep("payments.identity_deadline"), sweeps=world.FUND_SWEEPS, also=_charges
    ),
    "fail": Case(_prepare_fail, _sweep("payments.fail"), sweeps=world.FUND_SWEEPS, also=_charges),
    "start of term": Case(_prepare_start, _sweep("revenue.start"), sweeps=world.FUND_SWEEPS),
    "twelve months over": Case(_prepare_lower_totals, _sweep("orders.lower_totals"), sweeps=("orders.lower_totals",)),
}


def warm() -> None:
    """What a process does once before it is useful: import, register, connect."""
    from django.template.loader import get_template
    from django.urls import reverse

    reverse("order", args=["AAAAA-AAAAA"])
    get_template("base.html")
    Fund.objects.first()


# --- Negative controls ------------------------------------------------------------------------------------------


@contextmanager
def variant(name: str) -> Iterator[None]:
    """The code with one guard taken out; the empty name is the code as it is."""
    with _VARIANTS[name]():
        yield


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _posting_outside() -> Iterator[None]:
    """The journal is written after the commit that marks the attempt as paid."""
    post = postings.payment_received

    def later(attempt: PaymentAttempt, order: Order, *, at: datetime) -> None:
        transaction.on_commit(lambda: post(attempt, order, at=at))

    with mock.patch.object(postings, "payment_received", later):
        yield


@contextmanager
def _event_outside() -> Iterator[None]:
    """The confirmation is announced after its commit, as a signal would."""
    from investments.orders import services as orders

    publish = orders.publish

    def later(event: Any, *, key: str, at: datetime) -> None:
        transaction.on_commit(lambda: publish(event, key=key, at=at))

    with mock.patch.object(orders, "publish", later):
        yield


_VARIANTS: dict[str, Callable[[], Any]] = {
    "": _as_it_is,
    "posting outside": _posting_outside,
    "event outside": _event_outside,
}
