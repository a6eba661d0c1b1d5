"""The forms of the funding flow (pages.md F1–F5). What they refuse is said with a way on."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from investments.offerings.models import Document
from investments.offerings.questions import QUESTIONS
from investments.policy.models import PolicyProfile

from .draft import Draft
from .giving import Wish
from .room import Room, Way

MESSAGE_LENGTH = 200
GIFT_MESSAGE_LENGTH = 500


def _lines(text: str) -> str:
    """What somebody wrote, with one kind of line break and without signs that cannot be seen."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in text if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs"))


class UnitsForm(forms.Form):
    """How many units. The room is judged here for a clear answer, and again by the guards when units are reserved."""

    units = forms.IntegerField(
        label=_("Units"),
        min_value=1,
        error_messages={
            "required": _("Enter the number of units."),
            "invalid": _("Enter a whole number, like 2."),
            "min_value": _("Choose at least one unit."),
        },
    )

    gift = forms.BooleanField(
        label=_("These units are a gift for another person"),
        required=False,
        help_text=_("You pay now and choose whom it is for. They accept it, sign, and become the investor."),
    )

    def __init__(self, *arguments: Any, room: Room, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.room = room
        field = self.fields["units"]
        field.widget.attrs |= {"max": str(max(1, room.most)), "inputmode": "numeric", "autocomplete": "off"}
        if room.held:
            field.help_text = _("You hold %(held)d of at most %(limit)d units of this fund.") % {
                "held": room.held,
                "limit": room.person_limit,
            }
        else:
            field.help_text = _("At most %(limit)d for one person and fund.") % {"limit": room.person_limit}

    def clean_units(self) -> int:
        units = self.cleaned_data["units"]
        refusal = self.room.refusal(units)
        if refusal:
            raise ValidationError(refusal, code="too_many")
        return units

    @property
    def offer(self) -> int:
        """The units that could be had instead, when too many were asked for."""
        return self.room.most if self.has_error("units", "too_many") else 0


class UnderstandingForm(forms.Form):
    """Documents opened and accepted, statements judged, consents given; nothing is ticked beforehand."""

    donation = forms.BooleanField(
        label=_("I understand that half of each unit is a gift, and that I can lose all of the other half.")
    )
    electronic = forms.BooleanField(label=_("I agree to receive the documents of this contract electronically."))
    no_crime = forms.BooleanField(
        label=_("I have no ties to organised crime, and the money does not come from a crime.")
    )

    def __init__(
        self,
        *arguments: Any,
        documents: Sequence[Document],
        draft: Draft,
        policy: PolicyProfile,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.documents = documents
        self.draft = draft
        self.policy = policy
        for document in documents:
            self.fields[f"document_{document.pk}"] = forms.BooleanField(
                label=_("I have read the %(document)s and accept it.") % {"document": document.get_kind_display()},
                error_messages={"required": _("Please read it and tick this box to accept it.")},
            )
        for question in QUESTIONS:
            self.fields[f"question_{question.key}"] = forms.TypedChoiceField(
                label=question.said(policy),
                choices=[("true", _("True")), ("false", _("False"))],
                coerce=lambda value: value == "true",
                widget=forms.RadioSelect,
                error_messages={"required": _("Please choose true or false.")},
            )
        for name in ("donation", "electronic", "no_crime"):
            self.fields[name].error_messages["required"] = _("Please tick this box to go on.")
        self.order_fields(
            [f"document_{document.pk}" for document in documents]
            + [f"question_{question.key}" for question in QUESTIONS]
        )

    def clean(self) -> dict[str, Any]:
        for document in self.documents:
            name = f"document_{document.pk}"
            if self.draft.opened.get(str(document.pk)) != document.sha256:
                self._errors.pop(name, None)
                self.add_error(
                    name,
                    _("Please open the %(document)s first.") % {"document": document.get_kind_display()},
                )
        for question in QUESTIONS:
            name = f"question_{question.key}"
            given = self.cleaned_data.get(name)
            if isinstance(given, bool) and given is not question.answer:
                self.add_error(
                    name,
                    _("Not quite. %(why)s Please answer again.") % {"why": question.explained(self.policy)},
                )
        return self.cleaned_data

    @property
    def document_fields(self) -> list[tuple[Document, forms.BoundField, bool]]:
        """Each document with its tick box and whether it has been opened."""
        return [
            (
                document,
                self[f"document_{document.pk}"],
                self.draft.opened.get(str(document.pk)) == document.sha256,
            )
            for document in self.documents
        ]

    @property
    def question_fields(self) -> list[forms.BoundField]:
        """The statements, in their order."""
        return [self[f"question_{question.key}"] for question in QUESTIONS]

    @property
    def consent_fields(self) -> list[forms.BoundField]:
        """The consents, in their order."""
        return [self["donation"], self["electronic"], self["no_crime"]]

    def answers(self) -> dict[str, Any]:
        """What the order keeps: the judged statements, the consents, and how often the page was sent."""
        return {
            "questions": {question.key: self.cleaned_data[f"question_{question.key}"] for question in QUESTIONS},
            "consents": ["donation", "electronic", "no_crime"],
            "tries": self.draft.tries,
        }


class SupporterForm(forms.Form):
    """How the supporter appears to the business and on its page. Both parts are free."""

    name_shown = forms.BooleanField(
        label=_("Show my name among the supporters of this business."),
        required=False,
        help_text=_("Otherwise you are counted without a name."),
    )
    message = forms.CharField(
        label=_("A message to the business"),
        required=False,
        max_length=MESSAGE_LENGTH,
        help_text=_("At most 200 characters. The business reads it; with your name it may also stand on its page."),
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": str(MESSAGE_LENGTH)}),
    )

    def clean_message(self) -> str:
        return _lines(self.cleaned_data["message"])


class GiftForm(forms.Form):
    """Whom units are given to. Without an e-mail address the giver hands over the card."""

    name = forms.CharField(label=_("Name of the receiver"), max_length=80)
    email = forms.EmailField(
        label=_("E-mail address of the receiver"),
        required=False,
        help_text=_(
            "We write to them once it is paid. Leave it empty to hand over a card yourself, which you can print then."
        ),
    )
    language = forms.ChoiceField(label=_("Language of the mail and the card"), choices=settings.LANGUAGES)
    message = forms.CharField(
        label=_("Your words to them"),
        required=False,
        max_length=GIFT_MESSAGE_LENGTH,
        help_text=_("At most 500 characters. They stand in the mail and on the card."),
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": str(GIFT_MESSAGE_LENGTH)}),
    )

    def clean_name(self) -> str:
        return " ".join(_lines(self.cleaned_data["name"]).split())

    def clean_message(self) -> str:
        return _lines(self.cleaned_data["message"])

    @property
    def wish(self) -> Wish:
        """What the services take."""
        return Wish(**self.cleaned_data)


class CheckForm(forms.Form):
    """The last form: the way to pay, the draft's token and the fingerprint of what the page showed."""

    form_token = forms.UUIDField(widget=forms.HiddenInput)
    shown = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *arguments: Any, ways: Sequence[Way], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ways = ways
        self.fields["method"] = forms.ChoiceField(
            label=_("How do you want to pay?"),
            choices=[(way.code, way.label) for way in ways if way.offered],
            widget=forms.RadioSelect,
            error_messages={
                "required": _("Choose a way to pay."),
                "invalid_choice": _("This way to pay is not offered for this order. Please choose another."),
            },
        )
