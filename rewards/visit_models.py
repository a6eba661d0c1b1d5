"""Visits: a day on which holders may come, with seats, and who has booked one (domain.md section 10)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from investments.models import Fund, Holding
from microfund.kernel.states import StateTable


class Visit(models.Model):
    """One visit that the holders of a fund may book. `taken` is the sum of the booked seats; a CHECK keeps it within
    `seats`. `most_each` is the seats that one holding may take."""

    class State(models.TextChoices):
        OPEN = "open", _("can be booked")
        CANCELLED = "cancelled", _("called off")

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="visits", verbose_name=_("fund"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.OPEN)
    title_en = models.CharField(_("title (English)"), max_length=120)
    title_ja = models.CharField(_("title (Japanese)"), max_length=120)
    place = models.CharField(_("place, or link of an online meeting"), max_length=200)
    text_en = models.TextField(_("what to know (English)"), max_length=2_000, blank=True)
    text_ja = models.TextField(_("what to know (Japanese)"), max_length=2_000, blank=True)
    starts_at = models.DateTimeField(_("begins at"))
    minutes = models.PositiveSmallIntegerField(_("minutes"), default=120)
    book_until = models.DateField(_("book until"))
    seats = models.PositiveSmallIntegerField(_("seats"))
    taken = models.PositiveSmallIntegerField(_("taken"), default=0)
    minimum_units = models.PositiveIntegerField(_("minimum units"), default=1)
    most_each = models.PositiveSmallIntegerField(_("most seats for one holding"), default=2)
    reason = models.CharField(_("why it was called off"), max_length=200, blank=True)
    report_en = models.TextField(_("how it was (English)"), max_length=2_000, blank=True, default="", db_default="")
    report_ja = models.TextField(_("how it was (Japanese)"), max_length=2_000, blank=True, default="", db_default="")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("made by"))
    made_at = models.DateTimeField(_("made at"))
    # What calendars know of it: the newest is the one with the highest number (RFC 5545, SEQUENCE).
    sequence = models.PositiveIntegerField(_("version in calendars"), default=0)
    changed_at = models.DateTimeField(_("changed at"), null=True)
    reminded_at = models.DateTimeField(_("reminded at"), null=True)

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        constraints = [
            models.CheckConstraint(condition=Q(taken__lte=F("seats")), name="visit_seats_kept"),
            models.CheckConstraint(condition=Q(seats__gte=1, most_each__gte=1, minutes__gte=1), name="visit_positive"),
        ]
        indexes = [models.Index(fields=["fund", "starts_at"], name="visit_fund_idx")]

    def __str__(self) -> str:
        return self.title_en

    @property
    def online(self) -> bool:
        """Whether the place holds the link of a meeting, which only those who have booked are shown."""
        return "://" in self.place


VISIT_STATES = StateTable("rewards.Visit", {"open": ("cancelled",)}, section="domain.md section 10")


class Booking(models.Model):
    """The seats of one holding at one visit: booked, or waiting in the order of `asked_at` for some to be free."""

    class State(models.TextChoices):
        BOOKED = "booked", _("booked")
        WAITING = "waiting", _("on the waiting list")
        CANCELLED = "cancelled", _("cancelled")
        ATTENDED = "attended", _("was there")
        ABSENT = "absent", _("was not there")

    visit = models.ForeignKey(Visit, models.PROTECT, related_name="bookings", verbose_name=_("visit"))
    holding = models.ForeignKey(Holding, models.PROTECT, related_name="bookings", verbose_name=_("holding"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.WAITING)
    seats = models.PositiveSmallIntegerField(_("seats"))
    asked_at = models.DateTimeField(_("asked at"))

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        constraints = [
            models.UniqueConstraint(fields=["visit", "holding"], name="booking_once"),
            models.CheckConstraint(condition=Q(seats__gte=1), name="booking_positive"),
        ]
        indexes = [models.Index(fields=["visit", "state", "asked_at"], name="booking_state_idx")]

    def __str__(self) -> str:
        return f"{self.visit_id}:{self.holding_id}"


#: States whose seats are taken.
TAKES_SEATS = ("booked", "attended", "absent")

BOOKING_STATES = StateTable(
    "rewards.Booking",
    {
        "waiting": ("booked", "cancelled"),
        "booked": ("cancelled", "attended", "absent"),
        "cancelled": ("waiting", "booked"),
        "attended": ("absent",),
        "absent": ("attended",),
    },
    section="domain.md section 10",
)
