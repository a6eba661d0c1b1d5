"""Policy profiles and tax rates: new versions are added, old ones never change (domain.md section 2)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.models import PolicyProfile, TaxRate
from microfund.kernel import clock
from microfund.kernel.accounts.roles import FINANCE_CHECKER
from microfund.kernel.admin import StaffAdmin


def _from_today_on(day: date) -> date:
    if day < clock.today_in():
        raise forms.ValidationError(_("What has happened was judged by the rules of its day: choose today or later."))
    return day


class AddOnlyAdmin(StaffAdmin):
    """Versions: added by the finance checker, changed by nobody."""

    edit_roles = (FINANCE_CHECKER,)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False


class PolicyForm(forms.ModelForm):
    """A new version: like the newest one, from a day on that is not over."""

    class Meta:
        model = PolicyProfile
        exclude = ("version",)  # noqa: DJ006 - every rule of the house stands on the form

    def clean_effective_from(self) -> date:
        return _from_today_on(self.cleaned_data["effective_from"])


@admin.register(PolicyProfile)
class PolicyProfileAdmin(AddOnlyAdmin):
    """The house's rules by version; a fund freezes its version at opening."""

    form = PolicyForm
    list_display = ("version", "effective_from", "reason", "units_per_person", "cooling_off_days", "payment_methods")
    ordering = ("-version",)

    def get_changeform_initial_data(self, request: Any) -> dict[str, Any]:
        newest = PolicyProfile.objects.order_by("-version").first()
        if newest is None:
            return {}
        names = [field.name for field in PolicyProfile._meta.fields if field.name not in ("id", "version", "reason")]
        return {name: getattr(newest, name) for name in names} | {"effective_from": clock.today_in()}

    def save_model(self, request: Any, obj: PolicyProfile, form: Any, change: bool) -> None:
        newest = PolicyProfile.objects.order_by("-version").values_list("version", flat=True).first()
        obj.version = (newest or 0) + 1
        super().save_model(request, obj, form, change)


class TaxRateForm(forms.ModelForm):
    """A rate from a day on that is not over."""

    class Meta:
        model = TaxRate
        fields = ("kind", "payee_class", "valid_from", "rate")

    def clean_valid_from(self) -> date:
        return _from_today_on(self.cleaned_data["valid_from"])


@admin.register(TaxRate)
class TaxRateAdmin(AddOnlyAdmin):
    """Withholding and consumption tax by date."""

    form = TaxRateForm
    list_display = ("kind", "payee_class", "valid_from", "rate")
    list_filter = ("kind",)
    ordering = ("kind", "payee_class", "-valid_from")
