"""The profile form: one for a person, one for a company, with the same rules as the service that saves it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from microfund.kernel.errors import DomainError

from . import documents, rules, services
from .models import IdentityDocument, Investor
from .prefectures import choices as prefecture_choices

ADDRESS_PARTS = ("postal_code", "prefecture", "city", "street", "building")


def _by_rule(rule: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What a rule makes of a value, its refusal as the form's error."""
    try:
        return rule(*arguments, **options)
    except DomainError as error:
        raise ValidationError(error.message, code=error.code) from None


def _text(label: Any, autocomplete: str, *, required: bool = True, help_text: Any = "", **attributes: str) -> Any:
    return forms.CharField(
        label=label,
        required=required,
        help_text=help_text,
        max_length=rules.LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": autocomplete, **attributes}),
    )


def _picture(label: Any, *, required: bool = True, help_text: Any = "") -> Any:
    return forms.FileField(
        label=label,
        required=required,
        help_text=help_text,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )


class ProfileForm(forms.Form):
    """What a person and a company have in common. `on` is the business date that the age is judged on."""

    kind = Investor.Kind.PERSON

    name = _text(_("Name"), "name", help_text=_("As on your identity document."))
    name_kana = _text(
        _("Name in katakana"), "off", help_text=_("As your bank knows you: トウホク ハナコ. Hiragana is converted.")
    )
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
    phone = forms.CharField(
        label=_("Telephone"),
        max_length=30,
        help_text=_("Only for questions about your order."),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )
    purpose = forms.ChoiceField(label=_("What do you invest for?"), choices=services.PURPOSES, widget=forms.RadioSelect)
    experience = forms.ChoiceField(
        label=_("What have you invested in before?"), choices=services.EXPERIENCES, widget=forms.RadioSelect
    )
    funds_origin = forms.ChoiceField(
        label=_("Where does the money come from?"), choices=services.ORIGINS, widget=forms.RadioSelect
    )

    def __init__(self, *arguments: Any, on: date, **options: Any) -> None:
        self.on = on
        super().__init__(*arguments, **options)

    def clean_name(self) -> str:
        return _by_rule(rules.person_name, self.cleaned_data["name"])

    def clean_name_kana(self) -> str:
        return _by_rule(rules.kana, self.cleaned_data["name_kana"])

    def clean_postal_code(self) -> str:
        return _by_rule(rules.postal_code, self.cleaned_data["postal_code"])

    def clean_city(self) -> str:
        return _by_rule(rules.line, self.cleaned_data["city"])

    def clean_street(self) -> str:
        return _by_rule(rules.line, self.cleaned_data["street"])

    def clean_building(self) -> str:
        text = self.cleaned_data["building"]
        return _by_rule(rules.line, text) if text else ""

    def clean_phone(self) -> str:
        return _by_rule(rules.phone, self.cleaned_data["phone"])

    def profile(self) -> dict[str, Any]:
        """The cleaned answers in the shape that `services.save_profile` takes."""
        data = {name: value for name, value in self.cleaned_data.items() if name not in ADDRESS_PARTS}
        return {**data, "kind": self.kind, "address": {part: self.cleaned_data[part] for part in ADDRESS_PARTS}}


class PersonForm(ProfileForm):
    """A person, old enough on the day of the form."""

    birth_date = forms.DateField(
        label=_("Date of birth"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "bday"}),
    )
    field_order = ("name", "name_kana", "birth_date", *ADDRESS_PARTS, "phone")

    def __init__(self, *arguments: Any, on: date, **options: Any) -> None:
        super().__init__(*arguments, on=on, **options)
        self.minimum_age = services.minimum_age(on)
        self.fields["birth_date"].help_text = _("You must be at least %(age)d years old.") % {"age": self.minimum_age}

    def clean_birth_date(self) -> date:
        return _by_rule(rules.birth_date, self.cleaned_data["birth_date"], on=self.on, minimum_age=self.minimum_age)


class CompanyForm(ProfileForm):
    """A company with the number that the tax agency gave it, and the person who may sign for it."""

    kind = Investor.Kind.COMPANY

    name = _text(_("Name of the company"), "organization", help_text=_("As it is registered."))
    name_kana = _text(_("Name of the company in katakana"), "off", help_text=_("As the company's bank knows it."))
    corporate_number = _text(
        _("Corporate number"), "off", help_text=_("The 13 digits of the National Tax Agency."), inputmode="numeric"
    )
    representative = _text(_("Representative"), "name", help_text=_("Who may sign for the company."))
    field_order = ("name", "name_kana", "corporate_number", "representative", *ADDRESS_PARTS, "phone")

    def clean_name(self) -> str:
        return _by_rule(rules.line, self.cleaned_data["name"])

    def clean_name_kana(self) -> str:
        return _by_rule(rules.kana, self.cleaned_data["name_kana"], company=True)

    def clean_corporate_number(self) -> str:
        return _by_rule(rules.corporate_number, self.cleaned_data["corporate_number"])

    def clean_representative(self) -> str:
        return _by_rule(rules.person_name, self.cleaned_data["representative"])


class DocumentForm(forms.Form):
    """Pictures of one identity document. They are judged by the service, which looks into the files."""

    kind = forms.ChoiceField(
        label=_("Which document?"), choices=IdentityDocument.Kind.choices, widget=forms.RadioSelect
    )
    front = _picture(_("Front side"), help_text=_("A photo or scan as JPEG, PNG or WebP, at most 20 MB."))
    back = _picture(
        _("Back side"),
        required=False,
        help_text=_("Where something is written on it. Not of an Individual Number Card."),
    )
    further = _picture(_("Further page"), required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for side in IdentityDocument.Side.values:
            file = data.get(side)
            if file is not None and file.size > documents.MAX_BYTES:
                # Said before anything is read: the file is not opened at all.
                message = _("The picture is larger than %(megabytes)d MB. Save it smaller and try again.")
                self.add_error(side, message % {"megabytes": documents.MAX_BYTES // (1024 * 1024)})
        return data

    def pictures(self) -> dict[str, Any]:
        """The chosen files by side."""
        chosen = ((side, self.cleaned_data.get(side)) for side in IdentityDocument.Side.values)
        return {side: file for side, file in chosen if file is not None}


FORMS: dict[str, type[ProfileForm]] = {Investor.Kind.PERSON: PersonForm, Investor.Kind.COMPANY: CompanyForm}


def initial_of(investor: Investor | None) -> dict[str, Any]:
    """What a form is filled with before anything is typed: nothing has to be entered twice (WCAG 3.3.7)."""
    if investor is None:
        return {}
    names = ("name", "name_kana", "birth_date", "corporate_number", "representative", "phone")
    names += ("purpose", "experience", "funds_origin")
    return {name: getattr(investor, name) for name in names} | dict(investor.address)
