"""Entitlements in the staff console: what became of a parcel, where it goes instead, and what is paid instead."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from investments.investors.address_forms import AddressForm
from microfund.kernel import clock
from microfund.kernel.accounts.roles import OPERATIONS, SUPPORT
from microfund.kernel.acts import Act, ReasonForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link
from microfund.kernel.money import format_money

from . import compensation, fulfilment, reassign
from .claims import Choice
from .models import Batch, Compensation, Cycle, Donee, Entitlement, Parcel, Voucher


def _export(row: Cycle, *, actor: Any, at: datetime) -> HttpResponse:
    """A season's entitlements as CSV, without names and addresses."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow(["entitlement", "holding", "quantity", "state", "claimed_on", "prefecture", "batch", "sent_on"])
    for own in row.entitlements.select_related("holding", "parcel__batch").order_by("pk").iterator(chunk_size=2_000):
        parcel = getattr(own, "parcel", None)
        facts = ["", "", "", ""]
        if parcel is not None:
            batch = parcel.batch.number if parcel.batch else ""
            facts = [clock.today_in(None, parcel.claimed_at), parcel.prefecture, batch, parcel.shipped_on or ""]
        writer.writerow([own.pk, own.holding.reference, own.quantity, own.state, *facts])
    answer = HttpResponse(lines.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="season-{row.pk}.csv"'
    return answer


#: On the page of a season.
EXPORT = Act(
    name="export",
    label=_("Take the season as CSV"),
    roles=(OPERATIONS, SUPPORT),
    run=_export,
    form=forms.Form,
    explanation=_("Every entitlement with its state, without names and addresses."),
    audit="rewards.Cycle.exported",
)


class RedirectForm(AddressForm):
    """Where it goes instead: an address, or a place that rewards are passed on to."""

    donee = forms.ModelChoiceField(label=_("School or food bank"), queryset=None, required=False)
    gift = forms.BooleanField(label=_("It is a gift for somebody else"), required=False)
    card = forms.CharField(label=_("Words on the card"), max_length=200, required=False)
    allergies = forms.CharField(label=_("Allergies"), max_length=200, required=False)
    of_age = forms.BooleanField(label=_("Whoever receives it is 20 or over"), required=False)
    reason = forms.CharField(label=_("Reason, as the holder reads it"), max_length=200)
    field_order = (
        "donee", "name", "postal_code", "prefecture", "city", "street", "building", "phone", "gift", "card",
        "allergies", "of_age", "reason",
    )  # fmt: skip

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["donee"].queryset = Donee.objects.filter(active=True).order_by("pk")  # type: ignore[attr-defined]
        for name in ("name", "postal_code", "prefecture", "city", "street", "phone"):
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        donee = data.get("donee")
        choice = Choice(
            address=self.address(),
            donee_id=donee.pk if donee else None,
            gift=bool(data.get("gift")),
            card=data.get("card", ""),
            of_age=bool(data.get("of_age")),
            allergies=data.get("allergies", ""),
        )
        return {"choice": choice, "reason": data.get("reason", "")}


def _redirect(row: Entitlement, *, actor: Any, at: datetime, choice: Choice, reason: str) -> None:
    reassign.redirect(row.pk, choice, actor=actor, at=at, reason=reason)


def _to_next_batch(row: Entitlement, *, actor: Any, at: datetime, reason: str) -> None:
    reassign.to_next_batch(row.pk, actor=actor, at=at, reason=reason)


class ExchangeForm(forms.Form):
    """Which season's reward is given instead; `initial["seasons"]` are those of the same value."""

    season = forms.ModelChoiceField(label=_("Instead"), queryset=Cycle.objects.none())
    reason = forms.CharField(label=_("Reason, as the holder reads it"), max_length=200)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["season"].queryset = self.initial.pop("seasons", Cycle.objects.none())  # type: ignore[attr-defined]
        self.fields["season"].label_from_instance = lambda own: (  # type: ignore[attr-defined]
            f"{own.offer.text_ja} ({format_money(own.offer.value)}, {own.opens_on})"
        )


def _seasons(row: Entitlement) -> dict[str, Any]:
    return {"seasons": reassign.seasons_instead(row, on=clock.today_in())}


def _exchange(row: Entitlement, *, actor: Any, at: datetime, season: Cycle, reason: str) -> None:
    reassign.exchange(row.pk, season, actor=actor, at=at, reason=reason)


class CompensateForm(forms.Form):
    """How much, and why, as the holder reads it."""

    amount = forms.IntegerField(label=_("Amount (yen)"), min_value=1)
    reason = forms.CharField(label=_("Reason, as the holder reads it"), max_length=200)


def _compensate(row: Entitlement, *, actor: Any, at: datetime, amount: int, reason: str) -> None:
    compensation.prepare(row, amount=amount, actor=actor, at=at, reason=reason)


def _can_be_paid(row: Entitlement) -> bool:
    proposed = row.compensations.exclude(state=Compensation.State.WITHDRAWN)
    return row.state in compensation.COMPENSATES and row.value > 0 and not proposed.exists()


class SubstituteForm(forms.Form):
    """What is sent instead."""

    reason = forms.CharField(label=_("What is sent instead"), max_length=200)


def _substitute(row: Entitlement, *, actor: Any, at: datetime, reason: str) -> None:
    fulfilment.substitute(row.pk, note=reason, actor=actor, at=at)


class FailedForm(ReasonForm):
    """What became of a parcel."""

    problem = forms.ChoiceField(label=_("What happened"), choices=Parcel.Problem.choices)
    field_order = ("problem", "reason")


def _failed(row: Entitlement, *, actor: Any, at: datetime, problem: str, reason: str) -> None:
    fulfilment.report_problem(row.pk, problem=problem, note=reason, actor=actor, at=at)


@admin.register(Entitlement)
class EntitlementAdmin(ReadOnlyAdmin):
    """What one holding may claim of one cycle, and how it travels. Addresses are not shown here."""

    list_display = ("id", "cycle", "holding", "quantity", "state")
    list_filter = ("state",)
    list_select_related = ("cycle__offer", "holding")
    search_fields = ("holding__reference", "=parcel__tracking", "=voucher__code")
    ordering = ("-pk",)
    acts = (
        Act(
            name="failed",
            label=_("It did not arrive well"),
            roles=(SUPPORT, OPERATIONS),
            run=_failed,
            form=FailedForm,
            when=lambda row: row.state in ("shipped", "delivered"),
            explanation=_("The investor is told and says where it should go now."),
        ),
        Act(
            name="substitute",
            label=_("Something else is sent"),
            roles=(SUPPORT, OPERATIONS),
            run=_substitute,
            form=SubstituteForm,
            when=lambda row: row.state == Entitlement.State.RETURNED,
            explanation=_("Settles a reward that came back or was lost, in your words."),
        ),
        Act(
            name="redirect",
            label=_("Send it elsewhere"),
            roles=(SUPPORT, OPERATIONS),
            run=_redirect,
            form=RedirectForm,
            when=lambda row: row.state in reassign.REDIRECTS,
            explanation=_("To another address, somebody else, or a place that rewards are passed on to."),
        ),
        Act(
            name="next_batch",
            label=_("Take it out of its batch"),
            roles=(SUPPORT, OPERATIONS),
            run=_to_next_batch,
            when=lambda row: row.state == Entitlement.State.PACKING,
            explanation=_("It goes with the next batch; until then it can be sent elsewhere."),
        ),
        Act(
            name="exchange",
            label=_("Give another reward of the same value"),
            roles=(SUPPORT, OPERATIONS),
            run=_exchange,
            form=ExchangeForm,
            initial=_seasons,
            when=lambda row: row.state in reassign.EXCHANGES,
            explanation=_("Another season or reward of the same fund. What was not sent is in stock again."),
        ),
        Act(
            name="compensate",
            label=_("Propose money instead"),
            roles=(SUPPORT, OPERATIONS),
            run=_compensate,
            form=CompensateForm,
            initial=lambda row: {"amount": row.value},
            when=_can_be_paid,
            explanation=_("At most what it is worth. Another person approves it; the business then owes it."),
            confirm=True,
        ),
    )

    def panels(self, request: Any, row: Entitlement) -> list[Panel]:
        parcel = Parcel.objects.filter(entitlement=row).select_related("donee", "batch").first()
        voucher = Voucher.objects.filter(entitlement=row).first()
        facts = []
        if parcel is not None:
            facts = [
                (_("claimed at"), parcel.claimed_at),
                (_("prefecture"), parcel.prefecture or "–"),
                (_("passed on to"), parcel.donee or "–"),
                (_("batch"), link(Batch, parcel.batch_id, parcel.batch_id) if parcel.batch_id else "–"),
                (_("carrier"), parcel.carrier or "–"),
                (_("tracking number"), parcel.tracking or "–"),
                (_("sent on"), parcel.shipped_on or "–"),
                (_("problem"), parcel.get_problem_display() or "–"),
                (_("remark"), parcel.note or "–"),
                (_("its holder says"), f"{parcel.get_complaint_display()} {parcel.complaint_note}".strip() or "–"),
            ]
        found = [Panel(_("Parcel"), (_("what"), ""), facts)]
        if voucher is not None:
            found.append(Panel(_("Voucher"), (_("what"), ""), [(_("voucher"), link(Voucher, voucher.pk, voucher.pk))]))
        others = [*([row.replaces] if row.replaces else []), *row.replaced_by.order_by("pk")]
        if others:
            found.append(
                Panel(
                    _("Made of it, or of what it was made"),
                    (_("entitlement"), _("season"), _("holding"), _("quantity"), _("state")),
                    [
                        (
                            link(Entitlement, own.pk, own.pk),
                            own.cycle,
                            own.holding.reference,
                            own.quantity,
                            own.get_state_display(),
                        )
                        for own in others
                    ],
                    numeric=frozenset({3}),
                )
            )
        paid = list(row.compensations.order_by("pk"))
        if paid:
            found.append(
                Panel(
                    _("Money instead"),
                    (_("compensation"), _("amount"), _("state"), _("reason")),
                    [
                        (
                            link(Compensation, own.pk, own.pk),
                            format_money(own.amount),
                            own.get_state_display(),
                            own.reason,
                        )
                        for own in paid
                    ],
                    numeric=frozenset({1}),
                )
            )
        return found
