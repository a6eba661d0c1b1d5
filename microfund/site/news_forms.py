"""The forms of readers: a comment below news, and following a business."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from businesses.models import Follow
from businesses.news.answers import LONGEST_NAME
from businesses.news.models import LONGEST_COMMENT


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
