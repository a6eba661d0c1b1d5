"""The form of an investor's bank account, after bank and branch were chosen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from investments.investors.models import Investor
from microfund.kernel.errors import DomainError

from . import accounts
from .models import BankAccount


class AccountForm(forms.Form):
    """Kind, number and holder; the same rules as the service that saves them."""

    kind = forms.ChoiceField(
        label=_("Account type"),
        choices=BankAccount.Kind.choices,
        initial=BankAccount.Kind.ORDINARY,
        widget=forms.RadioSelect,
    )
    number = forms.CharField(
        label=_("Account number"),
        max_length=20,
        help_text=_("Seven digits. It is stored encrypted; later only its last three digits are shown."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    holder = forms.CharField(
        label=_("Account holder in katakana"),
        max_length=60,
        help_text=_("As the bank prints it. The account must be in your own name."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *arguments: Any, investor: Investor, **options: Any) -> None:
        self.investor = investor
        super().__init__(*arguments, **options)

    def clean_number(self) -> str:
        return self._by(accounts.number_of, self.cleaned_data["number"])

    def clean_holder(self) -> str:
        return self._by(accounts.holder_of, self.cleaned_data["holder"], self.investor)

    @staticmethod
    def _by(rule: Any, *arguments: Any) -> Any:
        try:
            return rule(*arguments)
        except DomainError as error:
            raise ValidationError(error.message, code=error.code) from None
