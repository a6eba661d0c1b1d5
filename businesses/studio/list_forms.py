"""The form of a list of the page, its team or its pictures: a small form for each item and one for a further item."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _

from businesses import images
from businesses.profile.lists import MOST, Item, columns_of
from businesses.profile.models import Items, Value

#: Labels by the name of a word, English and Japanese.
LABELS = {
    "alt": (_("What the picture shows (English)"), _("What the picture shows (Japanese)")),
    "name": (_("Name (English)"), _("Name (Japanese)")),
    "role": (_("What they do (English)"), _("What they do (Japanese)")),
    "words": (_("In their own words (English)"), _("In their own words (Japanese)")),
    "text": (_("Step (English)"), _("Step (Japanese)")),
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
        if items.pictures == "none":
            for name in ("picture", "file", "without"):
                del self.fields[name]
        else:
            self.fields["file"].label = _("Picture") if items.pictured else _("Portrait")
        for column, longest in columns_of(items):
            field, language = column.rsplit("_", 1)
            lines = {"rows": 3} if longest > 250 else {}
            typed = forms.Textarea if lines else forms.TextInput
            self.fields[column] = forms.CharField(
                label="" if items.given else LABELS[field][language == "ja"],
                required=field in items.needed,
                max_length=longest,
                widget=forms.HiddenInput() if items.given else typed(attrs={"lang": language, **lines}),
            )
        for value in items.values:
            self.fields[value.name] = _field(value)

    @property
    def words(self) -> list[Any]:
        """The fields of its words, English and Japanese in turn, then those of its values."""
        return [self[column] for column, _longest in columns_of(self.items)] + [self[v.name] for v in self.items.values]

    @property
    def heading(self) -> Any:
        """Of a given item what it is, with its two languages as of a row of the database."""
        return SimpleNamespace(**{column: self[column].value() for column, _longest in columns_of(self.items)})

    @property
    def shown(self) -> Any:
        """Its picture, for the page; None without one."""
        if self.items.pictures == "none":
            return None
        return images.ProcessedImage(**made) if (made := _unsigned(self["picture"].value())) else None

    def item(self) -> Item:
        """The item, its picture put through the pipeline. Raises images.ImageRefused."""
        data = self.cleaned_data
        item: Item = {"picture": None, **{column: data[column] for column, _longest in columns_of(self.items)}}
        for value in self.items.values:
            said = data[value.name]
            item[value.name] = said.isoformat() if isinstance(said, date) else said or value.nothing
        if self.items.pictures != "none":
            item["picture"] = self._picture()
        return item

    def _picture(self) -> Any:
        data = self.cleaned_data
        made = _unsigned(data["picture"])
        if data["file"]:
            found = images.ingest(data["file"])
            made = {"digest": found.digest, "widths": list(found.widths), "width": found.width, "height": found.height}
        if data["without"] and not self.items.pictured:
            made = None
        if made and not images.renew(images.ProcessedImage(**made)):
            raise images.ImageRefused("gone", _("This picture was deleted meanwhile. Choose it again."))
        return made


def _field(value: Value) -> forms.Field:
    """The field of what an item holds beside its words."""
    shown = {"label": value.label, "help_text": value.hint, "required": value.needed}
    if value.kind == "date":
        return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **shown)
    if value.kind == "number":
        return forms.IntegerField(min_value=0, max_value=MOST, **shown)
    if value.kind == "choice":
        return forms.ChoiceField(choices=value.choices, **shown)
    return forms.CharField(widget=forms.HiddenInput, required=False, max_length=50)


class HeadForm(forms.Form):
    """What the whole list sends along: the save that the form began from, and how many items it has."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    count = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=99)


class ListForm:
    """All items of a list, as sent or as they stand."""

    def __init__(self, items: Items, data: Any, files: Any = None) -> None:
        self.head = HeadForm(data)
        self.items = items
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
            for value in items.values:
                data[f"{number}-{value.name}"] = item.get(value.name, value.nothing)
            if items.pictures == "none":
                continue
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
