"""The forms of readers: a comment below news, and following a business."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from businesses import queries as businesses
from businesses.following.services import MOST_AT_ONCE
from businesses.models import Business, Follow
from businesses.news.answers import LONGEST_NAME
from businesses.news.models import LONGEST_COMMENT

from .templatetags.tomobune import bilingual_filter


class CommentForm(forms.Form):
    """A comment; `form_token` makes sending it twice one."""

    name = forms.CharField(
        label=_("The name to show"),
        max_length=LONGEST_NAME,
        help_text=_("Everybody can read it; a first name is enough."),
        widget=forms.TextInput(attrs={"autocomplete": "nickname"}),
    )
    text = forms.CharField(
        label=_("Comment"), max_length=LONGEST_COMMENT, widget=forms.Textarea(attrs={"rows": 4}), strip=True
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput)


class FollowForm(forms.Form):
    """How often to hear of a business, and where, for somebody without an account."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("We first send a link that confirms the address. Nothing else is done with it."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    cadence = forms.ChoiceField(
        label=_("How often"),
        choices=Follow.Cadence.choices,
        widget=forms.RadioSelect,
        initial=Follow.Cadence.INSTANT,
    )

    def __init__(self, *args: Any, by_account: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if by_account:
            del self.fields["email"]


class _Businesses(forms.ModelMultipleChoiceField):
    """Businesses to tick, by their slugs, each with its town."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, business: Business) -> str:
        return f"{bilingual_filter(business, 'name')} ({bilingual_filter(business, 'town')})"

    def clean(self, value: Any) -> Any:
        for slug in value or ():
            if not str(slug).isprintable():  # the database refuses to look for a NUL
                raise forms.ValidationError(
                    self.error_messages["invalid_choice"], code="invalid_choice", params={"value": "…"}
                )
        return super().clean(value)


class FollowSeveralForm(FollowForm):
    """Several businesses at once. `offered` are those to tick; any other that the public sees may be sent too."""

    field_order = ("businesses", "email", "cadence")

    def __init__(self, *args: Any, offered: list[Business], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = _Businesses(
            label=_("Businesses"),
            queryset=businesses.published(),
            to_field_name="slug",
            error_messages={"required": _("Choose at least one business.")},
        )
        self.fields["businesses"] = field
        field.choices = [(business.slug, field.label_from_instance(business)) for business in offered]
        self.order_fields(self.field_order)

    def clean_businesses(self) -> Any:
        chosen = self.cleaned_data["businesses"]
        if len(chosen) > MOST_AT_ONCE:
            raise forms.ValidationError(
                _("Choose at most %(most)d at once."), code="too_many", params={"most": MOST_AT_ONCE}
            )
        return chosen


class FollowedForm(forms.Form):
    """How often to hear of each business that an address follows, or no more: a field for each row."""

    NO_MORE = "none"
    CHOICES = (*Follow.Cadence.choices, (NO_MORE, _("no more")))

    def __init__(self, *args: Any, rows: list[Follow], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for row in rows:
            self.fields[str(row.pk)] = forms.ChoiceField(
                label=bilingual_filter(row.business, "name"),
                choices=self.CHOICES,
                widget=forms.RadioSelect,
                initial=row.cadence,
            )

    def wanted(self) -> dict[int, str]:
        """The cadence by row; "" for no more."""
        return {int(name): "" if value == self.NO_MORE else value for name, value in self.cleaned_data.items()}
