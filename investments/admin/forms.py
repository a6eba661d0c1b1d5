"""Forms of the acts that move money."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from investments.models import Order
from microfund.kernel import clock
from microfund.kernel.acts import ReasonForm

ACCOUNT_TYPES = (("1", _("ordinary")), ("2", _("current")), ("4", _("savings")), ("9", _("other")))


def _digits(count: int) -> RegexValidator:
    return RegexValidator(rf"\A[0-9]{{{count}}}\Z", _("Enter %(count)d digits.") % {"count": count})


class TransferForm(ReasonForm):
    """A transfer that was made at the bank: to which account, when, under which reference."""

    bank = forms.CharField(label=_("Bank number"), max_length=4, validators=[_digits(4)])
    branch = forms.CharField(label=_("Branch number"), max_length=3, validators=[_digits(3)])
    type = forms.ChoiceField(label=_("Account type"), choices=ACCOUNT_TYPES)
    number = forms.CharField(label=_("Account number"), max_length=7, validators=[_digits(7)])
    holder = forms.CharField(label=_("Account holder in kana"), max_length=60, help_text=_("It must be the payer."))
    transferred_on = forms.DateField(
        label=_("Transfer date"), widget=forms.DateInput(attrs={"type": "date"}), initial=clock.today_in
    )
    bank_reference = forms.CharField(label=_("Bank's reference"), max_length=60)
    field_order = ("bank", "branch", "type", "number", "holder", "transferred_on", "bank_reference", "reason")

    def clean_transferred_on(self) -> Any:
        day = self.cleaned_data["transferred_on"]
        if day > clock.today_in():
            raise forms.ValidationError(_("The transfer date has not come yet."))
        return day


class AmountTransferForm(TransferForm):
    """A transfer of a part."""

    amount = forms.IntegerField(label=_("Amount (yen)"), min_value=1)
    field_order = ("amount", *TransferForm.field_order)


PAYEE = ("bank", "branch", "type", "number", "holder")


def payee_of(values: dict[str, Any]) -> dict[str, str]:
    """Take the account out of a form's values: {"bank", "branch", "type", "number", "holder"}."""
    return {name: values.pop(name) for name in PAYEE}


class OrderForm(ReasonForm):
    """The order that a receipt pays, by its reference."""

    order = forms.CharField(label=_("Order reference"), max_length=20)
    field_order = ("order", "reason")

    def clean_order(self) -> str:
        reference = self.cleaned_data["order"].strip().upper()
        if not Order.objects.filter(reference=reference).exists():
            raise forms.ValidationError(_("There is no order with this reference."))
        return reference


class StatementForm(forms.Form):
    """A statement of the operator's bank."""

    MAX_BYTES = 5 * 1024 * 1024

    file = forms.FileField(label=_("Statement file"), help_text=_("CSV or Zengin deposit records, at most 5 MB."))
    format = forms.ChoiceField(
        label=_("Format"), choices=(("auto", _("find out")), ("csv", "CSV"), ("zengin", "Zengin")), initial="auto"
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > self.MAX_BYTES:
            raise forms.ValidationError(_("The file is larger than 5 MB."))
        return file
