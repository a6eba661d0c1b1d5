"""The mails to those who take a distribution in kind (pages.md 2.6, E16): the way to the voucher. Holders are taken in
batches, each an event of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.utils.translation import gettext as _

from investments.letters import BATCH, to_investor
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, day, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import publish, subscribe

from . import events
from .models import Voucher


@dataclass(frozen=True)
class VoucherMailBatch:
    """The holders of the next vouchers of a distribution, those with an id above `after`, are to be written to."""

    distribution_id: int
    after: int
    at: datetime


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.VouchersIssued, vouchers_issued)
    subscribe(VoucherMailBatch, voucher_mail_batch)


def _batch(batch: VoucherMailBatch) -> None:
    publish(batch, key=f"voucher_ready:{batch.distribution_id}:{batch.after}", at=batch.at)


def vouchers_issued(event: events.VouchersIssued) -> None:
    """Begins the batches."""
    if is_news(event.at):
        _batch(VoucherMailBatch(event.distribution_id, 0, event.at))


def voucher_mail_batch(event: VoucherMailBatch) -> None:
    """Write to the holders of the next vouchers, one mail each, then ask for the rest."""
    rows = Voucher.objects.filter(line__distribution=event.distribution_id, pk__gt=event.after).select_related(
        "business", "line__distribution__period", "line__allocation__holding__investor__user"
    )
    found = list(rows.order_by("pk")[:BATCH])
    for row in found:
        assert row.line is not None
        investor = row.line.allocation.holding.investor
        to_investor("voucher_ready", investor, partial(_ready, row), key=f"voucher_ready:{row.pk}", at=event.at)
    if len(found) == BATCH:
        _batch(VoucherMailBatch(event.distribution_id, found[-1].pk, event.at))


def _ready(row: Voucher) -> Letter:
    assert row.line is not None
    words = {
        "business": name_of(row.business),
        "number": row.line.distribution.period.number,
        "worth": format_money(row.value),
        "net": format_money(row.line.net),
        "date": day(row.valid_until),
    }
    return Letter(
        subject=_("Your voucher of %(business)s: %(worth)s") % words,
        paragraphs=[
            _("By your choice, what period %(number)d pays comes in kind: %(net)s, and the bonus on top.") % words,
            _("Show the voucher at the till by %(date)s. What is not used by then comes back to you in cash, without"
              " the bonus.") % words,
        ],
        facts=[(_("Worth"), str(words["worth"])), (_("Valid until"), str(words["date"]))],
        button=_("See the voucher"),
        url=link("rewards:voucher", row.pk),
    )  # fmt: skip
