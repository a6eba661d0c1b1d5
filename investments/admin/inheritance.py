"""A death and the heirs in the staff console (pages.md S8): recorded, proposed by one person, approved by another."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.inheritance import services
from investments.models import Holding, Inheritance, Investor
from microfund.kernel import queues
from microfund.kernel.accounts.roles import FINANCE_CHECKER, OPERATIONS, REVIEWER, SUPPORT
from microfund.kernel.acts import Act, ReasonForm, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link


class DeathForm(ReasonForm):
    """When, and by which document it is known."""

    died_on = forms.DateField(label=_("Died on"), widget=forms.DateInput(attrs={"type": "date"}))
    field_order = ("died_on", "reason")


def _died(investor: Investor, *, actor: Any, at: datetime, died_on: date, reason: str) -> None:
    services.record_death(investor, died_on=died_on, actor=actor, at=at, reason=reason)


def _alive(investor: Investor, *, actor: Any, at: datetime, reason: str) -> None:
    services.undo_death(investor, actor=actor, at=at, reason=reason)


#: On the page of an investor.
DIED = Act(
    name="died",
    label=_("Record a death"),
    roles=(SUPPORT, OPERATIONS),
    run=_died,
    form=DeathForm,
    when=lambda investor: investor.died_on is None and investor.kind == Investor.Kind.PERSON,
    explanation=_(
        "The login ends and the holdings freeze: what they pay is kept, rewards stop. Say which document shows it."
    ),
    confirm=True,
    danger=True,
)
ALIVE = Act(
    name="alive",
    label=_("The death was recorded by mistake"),
    roles=(OPERATIONS,),
    run=_alive,
    when=lambda investor: (
        investor.died_on is not None
        and not Inheritance.objects.filter(holding__investor=investor).exclude(state="withdrawn").exists()
    ),
    explanation=_("The login works again, and the holdings thaw."),
    confirm=True,
)


class HeirsForm(ReasonForm):
    """Who gets how many units, and who receives what is still to be paid. The heirs are found by e-mail address."""

    shares = forms.CharField(
        label=_("Heirs"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One on each line: the e-mail address of their login, a space, the number of units."),
    )
    payee = forms.EmailField(
        label=_("Receives what is still to be paid"),
        help_text=_("The e-mail address of one of them: whom the heirs have named for it."),
    )
    field_order = ("shares", "payee", "reason")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for line in filter(str.strip, data.get("shares", "").splitlines()):
            words = line.split()
            if len(words) != 2 or not words[1].isdecimal():
                self.add_error("shares", _("“%(line)s” is not an address and a number of units.") % {"line": line})
                return data
            self._require_investor(words[0], "shares")
        if "payee" in data:
            self._require_investor(data["payee"], "payee")
        return data

    def _require_investor(self, email: str, field: str) -> None:
        if not Investor.objects.filter(user__email__iexact=email).exists():
            self.add_error(field, _("Nobody of this address is an investor here: %(email)s") % {"email": email})


def _people(text: str) -> dict[int, int]:
    """Units by investor from the form's lines, which it has checked."""
    shares: dict[int, int] = {}
    for line in filter(str.strip, text.splitlines()):
        email, units = line.split()
        heir = Investor.objects.get(user__email__iexact=email)
        shares[heir.pk] = shares.get(heir.pk, 0) + int(units)
    return shares


def _inherit(holding: Holding, *, actor: Any, at: datetime, shares: str, payee: str, reason: str) -> None:
    payee_id = Investor.objects.get(user__email__iexact=payee).pk
    services.prepare(holding, shares=_people(shares), payee_id=payee_id, actor=actor, at=at, reason=reason)


def _who(holding: Holding, data: dict[str, Any]) -> list[Panel]:
    """The heirs by name, for the page that asks once more."""
    shares = _people(data["shares"])
    people = Investor.objects.in_bulk(list(shares))
    rows = [(people[pk].name, people[pk].get_identity_state_display(), units) for pk, units in shares.items()]
    return [Panel(_("Heirs"), (_("heir"), _("identity check"), _("units")), rows, numeric=frozenset({2}))]


#: On the page of a holding.
INHERIT = Act(
    name="inherit",
    label=_("Move the units to heirs"),
    roles=(SUPPORT, OPERATIONS),
    run=_inherit,
    form=HeirsForm,
    preview=_who,
    when=lambda holding: (
        holding.investor.died_on is not None
        and holding.units > 0
        and not holding.inheritances.exclude(state="withdrawn").exists()
    ),
    explanation=_(
        "All units of the holding, whole ones. Each heir must be a verified investor; limits of a person do not apply. "
        "Another person approves it."
    ),
    confirm=True,
)


def _approve(row: Inheritance, *, actor: Any, at: datetime, reason: str) -> None:
    services.approve(row, actor=actor, at=at, reason=reason)


def _withdraw(row: Inheritance, *, actor: Any, at: datetime, reason: str) -> None:
    services.withdraw(row, actor=actor, at=at, reason=reason)


@admin.register(Inheritance)
class InheritanceAdmin(ReadOnlyAdmin):
    """The units of a deceased person's holding on their way to the heirs."""

    list_display = ("holding", "state", "units", "payee", "prepared_at", "moved_on")
    list_filter = ("state",)
    list_select_related = ("holding", "payee")
    search_fields = ("holding__reference", "holding__investor__name", "shares__heir__name")
    ordering = ("-pk",)
    fields = (
        "holding", "state", "units", "payee", "reason", "maker", "prepared_at", "checker", "approved_at", "moved_on",
    )  # fmt: skip
    acts = (
        Act(
            name="approve",
            label=_("Approve"),
            roles=(FINANCE_CHECKER, REVIEWER),
            run=_approve,
            form=RemarkForm,
            when=lambda row: row.state == Inheritance.State.PREPARED,
            explanation=_("The units move today; what earlier record dates pay goes to the heir who was named for it."),
            confirm=True,
        ),
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(SUPPORT, OPERATIONS, FINANCE_CHECKER, REVIEWER),
            run=_withdraw,
            when=lambda row: row.state == Inheritance.State.PREPARED,
            danger=True,
        ),
    )

    def facts(self, row: Inheritance) -> list[tuple[Any, Any]]:
        shares = row.shares.select_related("heir").order_by("pk")
        return [
            (_("holding"), row.holding.reference),
            (_("deceased"), row.holding.investor.name),
            (_("units"), row.units),
            *((share.heir.name, share.units) for share in shares),
            (_("receives what is still to be paid"), row.payee.name),
        ]

    def panels(self, request: Any, row: Inheritance) -> list[Panel]:
        shares = row.shares.select_related("heir").order_by("pk")
        return [
            Panel(
                _("Heirs"),
                (_("heir"), _("identity check"), _("units")),
                [
                    (link(Investor, own.heir_id, own.heir.name), own.heir.get_identity_state_display(), own.units)
                    for own in shares
                ],
                numeric=frozenset({2}),
            )
        ]


queues.register(
    queues.Queue(
        key="inheritances",
        label=_("Inheritances to be approved"),
        model=Inheritance,
        rows=lambda: Inheritance.objects.filter(state=Inheritance.State.PREPARED),
        since="prepared_at",
        roles=(FINANCE_CHECKER, REVIEWER),
    )
)
