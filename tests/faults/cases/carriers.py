"""Cases of what carries the rest: outbox, mails, the audit chain."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

from django.utils import timezone

from investments import events
from microfund.kernel.audit import services as audit
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox import services as outbox
from microfund.kernel.outbox.models import Event
from tests import sealing
from tests.faults import world
from tests.faults.cases.case import Case, Context, context_of


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
    return context_of(fund)


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
    return context_of(fund)


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
    return context_of(fund)


def _seal(context: Context) -> None:
    audit.seal()


def _chain(context: Context) -> list[Any]:
    """The act has sealed everything, the one that was killed or the one after it."""
    return [*audit.problems(unsealed_minutes=0)]


CASES: dict[str, Case] = {
    "outbox": Case(_prepare_outbox, _dispatch, sweeps=("outbox.dispatch",)),
    "notices": Case(_prepare_notices, _send_notices, sweeps=(), also=_notice_states),
    "audit": Case(_prepare_seal, _seal, sweeps=(), also=_chain),
}
