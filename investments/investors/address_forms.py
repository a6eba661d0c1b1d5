"""The form of an address that parcels go to, for the address book and for claiming a reward."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .addresses import PARTS
from .prefectures import choices as prefecture_choices
from .rules import LONGEST


def _text(label: Any, autocomplete: str, *, required: bool = True, help_text: Any = "", **attributes: str) -> Any:
    widget = forms.TextInput(attrs={"autocomplete": autocomplete, **attributes})
    return forms.CharField(label=label, required=required, help_text=help_text, max_length=LONGEST, widget=widget)


class AddressForm(forms.Form):
    """A name and an address in Japan. What is wrong with a field, the service says (`addresses.checked`)."""

    name = _text(_("Name on the parcel"), "name")
    postal_code = _text(
        _("Postal code"), "postal-code", help_text=_("Seven digits, like 980-0811."), inputmode="numeric"
    )
    prefecture = forms.ChoiceField(
        label=_("Prefecture"),
        choices=prefecture_choices,
        widget=forms.Select(attrs={"autocomplete": "address-level1"}),
    )
    city = _text(_("City or town"), "address-level2")
    street = _text(_("Street and number"), "address-line1")
    building = _text(_("Building and room"), "address-line2", required=False)
    phone = _text(_("Telephone"), "tel", help_text=_("For the carrier alone."), type="tel")

    def address(self) -> dict[str, str]:
        """What was given, by part."""
        return {name: self.cleaned_data.get(name, "") for name in PARTS}


class KeptAddressForm(AddressForm):
    """The same under a name of one's own, as the address book keeps it."""

    label = forms.CharField(label=_("What you call it"), max_length=40, help_text=_("“Home”, “Mother”, “Office”."))
    field_order = ("label",)
