"""Rewards in the staff console: what was promised, the seasons with what is late, places to pass on to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from investments.investors import addresses
from investments.investors.address_forms import AddressForm
from microfund.kernel import clock, queues
from microfund.kernel.accounts.roles import OPERATIONS, REVIEWER, SUPPORT
from microfund.kernel.acts import Act, ReasonForm, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, StaffAdmin, link, money
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import refuse

from . import board, compensation_admin, entitlement_admin, offers, visits  # noqa: F401  (registers its own)
from .models import TO_PACK, Batch, Cycle, Donee, Entitlement, Letter, Offer, Redemption, Visit, Voucher
from .offer_forms import OfferAdminForm

SHOWN = 100


def _end(row: Offer, *, actor: Any, at: datetime, reason: str) -> None:
    offers.end(row, actor=actor, at=at, reason=reason)


def _revise(row: Offer, *, actor: Any, at: datetime, reason: str) -> Any:
    new = offers.revise(row, actor=actor, at=at, reason=reason)
    return [(_("new version"), link(Offer, new.pk, f"v{new.version}"))]


def _take_on(row: Offer, *, actor: Any, at: datetime, reason: str) -> None:
    offers.take_on(row, actor=actor, at=at, reason=reason)


@admin.register(Offer)
class OfferAdmin(StaffAdmin):
    """One promised reward of a fund; once its cycles have begun, a change is a new version."""

    edit_roles = (REVIEWER, OPERATIONS)
    list_display = ("fund", "minimum_units", "kind", "cycle", "text_en", "text_ja", "version", "waiting", "ended_at")
    list_filter = ("waiting", "kind", "cycle")
    list_select_related = ("fund",)
    search_fields = ("fund__slug", "text_en", "text_ja")
    ordering = ("-fund", "minimum_units", "pk")
    form = OfferAdminForm
    acts = (
        Act(
            name="take_on",
            label=_("Take it on"),
            roles=(REVIEWER, OPERATIONS),
            run=_take_on,
            form=RemarkForm,
            when=lambda row: row.waiting and row.ended_at is None,
            explanation=_("The business proposes it. From then on it stands on its page and is a promise."),
            confirm=True,
        ),
        Act(
            name="end",
            label=_("End the offer"),
            roles=(REVIEWER, OPERATIONS),
            run=_end,
            when=lambda row: row.ended_at is None,
            explanation=_(
                "No further cycle opens; what is open stays as it was promised, and what was to come with the next can"
                " be claimed now."
            ),
            confirm=True,
            danger=True,
        ),
        Act(
            name="revise",
            label=_("Make a new version"),
            roles=(REVIEWER, OPERATIONS),
            run=_revise,
            when=lambda row: row.ended_at is None and not row.waiting and row.cycles.exists(),
            explanation=_("This version ends; the new one can be edited until its first cycle opens."),
            confirm=True,
        ),
    )

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        open_to_edit = obj is None or (obj.ended_at is None and not obj.cycles.exists())
        return open_to_edit and super().has_change_permission(request, obj)

    def panels(self, request: Any, row: Offer) -> list[Panel]:
        files = row.files.annotate(times=Count("downloads")).select_related("added_by")
        return [
            Panel(
                _("Cycles"),
                (_("number"), _("state"), _("opens on"), _("claim by"), _("send from"), _("send by"),
                 _("entitlements"), _("promised")),
                [
                    (link(Cycle, own.pk, own.number), own.get_state_display(), own.opens_on, own.closes_on,
                     own.dispatch_from or own.opens_on, own.dispatch_by,
                     own.entitlements_made, own.promised)
                    for own in row.cycles.order_by("-opens_on")[:SHOWN]
                ],
                numeric=frozenset({6, 7}),
            ),
            Panel(
                _("Files to download"),
                (_("file name"), _("kind of file"), _("added by"), _("added at"), _("removed at"), _("downloads")),
                [
                    (own.name, own.content_type, own.added_by, own.added_at, own.removed_at or "–", own.times)
                    for own in files
                ],
                numeric=frozenset({5}),
            ),
        ]  # fmt: skip


@admin.register(Cycle)
class CycleAdmin(ReadOnlyAdmin):
    """One season of a reward: the board of what was promised, claimed, packed, sent, and what is late."""

    list_display = (
        "offer", "business", "number", "state", "closes_on", "dispatch_by", "late", "entitlements", "claimable",
        "to_pack", "packing", "sent", "came_back", "replaced", "not_taken", "moved", "compensated",
    )  # fmt: skip
    list_filter = ("state",)
    list_select_related = ("offer__fund__business",)
    search_fields = ("offer__fund__slug", "=offer__fund__business__slug", "offer__text_en", "offer__text_ja")
    ordering = ("-opens_on", "-pk")
    acts = (entitlement_admin.EXPORT,)

    def get_queryset(self, request: Any) -> Any:
        def of(place: str) -> Count:
            states = [state for state, counted in board.PLACES.items() if counted == place]
            return Count("entitlements", filter=Q(entitlements__state__in=states))

        late = Q(entitlements__state__in=[*TO_PACK, "packing"], dispatch_by__lt=clock.today_in())
        counts = {f"n_{place}": of(place) for place in dict.fromkeys(board.PLACES.values())}
        found = super().get_queryset(request)
        return found.annotate(n_total=Count("entitlements"), n_late=Count("entitlements", filter=late), **counts)

    def list_panels(self, request: Any) -> list[Panel]:
        columns = (
            _("business"), _("late"), _("not claimed yet"), _("to be packed"), _("stopped"), _("in a batch"),
            _("came back"),
        )  # fmt: skip
        rows = [
            (
                link(type(business), business.pk, business.name_ja),
                own.late,
                own.claimable,
                own.to_pack,
                own.stopped,
                own.packing,
                own.came_back,
            )
            for business, own in board.by_business(on=clock.today_in())
        ]
        return [Panel(_("By business, what is under way"), columns, rows, numeric=frozenset(range(1, 7)))]

    @admin.display(description=_("business"))
    def business(self, row: Any) -> str:
        return row.offer.fund.business.name_ja

    @admin.display(description=_("late"), ordering="n_late")
    def late(self, row: Any) -> int:
        return row.n_late

    @admin.display(description=_("entitlements"), ordering="n_total")
    def entitlements(self, row: Any) -> int:
        return row.n_total

    @admin.display(description=_("not claimed yet"), ordering="n_claimable")
    def claimable(self, row: Any) -> int:
        return row.n_claimable

    @admin.display(description=_("replaced by something else"), ordering="n_replaced")
    def replaced(self, row: Any) -> int:
        return row.n_replaced

    @admin.display(description=_("not taken"), ordering="n_not_taken")
    def not_taken(self, row: Any) -> int:
        return row.n_not_taken

    @admin.display(description=_("to be packed"), ordering="n_to_pack")
    def to_pack(self, row: Any) -> int:
        return row.n_to_pack

    @admin.display(description=_("in a batch"), ordering="n_packing")
    def packing(self, row: Any) -> int:
        return row.n_packing

    @admin.display(description=_("sent"), ordering="n_sent")
    def sent(self, row: Any) -> int:
        return row.n_sent

    @admin.display(description=_("came back"), ordering="n_came_back")
    def came_back(self, row: Any) -> int:
        return row.n_came_back

    @admin.display(description=_("passed on to another"), ordering="n_moved")
    def moved(self, row: Any) -> int:
        return row.n_moved

    @admin.display(description=_("money instead"), ordering="n_compensated")
    def compensated(self, row: Any) -> int:
        return row.n_compensated

    def panels(self, request: Any, row: Cycle) -> list[Panel]:
        rows = row.entitlements.select_related("holding__investor").order_by("state", "pk")[:SHOWN]
        return [
            Panel(
                _("Entitlements"),
                (_("entitlement"), _("holding"), _("investor"), _("quantity"), _("state")),
                [
                    (link(Entitlement, own.pk, own.pk), own.holding.reference, own.holding.investor.name,
                     own.quantity, own.get_state_display())
                    for own in rows
                ],
                numeric=frozenset({3}),
            ),
            Panel(
                _("Batches"),
                (_("batch"), _("made at"), _("made by")),
                [(link(Batch, own.pk, own.number), own.made_at, own.made_by)
                 for own in row.batches.select_related("made_by").order_by("number")],
            ),
        ]  # fmt: skip


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    """Parcels that were packed together."""

    list_display = ("id", "cycle", "number", "business", "made_by", "made_at")
    list_select_related = ("cycle", "business", "made_by")
    search_fields = ("business__slug",)
    ordering = ("-pk",)


@admin.register(Voucher)
class VoucherAdmin(ReadOnlyAdmin):
    """A voucher, what is left of it and how it was used. The code itself is not shown: it is worth money."""

    list_display = (
        "id", "business", money("value", _("value"), "JPY"), money("balance", _("left"), "JPY"), "valid_until",
    )  # fmt: skip
    list_select_related = ("business",)
    search_fields = ("business__slug", "=code")
    ordering = ("-pk",)
    fields = (
        "entitlement", "business", money("value", _("value"), "JPY"), money("balance", _("left"), "JPY"),
        "valid_until", "made_at",
    )  # fmt: skip

    def panels(self, request: Any, row: Voucher) -> list[Panel]:
        uses = Redemption.objects.filter(voucher=row).select_related("redeemed_by").order_by("pk")
        return [
            Panel(
                _("Uses"),
                (_("redeemed at"), _("amount (yen)"), _("redeemed by")),
                [(own.redeemed_at, own.amount, own.redeemed_by) for own in uses],
                numeric=frozenset({1}),
            )
        ]


class DoneeForm(AddressForm, forms.ModelForm):
    """A place and its address, part by part."""

    class Meta:
        model = Donee
        fields = ("name_en", "name_ja", "active")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        row = options.get("instance")
        if row is not None:
            options["initial"] = {**row.address, **(options.get("initial") or {})}
        super().__init__(*arguments, **options)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        try:
            self.instance.address = addresses.checked(self.address())
        except DomainError as error:
            refuse(self, error)
        return data


@admin.register(Donee)
class DoneeAdmin(StaffAdmin):
    """Schools and food banks to which rewards can be passed on."""

    edit_roles = (OPERATIONS, SUPPORT)
    form = DoneeForm
    list_display = ("name_en", "name_ja", "active")
    search_fields = ("name_en", "name_ja")
    ordering = ("pk",)
    fields = ("name_en", "name_ja", "active", *addresses.PARTS)

    def get_fields(self, request: Any, obj: Any = None) -> Any:
        return self.fields if self.has_change_permission(request, obj) else ("name_en", "name_ja", "active")


@admin.register(Letter)
class LetterAdmin(ReadOnlyAdmin):
    """What owners wrote to the holders of a fund."""

    list_display = ("fund", "moment", "written_by", "saved_at", "published_at")
    list_filter = ("moment",)
    list_select_related = ("fund", "written_by")
    search_fields = ("fund__slug", "text_en", "text_ja")
    ordering = ("-pk",)


class CallOffForm(ReasonForm):
    """Why, as those who have booked read it."""


def _call_off(row: Visit, *, actor: Any, at: datetime, reason: str) -> None:
    visits.call_off(row, reason=reason, actor=actor, at=at)


@admin.register(Visit)
class VisitAdmin(ReadOnlyAdmin):
    """A visit that holders may book, and who has."""

    list_display = ("title_en", "fund", "state", "starts_at", "seats", "taken")
    list_filter = ("state",)
    list_select_related = ("fund",)
    search_fields = ("title_en", "title_ja", "fund__slug")
    ordering = ("-starts_at", "-pk")
    acts = (
        Act(
            name="call_off",
            label=_("Call it off"),
            roles=(OPERATIONS, SUPPORT),
            run=_call_off,
            form=CallOffForm,
            when=lambda row: row.state == Visit.State.OPEN,
            explanation=_("Who has booked or waits reads the reason in a mail."),
            danger=True,
        ),
    )

    def panels(self, request: Any, row: Visit) -> list[Panel]:
        booked = row.bookings.select_related("holding__investor").order_by("asked_at", "pk")[:SHOWN]
        return [
            Panel(
                _("Bookings"),
                (_("holding"), _("investor"), _("seats"), _("state")),
                [
                    (own.holding.reference, own.holding.investor.name, own.seats, own.get_state_display())
                    for own in booked
                ],
                numeric=frozenset({2}),
            )
        ]


def _late() -> Any:
    waiting = Entitlement.objects.filter(cycle=OuterRef("pk"), state__in=[*TO_PACK, "packing"])
    return Cycle.objects.filter(Exists(waiting), dispatch_by__lt=clock.today_in())


for queue in (
    queues.Queue(
        key="rewards_proposed",
        label=_("Rewards that businesses propose"),
        model=Offer,
        rows=lambda: Offer.objects.filter(waiting=True, ended_at=None),
        roles=(REVIEWER, OPERATIONS),
    ),
    queues.Queue(
        key="rewards_complained",
        label=_("Parcels that went wrong, as their holders say"),
        model=Entitlement,
        rows=lambda: Entitlement.objects.exclude(parcel__complaint="").filter(parcel__isnull=False),
        roles=(OPERATIONS, SUPPORT),
    ),
    queues.Queue(
        key="rewards_late",
        label=_("Rewards that are late"),
        model=Cycle,
        rows=_late,
        since="dispatch_by",
        roles=(OPERATIONS, SUPPORT),
    ),
    queues.Queue(
        key="rewards_back",
        label=_("Rewards that came back"),
        model=Entitlement,
        rows=lambda: Entitlement.objects.filter(state=Entitlement.State.RETURNED),
        roles=(OPERATIONS, SUPPORT),
    ),
):
    queues.register(queue)
