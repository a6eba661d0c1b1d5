"""The form of a section: every text in English and Japanese side by side."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from businesses.profile.models import texts_of


class SectionForm(forms.Form):
    """The texts of a section; a draft may lack any of them. `version` is the save that the form began from."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, initial=0)

    def __init__(self, *args: Any, section: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        for text in texts_of(section):
            names = (_("%(text)s (English)"), _("%(text)s (Japanese)"))
            for column, name, language in zip(text.columns, names, ("en", "ja"), strict=True):
                self.fields[column] = forms.CharField(
                    label=name % {"text": text.label},
                    help_text=text.hint,
                    max_length=text.longest,
                    required=False,
                    widget=forms.Textarea(attrs={"rows": text.rows, "lang": language}),
                )

    def texts(self) -> dict[str, str]:
        """What was typed, by column."""
        return {column: self.cleaned_data[column] for text in texts_of(self.section) for column in text.columns}
