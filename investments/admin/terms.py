"""Terms: typed in while the fund is a draft, amended by an act once they are frozen (domain.md section 3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from investments.models import Fund, Terms
from investments.offerings import services as offerings
from microfund.kernel.accounts.roles import OPERATIONS, REVIEWER
from microfund.kernel.acts import ReasonForm
from microfund.kernel.admin import StaffInline
from microfund.kernel.errors import DomainError

from .forms import clean_caps, clean_plan, clean_risks, clean_uses

EDITABLE = (Fund.State.DRAFT, Fund.State.IN_REVIEW)


class AmendForm(ReasonForm):
    """What may be amended of an opened fund's terms; the money of a unit never changes."""

    plan_revenue = forms.JSONField(label=_("planned revenue by period"))
    uses = forms.JSONField(label=_("use of funds"), required=False)
    risks = forms.JSONField(label=_("risks"))
    revenue_basis_en = forms.CharField(label=_("revenue basis (English)"), max_length=200)
    revenue_basis_ja = forms.CharField(label=_("revenue basis (Japanese)"), max_length=200)
    field_order = (*offerings.AMENDABLE, "reason")

    def clean_plan_revenue(self) -> list[int]:
        return clean_plan(self.cleaned_data["plan_revenue"])

    def clean_uses(self) -> list[Any]:
        return clean_uses(self.cleaned_data["uses"])

    def clean_risks(self) -> list[Any]:
        return clean_risks(self.cleaned_data["risks"])


def amendable(fund: Fund) -> dict[str, Any]:
    terms = offerings.current_terms(fund)
    return {name: getattr(terms, name) for name in offerings.AMENDABLE}


def amend(fund: Fund, *, actor: Any, at: datetime, reason: str, **values: Any) -> None:
    now = amendable(fund)
    changes = {name: value for name, value in values.items() if value != now[name]}
    if not changes:
        raise DomainError("unchanged", _("Nothing was changed: there is no new version to make."))
    offerings.amend_terms(fund, changes=changes, actor=actor, at=at, reason=reason)


class TermsForm(forms.ModelForm):
    """Terms of a draft: lists may still be empty (what forbids opening is said when the fund is scheduled)."""

    class Meta:
        model = Terms
        exclude = ("version", "reason", "frozen_at")  # noqa: DJ006 - all that terms say stands on the form

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("plan_revenue", "uses", "risks"):
            self.fields[name].required = False

    def clean_plan_revenue(self) -> list[int]:
        return clean_plan(self.cleaned_data["plan_revenue"])

    def clean_uses(self) -> list[Any]:
        return clean_uses(self.cleaned_data["uses"])

    def clean_risks(self) -> list[Any]:
        return clean_risks(self.cleaned_data["risks"])

    def clean_period_cap(self) -> list[int | None] | None:
        return clean_caps(self.cleaned_data["period_cap"])


class TermsInline(StaffInline):
    """Draft terms are edited with their fund; frozen ones are only shown."""

    model = Terms
    form = TermsForm
    edit_roles = (REVIEWER, OPERATIONS)
    template = "admin/edit_inline/stacked.html"
    max_num = 1
    min_num = 1

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and (obj is None or obj.state in EDITABLE)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state in EDITABLE)
