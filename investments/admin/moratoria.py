"""Moratoria: payments of many funds put off, or periods not counted, with what that means for each (domain.md section
5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from businesses.models import Business, Disaster
from investments.distributions import moratorium
from investments.distributions.outlook import outlook
from investments.models import Fund, Moratorium, MoratoriumFund
from microfund.kernel import queues
from microfund.kernel.accounts.roles import FINANCE_CHECKER, FINANCE_MAKER, OPERATIONS
from microfund.kernel.acts import Act, ReasonForm, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, list_url
from microfund.kernel.errors import DomainError

from . import moratorium_effects


class MoratoriumForm(ReasonForm):
    """Which funds, which periods, and what becomes of them."""

    title = forms.CharField(
        label=_("Title"), max_length=120, help_text=_("For everybody to read: the event, with its place and date.")
    )
    action = forms.ChoiceField(label=_("What becomes of the periods"), choices=Moratorium.Action.choices)
    from_on = forms.DateField(label=_("Periods that end from"), widget=forms.DateInput(attrs={"type": "date"}))
    until_on = forms.DateField(label=_("until"), widget=forms.DateInput(attrs={"type": "date"}))
    disaster = forms.ModelChoiceField(
        label=_("Funds of this disaster"), queryset=Disaster.objects.order_by("-happened_on"), required=False
    )
    town = forms.CharField(
        label=_("of businesses in this town"), max_length=80, required=False, help_text=_("A part of its name.")
    )
    businesses = forms.CharField(
        label=_("of these businesses"), required=False, help_text=_("Names in their address, with commas between.")
    )
    but = forms.CharField(
        label=_("but not these funds"), required=False, help_text=_("Names in their address, with commas between.")
    )
    field_order = (
        "title", "action", "from_on", "until_on", "disaster", "town", "businesses", "but", "reason",
    )  # fmt: skip

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["reason"].max_length = 500
        self.fields["reason"].help_text = _("Holders, owners and the public read it.")

    def _names(self, field: str, model: Any) -> str:
        names = _split(self.cleaned_data[field])
        unknown = set(names) - set(model.objects.filter(slug__in=names).values_list("slug", flat=True))
        if unknown:
            raise forms.ValidationError(
                _("There is none of this name: %(names)s") % {"names": ", ".join(sorted(unknown))}
            )
        return ", ".join(names)

    def clean_businesses(self) -> str:
        return self._names("businesses", Business)

    def clean_but(self) -> str:
        return self._names("but", Fund)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not (data.get("disaster") or data.get("town") or data.get("businesses")):
            raise forms.ValidationError(_("Say which funds: by disaster, town or business."))
        return data


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _chosen(data: dict[str, Any]) -> list[Fund]:
    return list(
        moratorium.chosen(
            disaster=data["disaster"],
            town=data["town"],
            businesses=_split(data["businesses"]),
            but=_split(data["but"]),
        )
    )


def _prepare(row: None, *, actor: Any, at: datetime, **data: Any) -> None:
    funds = _chosen(data)
    wanted = {name: data[name] for name in ("title", "action", "from_on", "until_on", "reason")}
    moratorium.prepare(funds, actor=actor, at=at, **wanted)


def _preview(row: None, data: dict[str, Any]) -> list[Panel]:
    wanted = {name: data[name] for name in ("action", "from_on", "until_on")}
    if wanted["from_on"] > wanted["until_on"]:
        raise DomainError("dates", _("The first date lies after the last."), field="until_on")
    found = [outlook(fund, **wanted) for fund in _chosen(data)]
    if not any(own.periods for own in found):
        raise DomainError("nothing", _("No fund has a period that could be covered."))
    return moratorium_effects.panels(found)


def _approve(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> None:
    moratorium.approve(row, actor=actor, at=at, reason=reason)


def _withdraw(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> None:
    moratorium.withdraw(row, actor=actor, at=at, reason=reason)


def _prepare_end(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> None:
    moratorium.prepare_end(row, actor=actor, at=at, reason=reason)


def _withdraw_end(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> None:
    moratorium.withdraw_end(row, actor=actor, at=at, reason=reason)


def _end(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> None:
    moratorium.end(row, actor=actor, at=at, reason=reason)


def _ending(prepared: bool) -> Any:
    return lambda row: row.state == Moratorium.State.APPROVED and (row.end_maker_id is not None) == prepared


def _in(state: str) -> Any:
    return lambda row: row.state == state


@admin.register(Moratorium)
class MoratoriumAdmin(ReadOnlyAdmin):
    """What was decided for many funds after a disaster."""

    list_display = ("title", "action", "state", "from_on", "until_on", "maker", "prepared_at", "checker", "approved_at")
    list_filter = ("state", "action")
    list_select_related = ("maker", "checker")
    search_fields = ("title",)
    ordering = ("-pk",)
    fields = (
        "title", "reason", "action", "from_on", "until_on", "state", "maker", "prepared_at", "checker", "approved_at",
        "told_at", "end_maker", "end_prepared_at", "end_reason", "ended_by", "ended_at", "end_told_at",
    )  # fmt: skip
    list_acts = (
        Act(
            name="prepare",
            label=_("Prepare a moratorium"),
            roles=(FINANCE_MAKER, OPERATIONS),
            run=_prepare,
            form=MoratoriumForm,
            preview=_preview,
            explanation=_(
                "Payments of the chosen funds are put off, or their periods are not counted, whatever their reports "
                "ask for. Another person approves it, then each fund has its own step."
            ),
            confirm=True,
            danger=True,
        ),
    )
    acts = (
        moratorium_effects.HOLDERS,
        Act(
            name="approve",
            label=_("Approve"),
            roles=(FINANCE_CHECKER,),
            run=_approve,
            form=RemarkForm,
            when=_in(Moratorium.State.PREPARED),
            explanation=_(
                "From then on it is in force; holders and owners are told once every fund has had its step. Nobody may "
                "approve what they prepared themselves. The figures below are those of now."
            ),
            confirm=True,
            danger=True,
        ),
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER, OPERATIONS),
            run=_withdraw,
            when=_in(Moratorium.State.PREPARED),
            danger=True,
        ),
        Act(
            name="prepare_end",
            label=_("End it early"),
            roles=(FINANCE_MAKER, OPERATIONS),
            run=_prepare_end,
            when=_ending(False),
            explanation=_(
                "Once another person has approved it, periods that are not decided yet pay again as their reports say,"
                " and the businesses owe it. Everybody is told, with this reason."
            ),
            confirm=True,
        ),
        Act(
            name="end",
            label=_("Approve the end"),
            roles=(FINANCE_CHECKER,),
            run=_end,
            form=RemarkForm,
            when=_ending(True),
            explanation=_(
                "Periods that are not decided yet pay again as their reports say. Everybody is told, with the reason"
                " that was given. Nobody may approve what they prepared themselves."
            ),
            confirm=True,
            danger=True,
        ),
        Act(
            name="withdraw_end",
            label=_("Do not end it"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER, OPERATIONS),
            run=_withdraw_end,
            when=_ending(True),
        ),
    )

    def facts(self, row: Moratorium) -> list[tuple[Any, Any]]:
        return [
            (_("title"), row.title),
            (_("reason"), row.reason),
            (_("action"), row.get_action_display()),
            (_("periods that end from"), row.from_on),
            (_("until"), row.until_on),
            (_("funds"), row.funds.count()),
            (_("prepared by"), row.maker),
            *(
                [(_("end prepared by"), row.end_maker), (_("reason of the end"), row.end_reason)]
                if row.end_maker
                else []
            ),
        ]

    def panels(self, request: Any, row: Moratorium) -> list[Panel]:
        parts = row.funds.select_related("fund__business").order_by("pk")
        steps = Panel(
            _("Steps"),
            (_("fund"), _("state"), _("error")),
            [(link(MoratoriumFund, own.pk, own.fund.slug), own.get_state_display(), own.error) for own in parts],
            more_url=list_url(MoratoriumFund, f"moratorium__id__exact={row.pk}"),
        )
        if row.state != Moratorium.State.PREPARED:
            return [steps]
        return [steps, *moratorium_effects.panels(moratorium_effects.outlooks(row))]


def _leave_out(row: MoratoriumFund, *, actor: Any, at: datetime, reason: str) -> None:
    moratorium.leave_out(row, actor=actor, at=at, reason=reason)


@admin.register(MoratoriumFund)
class MoratoriumFundAdmin(ReadOnlyAdmin):
    """One fund of a moratorium and its step."""

    list_display = ("moratorium", "fund", "state", "error")
    list_filter = ("state",)
    list_select_related = ("moratorium", "fund")
    search_fields = ("fund__slug",)
    ordering = ("-pk",)
    acts = (
        Act(
            name="leave_out",
            label=_("Leave this fund out"),
            roles=(FINANCE_CHECKER,),
            run=_leave_out,
            when=lambda row: row.state == MoratoriumFund.State.WAITING and bool(row.error),
            explanation=_("Its step fails: the others are told without it, and it pays as its reports say."),
            danger=True,
        ),
    )

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup == "moratorium__id__exact" or super().lookup_allowed(lookup, value, request)


for queue in (
    queues.Queue(
        key="moratoria_to_approve",
        label=_("Moratoria to approve"),
        model=Moratorium,
        rows=lambda: Moratorium.objects.filter(state=Moratorium.State.PREPARED),
        since="prepared_at",
        roles=(FINANCE_CHECKER,),
    ),
    queues.Queue(
        key="moratorium_ends",
        label=_("Ends of moratoria to approve"),
        model=Moratorium,
        rows=lambda: Moratorium.objects.filter(state=Moratorium.State.APPROVED, end_maker__isnull=False),
        since="end_prepared_at",
        roles=(FINANCE_CHECKER,),
    ),
    queues.Queue(
        key="moratorium_steps_failed",
        label=_("Steps of moratoria that fail"),
        model=MoratoriumFund,
        rows=lambda: MoratoriumFund.objects.filter(state=MoratoriumFund.State.WAITING).exclude(error=""),
        since="moratorium__approved_at",
        roles=(FINANCE_CHECKER,),
    ),
):
    queues.register(queue)
