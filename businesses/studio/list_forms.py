"""The form of a list of the page, its team or its pictures: a small form for each item and one for a further item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _

from businesses import images
from businesses.profile.lists import Item, columns_of
from businesses.profile.models import Items

#: Labels by the name of a word, English and Japanese.
LABELS = {
    "alt": (_("What the picture shows (English)"), _("What the picture shows (Japanese)")),
    "name": (_("Name (English)"), _("Name (Japanese)")),
    "role": (_("What they do (English)"), _("What they do (Japanese)")),
    "words": (_("In their own words (English)"), _("In their own words (Japanese)")),
}
FILE_HINT = _("JPEG, PNG or WebP, at most 20 MB. The place where it was taken is removed.")
SALT = "businesses.studio.list"


class ItemForm(forms.Form):
    """One item. `picture` is what the pipeline made of its picture, signed, so that only what went through it comes
    back."""

    picture = forms.CharField(widget=forms.HiddenInput, required=False, max_length=1_000)
    file = forms.FileField(
        required=False,
        help_text=FILE_HINT,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )
    without = forms.BooleanField(label=_("Without the portrait"), required=False)

    def __init__(self, *args: Any, items: Items, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.items = items
        self.fields["file"].label = _("Picture") if items.pictured else _("Portrait")
        for column, longest in columns_of(items):
            field, language = column.rsplit("_", 1)
            lines = {"rows": 3} if longest > 250 else {}
            self.fields[column] = forms.CharField(
                label=LABELS[field][language == "ja"],
                required=field in items.needed,
                max_length=longest,
                widget=(forms.Textarea if lines else forms.TextInput)(attrs={"lang": language, **lines}),
            )

    @property
    def words(self) -> list[Any]:
        """The fields of its words, English and Japanese in turn."""
        return [self[column] for column, _longest in columns_of(self.items)]

    @property
    def shown(self) -> Any:
        """Its picture, for the page; None without one."""
        return images.ProcessedImage(**made) if (made := _unsigned(self["picture"].value())) else None

    def item(self) -> Item:
        """The item, its picture put through the pipeline. Raises images.ImageRefused."""
        data = self.cleaned_data
        made = _unsigned(data["picture"])
        if data["file"]:
            found = images.ingest(data["file"])
            made = {"digest": found.digest, "widths": list(found.widths), "width": found.width, "height": found.height}
        if data["without"] and not self.items.pictured:
            made = None
        return {"picture": made, **{column: data[column] for column, _longest in columns_of(self.items)}}


class HeadForm(forms.Form):
    """What the whole list sends along: the save that the form began from, and how many items it has."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    count = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=99)


class ListForm:
    """All items of a list, as sent or as they stand."""

    def __init__(self, items: Items, data: Any, files: Any = None) -> None:
        self.head = HeadForm(data)
        count = self.head.cleaned_data["count"] if self.head.is_valid() else 0
        self.rows = [ItemForm(data, files, prefix=str(number), items=items) for number in range(count)]
        sent = files is not None
        self.new = ItemForm(
            data if sent else None, files, prefix="new", items=items, empty_permitted=True, use_required_attribute=False
        )

    @classmethod
    def of(cls, items: Items, given: Sequence[Item], *, version: int) -> ListForm:
        """The form that shows these items."""
        data: dict[str, Any] = {"version": version, "count": len(given)}
        for number, item in enumerate(given):
            for column, _longest in columns_of(items):
                data[f"{number}-{column}"] = item[column]
            data[f"{number}-picture"] = signing.dumps(item["picture"], salt=SALT) if item["picture"] else ""
        return cls(items, data)

    def is_valid(self, *, leaving: int | None = None) -> bool:
        """Whether all items can be read, but for the one that is taken away; a further one that was not begun does not
        count."""
        staying = [row for number, row in enumerate(self.rows) if number != leaving]
        return all([self.head.is_valid(), self.new.is_valid(), *(row.is_valid() for row in staying)])


def _unsigned(value: str | None) -> Any:
    try:
        return signing.loads(value, salt=SALT) if value else None
    except signing.BadSignature:
        return None
