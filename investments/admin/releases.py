"""Money to the business and to the tax office: both leave by an outgoing transfer of two people (domain.md section
7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.models import Fund, Release
from investments.payouts import release
from microfund.kernel.accounts.roles import FINANCE_MAKER
from microfund.kernel.acts import Act
from microfund.kernel.admin import Panel, ReadOnlyAdmin, money

from .forms import AmountPayeeForm, payee_of
from .journal import subject_panel


class ReleaseForm(AmountPayeeForm):
    """Which part, how much, to which account of the business."""

    part = forms.ChoiceField(label=_("Part"), choices=Release.Part.choices, widget=forms.RadioSelect)
    field_order = ("part", *AmountPayeeForm.field_order)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["holder"].help_text = _("It must be the business.")


def _release(fund: Fund, *, actor: Any, at: datetime, **values: Any) -> None:
    release.prepare(fund, payee=payee_of(values), actor=actor, at=at, **values)


#: On the page of a fund.
RELEASE = Act(
    name="release",
    label=_("Release money to the business"),
    roles=(FINANCE_MAKER,),
    run=_release,
    form=ReleaseForm,
    when=lambda fund: any(release.releasable(fund, part) for part in Release.Part.values),
    explanation=_(
        "Donations once the fund has succeeded, the investment once its term has begun. It is transferred after "
        "another person approved it."
    ),
    confirm=True,
)


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    """Money released to a business."""

    list_display = (
        "fund", "part", money("amount", _("amount"), "JPY"), "created_at", "released_on", "withdrawn_at",
    )  # fmt: skip
    list_filter = ("part",)
    list_select_related = ("fund",)
    search_fields = ("fund__slug",)
    ordering = ("-pk",)

    def panels(self, request: Any, row: Release) -> list[Panel]:
        return [subject_panel(f"release:{row.pk}")]
