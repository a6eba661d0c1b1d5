"""The mails about rewards (pages.md 2.6, E18 and E19): to investors what they may claim, what was sent and what went
wrong; to owners what waits to be packed. Investors are taken in batches, each an event of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from django.utils.translation import gettext as _

from investments.letters import BATCH, to_investor, to_owners
from microfund.kernel.notices.letters import Letter, day, is_news
from microfund.kernel.notices.parts import in_language, link, name_of
from microfund.kernel.outbox.services import publish, subscribe

from . import cycles, events
from .models import TO_PACK, Batch, Cycle, Entitlement, Offer, Parcel


@dataclass(frozen=True)
class RewardMailBatch:
    """The next entitlements of a cycle, those with an id above `after`, are to be written about; `batch_id` where only
    its parcels are, of one act."""

    kind: str
    cycle_id: int
    after: int
    at: datetime
    batch_id: int = 0
    act: str = ""


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.CycleOpened, cycle_opened)
    subscribe(events.CycleEnding, cycle_ending)
    subscribe(events.CycleClosed, cycle_closed)
    subscribe(events.CarriedAfterAll, carried_after_all)
    subscribe(events.ParcelsSent, parcels_sent)
    subscribe(events.ArrivalAsked, arrival_asked)
    subscribe(events.ParcelFailed, parcel_failed)
    subscribe(RewardMailBatch, reward_mail_batch)


def _batch(batch: RewardMailBatch) -> None:
    publish(batch, key=f"{batch.kind}:{batch.cycle_id}:{batch.batch_id}:{batch.act}:{batch.after}", at=batch.at)


def cycle_opened(event: events.CycleOpened) -> None:
    """E18: ready to claim; begins the batches."""
    if is_news(event.at):
        _batch(RewardMailBatch("reward_ready", event.cycle_id, 0, event.at))


def ready(row: Entitlement, *, at: datetime) -> None:
    """E18: ready to claim, of one that was made after its cycle had opened."""
    if is_news(at):
        _batch(RewardMailBatch("reward_ready", row.cycle_id, row.pk - 1, at))


def cycle_ending(event: events.CycleEnding) -> None:
    """E18: the last week, to those who have not claimed."""
    if is_news(event.at):
        _batch(RewardMailBatch("reward_reminder", event.cycle_id, 0, event.at))


def carried_after_all(event: events.CarriedAfterAll) -> None:
    """E18: what was to come with the next can be claimed now, for none comes."""
    if is_news(event.at):
        _batch(RewardMailBatch("reward_after_all", event.cycle_id, 0, event.at, act=event.at.isoformat()))


def parcels_sent(event: events.ParcelsSent) -> None:
    """E18: on its way."""
    if is_news(event.at):
        cycle_id = Batch.objects.values_list("cycle_id", flat=True).get(pk=event.batch_id)
        _batch(RewardMailBatch("reward_sent", cycle_id, 0, event.at, event.batch_id, event.act))


def arrival_asked(event: events.ArrivalAsked) -> None:
    """E18: has it arrived?"""
    if is_news(event.at):
        _batch(RewardMailBatch("reward_asked", event.cycle_id, 0, event.at, act=event.at.isoformat()))


def cycle_closed(event: events.CycleClosed) -> None:
    """E19: the owner packs what was claimed."""
    if not is_news(event.at):
        return
    cycle = Cycle.objects.select_related("offer__fund__business").get(pk=event.cycle_id)
    fund = cycle.offer.fund
    waiting = Entitlement.objects.filter(cycle=cycle, state__in=TO_PACK).count()
    if not waiting:
        return

    def letter() -> Letter:
        words = {"count": waiting, "reward": _text(cycle.offer), "date": day(cycle.dispatch_by)}
        return Letter(
            subject=_("%(count)d parcels to pack: %(reward)s") % words,
            paragraphs=[_("Your supporters have claimed their reward. Please send it by %(date)s.") % words],
            facts=[(_("Reward"), _text(cycle.offer)), (_("Parcels"), str(waiting)), sending(cycle)],
            button=_("To the packing list"),
            url=link("rewards:season", fund.business.slug),
        )

    to_owners("parcels_to_pack", fund, letter, key=f"parcels_to_pack:{cycle.pk}", at=event.at)


def sending(cycle: Cycle) -> tuple[str, str]:
    """When parcels are sent, as a fact of a letter."""
    days = {"first": day(cycle.dispatch_from), "last": day(cycle.dispatch_by)} if cycle.dispatch_from else None
    return (_("Sent between"), _("%(first)s to %(last)s") % days) if days else (_("Send by"), day(cycle.dispatch_by))


def _text(offer: Offer) -> str:
    return in_language(offer, "text")


def reward_mail_batch(event: RewardMailBatch) -> None:
    """Write to the holders of the next entitlements, one mail each, then ask for the rest."""
    cycle = Cycle.objects.select_related("offer__fund__business").get(pk=event.cycle_id)
    rows = Entitlement.objects.filter(cycle=cycle, pk__gt=event.after).select_related(
        "holding__investor__user", "parcel__donee"
    )
    if event.kind == "reward_sent":
        rows = rows.filter(parcel__batch_id=event.batch_id, state=Entitlement.State.SHIPPED)
    elif event.kind == "reward_asked":
        rows = rows.filter(parcel__asked_at=event.at, state=Entitlement.State.SHIPPED)
    elif event.kind == "reward_after_all":
        rows = rows.filter(state=Entitlement.State.CLAIMABLE, claim_by=cycles.after_all_until(event.at))
        rows = rows.filter(holding__frozen_at__isnull=True)
    else:
        rows = rows.filter(state=Entitlement.State.CLAIMABLE, holding__frozen_at__isnull=True)
    found = list(rows.order_by("pk")[:BATCH])
    for row in found:
        key = f"{event.kind}:{row.pk}" + (f":{event.act}" if event.act else "")
        letter = partial(_WRITERS[event.kind], row, cycle)
        to_investor(event.kind, row.holding.investor, letter, key=key, at=event.at)
    if len(found) == BATCH:
        _batch(RewardMailBatch(event.kind, event.cycle_id, found[-1].pk, event.at, event.batch_id, event.act))


def _words(cycle: Cycle, last: date) -> dict[str, str]:
    """What letters about claiming say of a reward: whose it is, what it is, and the last day."""
    return {"business": name_of(cycle.offer.fund.business), "reward": _text(cycle.offer), "date": day(last)}


def _to_claim(row: Entitlement, subject: str, paragraphs: list[str], facts: list[tuple[str, str]]) -> Letter:
    return Letter(subject, paragraphs, facts=facts, button=_("Claim the reward"), url=link("rewards:claim", row.pk))


def _amount(row: Entitlement, words: dict[str, str]) -> tuple[str, str]:
    return _("Reward"), f"{words['reward']} × {row.quantity}"


def _ready(row: Entitlement, cycle: Cycle) -> Letter:
    words = _words(cycle, cycle.closes_on)
    where = (
        _("Tell us by %(date)s where it should go: to you, or to somebody else of age.")
        if cycle.offer.adults_only
        else _("Tell us by %(date)s where it should go: to you, to somebody else, or to a school or a food bank.")
    )
    return _to_claim(
        row,
        _("%(business)s: your reward can be claimed until %(date)s") % words,
        [_("%(business)s thanks you with: %(reward)s.") % words, where % words],
        [_amount(row, words), (_("Claim by"), words["date"]), sending(cycle)],
    )


def _after_all(row: Entitlement, cycle: Cycle) -> Letter:
    words = _words(cycle, row.last_day)
    return _to_claim(
        row,
        _("%(business)s: your reward can be claimed after all, until %(date)s") % words,
        [
            _("You had not claimed it, and it was to come with the next: %(reward)s.") % words,
            _("There will be no next one. Tell us by %(date)s where it should go.") % words,
        ],
        [_amount(row, words), (_("Claim by"), words["date"])],
    )


def _reminder(row: Entitlement, cycle: Cycle) -> Letter:
    words = _words(cycle, cycle.closes_on)
    ends = cycle.offer.unclaimed == Offer.Unclaimed.EXPIRE or not cycles.another_comes(cycle)
    then = (
        _("After %(date)s it can no longer be claimed.")
        if ends
        else _("What is not claimed by %(date)s comes with the next.")
    )
    return _to_claim(
        row,
        _("Until %(date)s: your reward of %(business)s") % words,
        [_("You have not said yet where it should go: %(reward)s.") % words, then % words],
        [(_("Claim by"), words["date"])],
    )


def _sent(row: Entitlement, cycle: Cycle) -> Letter:
    parcel: Parcel = row.parcel
    words = {"business": name_of(cycle.offer.fund.business), "reward": _text(cycle.offer)}
    facts = [(_("Reward"), words["reward"])]
    if parcel.shipped_on:
        facts.append((_("Sent on"), day(parcel.shipped_on)))
    if parcel.carrier:
        facts.append((_("Carrier"), parcel.get_carrier_display()))
    if parcel.tracking:
        facts.append((_("Tracking number"), parcel.tracking))
    if parcel.donee:
        facts.append((_("Passed on to"), name_of(parcel.donee)))
    return Letter(
        subject=_("%(business)s has sent your reward") % words,
        paragraphs=[_("It is on its way: %(reward)s.") % words],
        facts=facts,
        button=_("See your rewards"),
        url=link("rewards:list"),
    )


def travelled(parcel: Parcel) -> list[tuple[str, str]]:
    """Facts of a parcel that has left: when, and under which number."""
    facts = []
    if parcel.shipped_on:
        facts.append((_("Sent on"), day(parcel.shipped_on)))
    if parcel.tracking:
        facts.append((_("Tracking number"), f"{parcel.get_carrier_display()} {parcel.tracking}"))
    return facts


def _asked(row: Entitlement, cycle: Cycle) -> Letter:
    words = {"business": name_of(cycle.offer.fund.business), "reward": _text(cycle.offer)}
    facts = [(_("Reward"), words["reward"]), *travelled(row.parcel)]
    return Letter(
        subject=_("Has your reward of %(business)s arrived?") % words,
        paragraphs=[
            _("It was sent a week ago. If it is there, enjoy it: you need not answer."),
            _("If it did not arrive, or is damaged, please say so on the page of the reward: the business answers."),
        ],
        facts=facts,
        button=_("See your reward"),
        url=link("rewards:claim", row.pk),
    )


_WRITERS: dict[str, Callable[[Entitlement, Cycle], Letter]] = {
    "reward_ready": _ready,
    "reward_after_all": _after_all,
    "reward_reminder": _reminder,
    "reward_sent": _sent,
    "reward_asked": _asked,
}


def parcel_failed(event: events.ParcelFailed) -> None:
    """E18: something went wrong; the investor says where it should go now."""
    if not is_news(event.at):
        return
    row = Entitlement.objects.select_related("cycle__offer__fund__business", "holding__investor__user", "parcel").get(
        pk=event.entitlement_id
    )

    def letter() -> Letter:
        business = name_of(row.cycle.offer.fund.business)
        words = {"business": business, "reward": _text(row.cycle.offer), "problem": row.parcel.get_problem_display()}
        return Letter(
            subject=_("Your reward of %(business)s: %(problem)s") % words,
            paragraphs=[
                _("What was sent to you %(problem)s: %(reward)s.") % words,
                _("Please look at the address and tell us where it should go; it is then sent again."),
            ],
            quoted=_("%(business)s writes:") % words if row.parcel.note else "",
            quote=row.parcel.note,
            button=_("Say where it should go"),
            url=link("rewards:claim", row.pk),
        )

    key = f"reward_problem:{row.pk}:{event.at.isoformat()}"
    to_investor("reward_problem", row.holding.investor, letter, key=key, at=event.at)
