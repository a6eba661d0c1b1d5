"""The forms of an offer: as staff keep it in the console, and as an owner proposes it in the studio."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.dates import MONTHS
from django.utils.translation import gettext_lazy as _

from businesses import images
from businesses.models import Business
from investments.investors import prefectures
from investments.models import Fund
from microfund.kernel.notices.parts import name_of

from .models import Offer


class PlacesMixin(forms.Form):
    """Where it is not sent, in two fields that anybody can fill in."""

    not_to_prefectures = forms.MultipleChoiceField(
        label=_("Prefectures it is not sent to"),
        choices=lambda: [(name, f"{name} {latin}") for name, latin in prefectures.NAMES.items()],
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )
    not_to_codes = forms.CharField(
        label=_("Postal codes it is not sent to"),
        required=False,
        max_length=400,
        help_text=_("Beginnings of codes, with spaces: 10021 10022 leaves out islands that no chilled parcel reaches."),
    )

    def show_places(self, places: list[str]) -> None:
        """Begin with the places of an offer."""
        self.fields["not_to_prefectures"].initial = [place for place in places if place in prefectures.NAMES]
        self.fields["not_to_codes"].initial = " ".join(place for place in places if place not in prefectures.NAMES)

    def places(self) -> list[str]:
        """The places that were given."""
        codes = self.cleaned_data.get("not_to_codes", "").replace("-", "").replace(",", " ").split()
        return [*self.cleaned_data.get("not_to_prefectures", []), *codes]


class _OfferForm(PlacesMixin, forms.ModelForm):
    """What both forms share: places, and a picture through the pipeline."""

    picture = forms.FileField(
        label=_("Picture"),
        required=False,
        help_text=_("JPEG, PNG or WebP, at most 20 MB. The place where it was taken is removed."),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.show_places(self.instance.not_to)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        lasts = data.get("season_until_month") or data.get("season_until_day")
        if data.get("cycle") == Offer.Cycle.SEASON and not lasts:
            self.add_error("season_until_day", _("A season has a last day as well: give its month and day."))
        return data

    def clean_picture(self) -> Any:
        file = self.cleaned_data.get("picture")
        if file is not None:
            try:
                self.instance.take_picture(file)
            except images.ImageRefused as error:
                raise forms.ValidationError(error.message, code=error.code) from error
        return file

    def _post_clean(self) -> None:
        # Before the model's own rules are asked, which judge the places as well.
        self.instance.not_to = self.places()
        super()._post_clean()

    def add_error(self, field: Any, error: Any) -> None:
        """What is wrong with a place stands by the field in which it was typed."""
        data = getattr(error, "error_dict", None)
        if data and "not_to" in data:
            data["not_to_codes"] = data.pop("not_to")
        super().add_error(field, error)


#: Months by name, for both ends of a season and of its claims.
_MONTHS = {
    "season_month": forms.Select(choices=[*MONTHS.items()]),
    "season_until_month": forms.Select(choices=[("", "–"), *MONTHS.items()]),
    "claim_month": forms.Select(choices=[("", "–"), *MONTHS.items()]),
    "claim_until_month": forms.Select(choices=[("", "–"), *MONTHS.items()]),
}


class OfferAdminForm(_OfferForm):
    """All of an offer, for staff."""

    link = forms.URLField(label=_("address of the download"), required=False, assume_scheme="https")

    class Meta:
        model = Offer
        exclude = ("version", "replaces", "ended_at", "not_to")  # noqa: DJ006 - all that an offer says stands on the form
        widgets = _MONTHS


class ProposalForm(_OfferForm):
    """What an owner may propose; the value and the dates are looked at by the staff with the rest."""

    class Meta:
        model = Offer
        fields = (
            "fund", "kind", "text_ja", "text_en", "minimum_units", "per_units", "value", "cycle", "from_period",
            "every", "season_month", "season_day", "season_until_month", "season_until_day", "claim_month", "claim_day",
            "claim_until_month", "claim_until_day", "claim_days", "dispatch_days", "valid_days", "stock", "cold",
            "adults_only", "allergens_ja", "allergens_en", "unclaimed",
        )  # fmt: skip
        widgets = _MONTHS
        labels = {"cycle": _("When it comes")}

    field_order = (
        "fund", "kind", "text_ja", "text_en", "picture", "minimum_units", "per_units", "value", "stock", "cycle",
        "season_month", "season_day", "season_until_month", "season_until_day", "claim_month", "claim_day",
        "claim_until_month", "claim_until_day", "from_period", "every", "claim_days", "dispatch_days", "valid_days",
        "unclaimed", "cold", "allergens_ja", "allergens_en", "adults_only", "not_to_prefectures", "not_to_codes",
    )  # fmt: skip

    def __init__(self, *arguments: Any, business: Business, **options: Any) -> None:
        super().__init__(*arguments, **options)
        over = ["failed", "wound_up", "settled"]
        funds = Fund.objects.filter(business=business).exclude(state__in=over).order_by("-opens_on", "-pk")
        self.fields["fund"].queryset = funds  # type: ignore[attr-defined]
        self.fields["fund"].label_from_instance = name_of  # type: ignore[attr-defined]
        self.fields["fund"].initial = funds.first()
