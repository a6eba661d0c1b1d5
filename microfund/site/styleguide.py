"""The style guide: every element of the pages on one page and in both themes, so that a change of look can be seen
whole."""

from types import SimpleNamespace

from django import forms
from django.contrib.messages import SUCCESS
from django.contrib.messages.storage.base import Message
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from businesses.models import Business, Picture

COLOURS = (
    *("paper", "surface", "sunken", "ink", "ink-2", "control", "line", "sea", "sea-strong", "sea-tint"),
    *("dawn", "dawn-strong", "dawn-tint", "gold", "gold-ink", "gold-tint", "moss", "moss-tint", "error"),
    *("error-tint", "focus"),
)
ICONS = (
    *("boat", "raft", "barrel", "noren", "house", "hands", "gift", "coin-half", "calendar", "letter", "pin"),
    *("chart", "yen", "check", "clock", "alert", "share", "feed", "print", "download", "lock", "person"),
    *("search", "globe", "close", "document"),
)


class SampleForm(forms.Form):
    """One field of each kind, as the pages use them."""

    name = forms.CharField(label=_("Name"), help_text=_("As it stands on your bank account."))
    kana = forms.CharField(label=_("Name in kana"), required=False)
    birth_date = forms.DateField(
        label=_("Date of birth"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("You must be 18 or older."),
    )
    prefecture = forms.ChoiceField(label=_("Prefecture"), choices=[("", "—"), ("03", _("Iwate")), ("04", _("Miyagi"))])
    message = forms.CharField(label=_("Message"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    pay_by = forms.ChoiceField(
        label=_("How do you want to pay?"),
        choices=[("card", _("Card")), ("transfer", _("Bank transfer"))],
        widget=forms.RadioSelect,
    )
    read = forms.BooleanField(label=_("I have read the contract and the risks."))


class StepperForm(forms.Form):
    """The number of units."""

    units = forms.IntegerField(
        label=_("Units"), min_value=1, max_value=49, initial=2, help_text=_("At most 49 for one person and fund.")
    )


class SearchForm(forms.Form):
    """Words and one filter."""

    q = forms.CharField(label=_("Search"), required=False)
    stage = forms.ChoiceField(label=_("Stage"), choices=[("", _("any stage")), ("raising", _("Raising"))])


THEMES = {"light": _("Light"), "dark": _("Dark")}
ADDRESS = {
    "name": "伊藤 遥",
    "postal_code": "980-0811",
    "prefecture": "宮城県",
    "city": "仙台市青葉区",
    "street": "一番町1-2-3",
    "building": "みなと荘 201",
}


def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every element with sample values, in the theme that the address asks for or else the reader's. The picture
    is that of a business; of a site without any it is left out."""
    wrong = SampleForm({"w-name": "", "w-kana": "ウミ", "w-pay_by": "cash"}, prefix="w")
    wrong.is_valid()
    states = [
        ("fund", "draft", _("Draft")),
        ("fund", "scheduled", _("Opens soon")),
        ("fund", "open", _("Raising")),
        ("fund", "closed", _("Funded")),
        ("fund", "operating", _("Repaying, year 3")),
        ("fund", "matured", _("Matured")),
        ("fund", "failed", _("Closed short")),
        ("order", "awaiting_payment", _("Waiting for the bank")),
        ("order", "paid", _("Paid")),
        ("order", "cancelled", _("Cancelled")),
        ("period", "report_due", _("Report due")),
        ("identity", "rejected", _("Not accepted")),
    ]
    number = {"num": True}
    context = {
        "guide_title": _("Style guide"),
        "shown_theme": request.GET["theme"] if request.GET.get("theme") in THEMES else "",
        "themes": THEMES.items(),
        "said": [Message(SUCCESS, _("Saved as a draft."))],
        "money": 23_400_000,
        "address": ADDRESS,
        "search": SimpleNamespace(form=SearchForm({"stage": "raising"})),
        "picture": Picture.objects.filter(business__state=Business.State.PUBLISHED).first(),
        "trail": [(_("Home"), reverse("home"))],
        "colours": COLOURS,
        "icons": ICONS,
        "states": states,
        "form": SampleForm(auto_id="sample_%s"),
        "wrong": wrong,
        "stepper": StepperForm(),
        "alone": StepperForm(prefix="alone"),
        "table_head": [
            {"text": _("Sales")},
            {"text": _("You receive"), **number},
            {"text": _("Of your ¥5,000"), **number},
        ],
        "table_rows": [
            [{"text": _("60% of plan")}, {"text": "¥3,000", **number}, {"text": "60%", **number}],
            [{"text": _("100% of plan")}, {"text": "¥5,000", **number}, {"text": "100%", **number}],
            [{"text": _("150% of plan")}, {"text": "¥5,690", **number}, {"text": "114%", **number}],
        ],
        "facts": [
            {"label": _("Units"), "value": "2", "href": "#tables", "num": True},
            {"label": _("Name"), "value": "Haruka Ito", "href": "#tables"},
            {"label": _("Total"), "value": "¥21,000", "num": True, "total": True},
        ],
        "steps": [_("Units"), _("You"), _("Documents"), _("Check"), _("Pay")],
        "chips": [{"label": _("Raising"), "href": "?"}, {"label": _("Oysters"), "href": "?"}],
        "page_obj": Paginator(range(140), 12).get_page(4),
    }
    return render(request, "site/styleguide.html", context)
