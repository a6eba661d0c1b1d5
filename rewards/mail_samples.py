"""The samples of the mails about rewards, letters and visits (microfund/kernel/notices/kinds.py). What is made here is
never committed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _

from businesses.mail_samples import TO_OWNERS, make_user
from businesses.models import Picture
from investments.mail_samples import TO_HOLDERS, TO_INVESTOR, make_fund, make_holding
from investments.models import Fund, Holding
from microfund.kernel import clock
from microfund.kernel.notices import kinds

from . import arrival_mails, cycles, events, letter_mails, mails, visit_mails
from .models import Batch, Carrier, Cycle, Entitlement, Letter, Offer, Parcel
from .visit_models import Booking, Visit

TO_BOOKED = _("whoever has booked seats, or waits for some")


def _make_holding(language: str) -> Holding:
    return make_holding(language, make_fund(language, state=Fund.State.OPERATING, opened=400, closed=True))


def make_entitlement(language: str, state: str, holding: Holding | None = None) -> Entitlement:
    """Twenty oysters for the holder of two units; claims have been open for a week."""
    holding, today = holding or _make_holding(language), clock.today_in()
    offer = Offer.objects.create(
        fund=holding.fund, text_en="Twenty oysters in the shell", text_ja="殻付き牡蠣20個", value=3_000
    )
    cycle = Cycle.objects.create(
        offer=offer,
        number=1,
        record_on=today - timedelta(days=8),
        opens_on=today - timedelta(days=7),
        closes_on=today + timedelta(days=23),
        dispatch_by=today + timedelta(days=53),
        opened_at=clock.now(),
    )
    return Entitlement.objects.create(cycle=cycle, holding=holding, quantity=1, state=state)


def _claimable(kind: str, language: str) -> None:
    row = make_entitlement(language, Entitlement.State.CLAIMABLE)
    mails.reward_mail_batch(mails.RewardMailBatch(kind, row.cycle_id, 0, clock.now()))


def _after_all(language: str) -> None:
    row, at = make_entitlement(language, Entitlement.State.CLAIMABLE), clock.now()
    Entitlement.objects.filter(pk=row.pk).update(claim_by=cycles.after_all_until(at))
    mails.reward_mail_batch(mails.RewardMailBatch("reward_after_all", row.cycle_id, 0, at, act=at.isoformat()))


def _parcel(language: str, state: str, **values: Any) -> Parcel:
    row = make_entitlement(language, state)
    business = row.cycle.offer.fund.business
    batch = Batch.objects.create(
        business=business, cycle=row.cycle, number=1, made_by=make_user("en"), made_at=clock.now()
    )
    return Parcel.objects.create(entitlement=row, batch=batch, claimed_at=clock.now(), **values)


def _sent(language: str) -> None:
    parcel = _parcel(
        language,
        Entitlement.State.SHIPPED,
        carrier=Carrier.values[0],
        tracking="1234-5678-9012",
        shipped_on=clock.today_in(),
    )
    cycle_id = parcel.entitlement.cycle_id
    batch = mails.RewardMailBatch("reward_sent", cycle_id, 0, clock.now(), parcel.batch_id, "sample")
    mails.reward_mail_batch(batch)


def _problem(language: str) -> None:
    note = {"en": "The house number was missing.", "ja": "番地が抜けていました。"}[language]
    parcel = _parcel(language, Entitlement.State.RETURNED, problem=Parcel.Problem.RETURNED, note=note)
    mails.parcel_failed(events.ParcelFailed(parcel.entitlement_id, clock.now()))


def _asked(language: str) -> None:
    at = clock.now()
    parcel = _parcel(
        language,
        Entitlement.State.SHIPPED,
        carrier=Carrier.values[0],
        tracking="1234-5678-9012",
        shipped_on=clock.today_in() - timedelta(days=7),
        asked_at=at,
    )
    cycle_id = parcel.entitlement.cycle_id
    mails.reward_mail_batch(mails.RewardMailBatch("reward_asked", cycle_id, 0, at, act=at.isoformat()))


def _complained(language: str) -> None:
    note = {"en": "Three of the shells are broken.", "ja": "殻が3つ割れていました。"}[language]
    parcel = _parcel(
        language,
        Entitlement.State.DELIVERED,
        shipped_on=clock.today_in() - timedelta(days=8),
        complaint=Parcel.Problem.DAMAGED,
        complaint_note=note,
        complained_at=clock.now(),
    )
    arrival_mails.parcel_complained(events.ParcelComplained(parcel.entitlement_id, clock.now()))


def _answered(language: str) -> None:
    note = {"en": "A jar of oyster paste is on its way to you.", "ja": "代わりに牡蠣のペーストを一瓶お送りしました。"}
    parcel = _parcel(language, Entitlement.State.SUBSTITUTED, problem=Parcel.Problem.DAMAGED, note=note[language])
    arrival_mails.parcel_answered(events.ParcelAnswered(parcel.entitlement_id, clock.now()))


def _to_pack(language: str) -> None:
    row = make_entitlement(language, Entitlement.State.CLAIMED)
    mails.cycle_closed(events.CycleClosed(row.cycle_id, clock.now()))


def _letter(language: str) -> None:
    holding = _make_holding(language)
    # A picture that the site has, if it has any: a sample leaves no file behind.
    found = Picture.objects.order_by("pk").values("digest", "widths", "width", "height").first()
    shown: dict[str, Any] = dict(found or {})
    row = Letter.objects.create(
        fund=holding.fund,
        moment=Letter.Moment.REOPENED,
        text_en="Thank you. The doors are open again.",
        text_ja="ありがとうございます。店を再び開けました。",
        written_by=make_user("en"),
        saved_at=clock.now(),
        published_at=clock.now(),
        **shown,
    )
    letter_mails.letter_mail_batch(letter_mails.LetterMailBatch(row.pk, 0, clock.now()))


def _booking(language: str) -> Booking:
    holding = _make_holding(language)
    begins = clock.now().replace(minute=0) + timedelta(days=20)
    reason = {"en": "A typhoon is on its way.", "ja": "台風が近づいているためです。"}[language]
    visit = Visit.objects.create(
        fund=holding.fund,
        title_en="Breakfast beside the rafts",
        title_ja="いかだのそばで朝ごはん",
        place="Yonezaki pier" if language == "en" else "米崎の桟橋",
        starts_at=begins,
        book_until=clock.today_in(None, begins) - timedelta(days=5),
        seats=12,
        taken=2,
        reason=reason,
        made_by=make_user("en"),
        made_at=clock.now(),
    )
    return Booking.objects.create(
        visit=visit, holding=holding, state=Booking.State.BOOKED, seats=2, asked_at=clock.now()
    )


def _booked(kind: str, language: str) -> None:
    batch = visit_mails.BookedMailBatch(kind, _booking(language).visit_id, 0, clock.now())
    visit_mails.booked_mail_batch(batch)


def _to_owners(kind: str, language: str) -> None:
    visit_mails.owners_told(kind, _booking(language).visit_id, at=clock.now())


def _seats_free(language: str) -> None:
    visit_mails.seats_free(events.SeatsFree(_booking(language).pk, clock.now()))


def _seats_booked(language: str) -> None:
    visit_mails.seats_booked(events.SeatsBooked(_booking(language).pk, clock.now()))


def _visit_made(language: str) -> None:
    visit_id = _booking(language).visit_id
    visit_mails.visit_mail_batch(visit_mails.VisitMailBatch(visit_id, 0, clock.now()))


def register() -> None:
    """Declare all; called once when the app is ready."""
    declare = kinds.declare
    for kind, when in (
        ("reward_ready", _("A reward can be claimed")),
        ("reward_reminder", _("The last week to claim a reward")),
    ):
        declare(kind, "E18", when, TO_INVESTOR, partial(_claimable, kind))
    declare("reward_after_all", "E18", _("What was to come with the next can be claimed now"), TO_INVESTOR, _after_all)
    declare("reward_sent", "E18", _("A reward was sent"), TO_INVESTOR, _sent)
    declare("reward_problem", "E18", _("Something went wrong with what was sent"), TO_INVESTOR, _problem)
    declare("reward_asked", "E18", _("A reward was sent a week ago: has it arrived?"), TO_INVESTOR, _asked)
    declare("reward_answered", "E18", _("A business answers what went wrong"), TO_INVESTOR, _answered)
    declare("parcel_complained", "E18", _("A supporter says that a parcel went wrong"), TO_OWNERS, _complained)
    declare("parcels_to_pack", "E19", _("Claiming has ended: parcels are to be packed"), TO_OWNERS, _to_pack)
    declare("visit_made", "E21", _("A business announces a visit"), TO_HOLDERS, _visit_made)
    for kind, when in (
        ("visit_soon", _("A visit is in three days")),
        ("visit_changed", _("Time or place of a visit changed")),
        ("visit_called_off", _("A visit was called off")),
    ):
        declare(kind, "E21", when, TO_BOOKED, partial(_booked, kind))
    declare("visit_booked", "E21", _("Seats at a visit are booked"), TO_BOOKED, _seats_booked)
    declare("seats_free", "E21", _("Somebody on the waiting list gets seats"), TO_BOOKED, _seats_free)
    declare("owner_visit_booked", "E21", _("Seats at a visit are booked"), TO_OWNERS, _seats_booked)
    for kind, when in (
        ("visit_soon", _("A visit is in three days")),
        ("visit_changed", _("Time or place of a visit changed")),
        ("visit_called_off", _("A visit was called off")),
    ):
        declare(f"owner_{kind}", "E21", when, TO_OWNERS, partial(_to_owners, kind))
    declare("letter_arrived", "E27", _("A business has written a thank-you letter"), TO_HOLDERS, _letter)
