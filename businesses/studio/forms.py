"""The forms of the studio. Lengths are judged by the services as well: these say it beside the field."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from businesses.models import Post
from businesses.news.models import LONGEST_ALT, LONGEST_SOURCE, LONGEST_TITLE


class PostForm(forms.Form):
    """A post: a draft may lack everything. `version` is the save that the form began from."""

    title = forms.CharField(label=_("Title"), max_length=LONGEST_TITLE, required=False)
    source = forms.CharField(
        label=_("Text"),
        max_length=LONGEST_SOURCE,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("An empty line begins a paragraph. **bold**, *slanted*, - for a list, ## for a heading."),
    )
    language = forms.ChoiceField(label=_("Language of the text"), choices=Post.Language.choices)
    visibility = forms.ChoiceField(
        label=_("Who may read it"),
        choices=Post.Visibility.choices,
        widget=forms.RadioSelect,
        help_text=_(
            "Everybody sees the title and the first words. News for supporters is read as a whole by those who have"
            " paid for units."
        ),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, initial=1)
    form_token = forms.UUIDField(widget=forms.HiddenInput)
    photo = forms.FileField(
        label=_("Add a photo"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        help_text=_("JPEG, PNG or WebP, at most 20 MB. The place where it was taken is removed."),
    )
    photo_alt = forms.CharField(
        label=_("What the photo shows"),
        required=False,
        max_length=LONGEST_ALT,
        help_text=_("One sentence for readers who cannot see it: “Aya lifts the first basket of the year.”"),
    )

    def __init__(self, *args: Any, post: Post | None = None, language: str = "ja", **kwargs: Any) -> None:
        initial = (
            {
                "title": post.title,
                "source": post.source,
                "language": post.language,
                "visibility": post.visibility,
                "version": post.version,
                "form_token": post.form_token,
            }
            if post
            else {"language": language, "visibility": Post.Visibility.PUBLIC, "form_token": uuid.uuid4()}
        )
        super().__init__(*args, initial=initial, **kwargs)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("photo") and not (data.get("photo_alt") or "").strip() and "photo_alt" not in self.errors:
            self.add_error("photo_alt", _("Say in a sentence what the photo shows, for readers who cannot see it."))
        return data

    def words(self) -> dict[str, str]:
        """What the services take."""
        data = self.cleaned_data
        source = data["source"].replace("\r\n", "\n")
        return {
            "title": data["title"],
            "source": source,
            "language": data["language"],
            "visibility": data["visibility"],
        }


class PublishForm(forms.Form):
    """When a post goes out; the hour is of the site's zone."""

    NOW, LATER = "now", "later"
    when = forms.ChoiceField(
        label=_("When"), choices=[(NOW, _("Now")), (LATER, _("Later, at"))], widget=forms.RadioSelect, initial=NOW
    )
    publish_at = forms.DateTimeField(
        label=_("Day and hour (Japan time)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("when") == self.LATER and not data.get("publish_at") and "publish_at" not in self.errors:
            self.add_error("publish_at", _("Choose a day and an hour."))
        return data


class InviteForm(forms.Form):
    """Somebody who may write for the business from now on."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("The address of the person's account on this site."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


class WhyForm(forms.Form):
    """A reason that is kept, and shown where the act's page says so."""

    reason = forms.CharField(label=_("Reason"), max_length=200, widget=forms.Textarea(attrs={"rows": 3}))
