"""The forms of rewards: a claim, and what an owner does with a batch and at the till."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from investments.investors import addresses
from investments.investors.address_forms import AddressForm
from investments.models import Investor

from .claims import NAME_LENGTH, Choice
from .models import Carrier, Donee, Entitlement, Offer, Parcel
from .queries import days_to_wish

NEW, OWN, PASS_ON = "new", "own", "pass_on"


class ClaimForm(AddressForm):
    """Where a reward should go. A new address is only asked for where it is chosen; what is wrong with it, the service
    says by field."""

    to = forms.ChoiceField(label=_("Where should it go?"), widget=forms.RadioSelect)
    donee = forms.ChoiceField(label=_("School or food bank"), required=False)
    keep_as = forms.CharField(
        label=_("Keep the address as"), max_length=40, required=False, help_text=_("Optional: “Mother”, “Office”.")
    )
    gift = forms.BooleanField(label=_("It is a gift for somebody else"), required=False)
    card = forms.CharField(label=_("Words on the card"), max_length=200, required=False)
    wish_on = forms.ChoiceField(label=_("Send it on about"), required=False)
    allergies = forms.CharField(
        label=_("Allergies that the business should know of"),
        max_length=200,
        required=False,
        help_text=_("Optional. Only whoever packs it reads this, and it is erased with the address."),
    )
    read_allergens = forms.BooleanField(label=_("Whoever receives it knows the allergens named above"), required=False)
    of_age = forms.BooleanField(label=_("Whoever receives it is 20 or over"), required=False)
    field_order = (
        "to", "name", "postal_code", "prefecture", "city", "street", "building", "phone", "keep_as", "donee", "gift",
        "card", "wish_on", "allergies", "read_allergens", "of_age",
    )  # fmt: skip

    def __init__(self, *arguments: Any, row: Entitlement, investor: Investor, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.row, self.offer = row, row.cycle.offer
        self.known = {f"book-{own.pk}": own.address for own in investor.addresses.order_by("label")}
        registered = addresses.registered(investor)
        if registered:
            self.known = {OWN: registered, **self.known}
        labels = {f"book-{own.pk}": own.label for own in investor.addresses.all()} | {OWN: _("My registered address")}
        donees = [] if self.offer.adults_only else list(Donee.objects.filter(active=True).order_by("pk"))
        self.fields["to"].choices = [  # type: ignore[attr-defined]
            *((key, f"{labels[key]}: {_short(address)}") for key, address in self.known.items()),
            (NEW, _("Another address, given below")),
            *([(PASS_ON, _("Pass it on to a school or a food bank"))] if donees else []),
        ]
        for name in ("name", "postal_code", "prefecture", "city", "street", "phone"):
            self.fields[name].required = False
        # Who claims after everybody else gets it as soon as it can be sent.
        wishes = days_to_wish(row.cycle) if row.claim_by is None else []
        self.fields["wish_on"].choices = [  # type: ignore[attr-defined]
            ("", _("any day")),
            *((day.isoformat(), date_format(day, "DATE_FORMAT")) for day in wishes),
        ]
        self.fields["donee"].choices = [("", _("Please choose")), *((str(own.pk), str(own)) for own in donees)]  # type: ignore[attr-defined]
        drop = set()
        if self.offer.kind != Offer.Kind.GOODS:
            drop |= set(self.fields) - {"card", "of_age"}
        if not (self.offer.allergens_en or self.offer.allergens_ja):
            drop |= {"allergies", "read_allergens"}
        if self.offer.kind == Offer.Kind.ACKNOWLEDGEMENT:
            self.fields["card"].label = _("The name as it should stand there")
            self.fields["card"].max_length = NAME_LENGTH
            self.fields["card"].help_text = _(
                "Everybody reads it on the page of the business. You can change it later."
            )
        elif self.offer.kind != Offer.Kind.GOODS:
            drop.add("card")
        if not self.offer.adults_only:
            drop.add("of_age")
        if not wishes:
            drop.add("wish_on")
        if not donees:
            drop.add("donee")
        for name in drop:
            self.fields.pop(name, None)

    @property
    def address_fields(self) -> list[Any]:
        """The bound fields of a new address."""
        names = (*addresses.PARTS, "keep_as")
        return [self[name] for name in self.fields if name in names]

    @property
    def other_fields(self) -> list[Any]:
        """The bound fields after them."""
        names = ("to", *addresses.PARTS, "keep_as")
        return [self[name] for name in self.fields if name not in names]

    def choice(self) -> Choice:
        """What was chosen, as `claims.claim` takes it."""
        data = self.cleaned_data
        to = data.get("to", "")
        donee = data.get("donee") if to == PASS_ON else ""
        wish = self.fields["wish_on"].to_python(data["wish_on"]) if data.get("wish_on") else ""
        return Choice(
            address=self.known.get(to) or self.address(),
            donee_id=int(donee) if donee else (-1 if to == PASS_ON else None),
            gift=bool(data.get("gift")),
            card=data.get("card", ""),
            wish_on=forms.DateField().to_python(wish) if wish else None,
            of_age=bool(data.get("of_age")),
            read_allergens=bool(data.get("read_allergens")),
            allergies=data.get("allergies", ""),
        )


def _short(address: dict[str, str]) -> str:
    return f"{address['prefecture']}{address['city']} {address['name']}"


class ShipForm(forms.Form):
    """Who carries the parcels of a batch, since when; numbers from a CSV if there are."""

    carrier = forms.ChoiceField(label=_("Carrier"), choices=Carrier.choices)
    shipped_on = forms.DateField(label=_("Sent on"), widget=forms.DateInput(attrs={"type": "date"}))
    tracking = forms.FileField(
        label=_("Tracking numbers (CSV)"),
        required=False,
        allow_empty_file=True,
        help_text=_("Two columns: the parcel's number and the tracking number. May be left out."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )


class ComplaintForm(forms.Form):
    """What the holder says of a parcel that was sent."""

    problem = forms.ChoiceField(
        label=_("What happened"),
        choices=[
            (Parcel.Problem.LOST, _("It did not arrive")),
            (Parcel.Problem.DAMAGED, _("It arrived damaged")),
        ],
        widget=forms.RadioSelect,
    )
    note = forms.CharField(label=_("What the business should know"), max_length=200, required=False)


class ProblemForm(forms.Form):
    """What became of a parcel that did not arrive well."""

    problem = forms.ChoiceField(label=_("What happened"), choices=Parcel.Problem.choices)
    note = forms.CharField(label=_("Remark for the supporter"), max_length=200, required=False)


class RedeemForm(forms.Form):
    """A voucher at the till. The token makes a form that is sent twice one use."""

    code = forms.CharField(
        label=_("Code"),
        max_length=30,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )
    amount = forms.IntegerField(
        label=_("Amount (yen)"), min_value=1, widget=forms.NumberInput(attrs={"inputmode": "numeric"})
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)


class WholeForm(RedeemForm):
    """The same for all that is left: one press at a stall, nothing to type."""

    code = forms.CharField(widget=forms.HiddenInput)
    amount = forms.IntegerField(widget=forms.HiddenInput)
