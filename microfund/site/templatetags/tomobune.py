"""Template tags that every page may use: money, languages, states, icons, fields and the geometry of bars.

The library is a builtin of the template engine, so no page needs ``{% load %}``. It reads nothing from the database.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django import template
from django.core.paginator import Paginator
from django.forms import BoundField
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse, translate_url
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, override

from businesses import images
from microfund.kernel.money import ZERO_DECIMAL, format_money
from microfund.site.preferences import chosen_theme
from microfund.site.state_looks import Look, look_of

register = template.Library()

LANGUAGES = ("en", "ja")
#: Bars are drawn in thousandths of their length, so that widths are whole numbers in an SVG attribute.
BAR_LENGTH = 1000


def active_language() -> str:
    """``en`` or ``ja``: the active language without its region; English when it is neither."""
    code = (get_language() or "en").split("-")[0].lower()
    return code if code in LANGUAGES else "en"


# --- money ------------------------------------------------------------------------------------------


@register.simple_tag(name="money")
def money_tag(amount: int | None, currency: str = "JPY") -> str:
    """``{% money order.total fund.currency %}``: minor units as people write them; an em dash for nothing at all."""
    return "—" if amount is None else format_money(amount, currency, active_language())


@register.filter(name="money")
def money_filter(amount: int | None, currency: str = "JPY") -> str:
    """``{{ order.total|money }}``, the same as the tag, for use inside other tags."""
    return money_tag(amount, currency)


@register.simple_tag
def money_pattern(currency: str = "JPY") -> str:
    """How scripts write an amount of a currency without decimals: ``¥{}`` or ``{}円``; empty for any other currency."""
    return format_money(0, currency, active_language()).replace("0", "{}") if currency in ZERO_DECIMAL else ""


# --- languages --------------------------------------------------------------------------------------


def _texts(thing: object, field: str) -> tuple[str, str, str]:
    """The text of a bilingual field in the active language, else in the other one, with the language it is in."""
    first = active_language()
    second = "ja" if first == "en" else "en"
    for code in (first, second):
        name = f"{field}_{code}"
        value = thing.get(name, "") if isinstance(thing, Mapping) else getattr(thing, name)
        if value:
            return value, code, first
    return "", first, first


@register.simple_tag
def bilingual(thing: object, field: str) -> SafeString:
    """``{% bilingual business "name" %}``: the text in the active language; a fallback is marked with its own ``lang``.

    Raises ``AttributeError`` for a field that does not exist: a misspelt name must not read as an empty text.
    """
    text, code, wanted = _texts(thing, field)
    return conditional_escape(text) if code == wanted else format_html('<span lang="{}">{}</span>', code, text)


@register.filter(name="bilingual")
def bilingual_filter(thing: object, field: str) -> str:
    """``{{ business|bilingual:"name" }}``: the same as plain text, for titles, alternative texts and attributes."""
    return _texts(thing, field)[0]


@register.simple_tag
def other_language(thing: object, field: str) -> SafeString:
    """``{% other_language business "name" %}``: the text in the language that is *not* active, with its ``lang``."""
    code = "ja" if active_language() == "en" else "en"
    name = f"{field}_{code}"
    value = thing.get(name, "") if isinstance(thing, Mapping) else getattr(thing, name)
    return format_html('<span lang="{}">{}</span>', code, value) if value else SafeString("")


@register.simple_tag(takes_context=True)
def alternate_url(context: template.Context, language: str) -> str:
    """The absolute address of this page in another language, without its query."""
    request: HttpRequest = context["request"]
    return request.build_absolute_uri(translate_url(request.path, language))


@register.simple_tag(takes_context=True)
def twin_path(context: template.Context, language: str) -> str:
    """The path and query of this page in another language; of the first page where this one has no address.

    The language is that of the address alone, so the switch is a link and asks for no form and no cookie.
    """
    request: HttpRequest = context["request"]
    here = request.get_full_path()
    twin = translate_url(here, language)
    if twin != here:
        return twin
    with override(language):
        return reverse("home")


@register.simple_tag(takes_context=True)
def canonical_url(context: template.Context) -> str:
    """The absolute address of this page without its query: the one that search engines should keep."""
    request: HttpRequest = context["request"]
    return request.build_absolute_uri(request.path)


@register.simple_tag
def other_code() -> str:
    """The language code that the visitor may switch to."""
    return "ja" if active_language() == "en" else "en"


# --- links ------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def nav_link(context: template.Context, name: str, label: str, icon: str = "", *args: Any) -> SafeString:
    """A list item of a navigation, marked when it is the page shown; nothing at all while the page does not exist.
    `args` are those of the page's address."""
    try:
        url = reverse(name, args=args)
    except NoReverseMatch:
        return SafeString("")
    request: HttpRequest | None = context.get("request")
    match = request.resolver_match if request else None
    here = bool(match and match.view_name == name)
    drawing = icon_tag(icon) if icon else ""
    current = mark_safe(' aria-current="page"') if here else ""
    return format_html('<li><a href="{}"{}>{}{}</a></li>', url, current, drawing, label)


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """The query of this page with some parameters replaced, ``None`` to drop one: ``{% with_query page=3 %}``."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        else:
            query[key] = value
    return "?" + urlencode([(key, value) for key, values in query.lists() for value in values])


# --- looks ------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def theme_attribute(context: template.Context) -> SafeString:
    """`` data-theme="dark"`` when the visitor or the page chose a theme; written by the server, so nothing flashes."""
    theme = context.get("shown_theme") or chosen_theme(context.get("request"))
    return format_html(' data-theme="{}"', theme) if theme else SafeString("")


@register.simple_tag(takes_context=True)
def current_theme(context: template.Context) -> str:
    """``light``, ``dark``, or ``system`` when the visitor chose nothing."""
    return chosen_theme(context.get("request")) or "system"


@register.simple_tag(name="icon")
def icon_tag(name: str, small: bool = False) -> SafeString:
    """A decorative icon of ``static/img/icons.svg``; the words beside it carry the meaning."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        mark_safe(" icon--small") if small else "",
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def state_look(family: str, state: str) -> Look:
    """Tone and shape of a state: ``{% state_look "fund" fund.state as look %}``."""
    return look_of(family, state)


@register.simple_tag
def progress_geometry(done: int, total: int, held: int = 0) -> dict[str, int | bool]:
    """Whole-number geometry of a cut bar: percent (floored, so 100 % is never claimed early) and widths of 1000.

    ``held`` is what is reserved but not paid. More than the total fills the bar and no more.
    """
    if total <= 0:
        return {"percent": 0, "fill": 0, "held": 0, "full": False}
    fill = min(BAR_LENGTH, max(0, done) * BAR_LENGTH // total)
    ahead = min(BAR_LENGTH, max(0, done + held) * BAR_LENGTH // total)
    return {"percent": max(0, done) * 100 // total, "fill": fill, "held": ahead - fill, "full": done >= total}


@register.simple_tag
def split_share(investment: int, donation: int) -> int:
    """The investment's share of the two halves in percent, to the nearest ten from 20 to 80, for the split bar."""
    both = investment + donation
    return min(80, max(20, (investment * 100 // both + 5) // 10 * 10)) if both > 0 else 50


@register.simple_tag
def picture_src(picture: images.HasRenditions, width: int = 640) -> str:
    """Address of the smallest rendition at least ``width`` wide, else of the largest."""
    return images.src(picture, width)


@register.simple_tag
def picture_srcset(picture: images.HasRenditions) -> str:
    """The ``srcset`` of a picture."""
    return images.srcset(picture)


# --- forms ------------------------------------------------------------------------------------------


@register.simple_tag
def widget(field: BoundField, **attributes: Any) -> SafeString:
    """A field's input with more attributes: ``{% widget form.units inputmode="numeric" data_units_input=True %}``.

    Underscores become hyphens. Errors and hints stay tied to it by ``aria-describedby``, which Django writes.
    """
    return field.as_widget(attrs={name.replace("_", "-"): value for name, value in attributes.items()})


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Whether the field is one tick box, whose label stands behind it."""
    return getattr(field.field.widget, "input_type", "") == "checkbox" and not field.use_fieldset


@register.filter
def focus_id(field: BoundField) -> str:
    """The id of the input that a link in an error summary should lead to: the first one of a group."""
    return f"{field.auto_id}_0" if field.use_fieldset else field.id_for_label or field.auto_id


@register.filter
def as_lead(label: object) -> str:
    """A label in front of a colon, without its own question mark or full stop."""
    return str(label).rstrip("?.:。？：")


# --- blocks -----------------------------------------------------------------------------------------


@register.simple_block_tag(takes_context=True)
def panel(context: template.Context, content: str, title: str = "", kind: str = "", level: int = 2) -> SafeString:
    """``{% panel title=_("Terms") %}…{% endpanel %}``: elements/panel.html around what it holds."""
    values = {"title": title, "kind": kind, "level": level, "body": content}
    return mark_safe(render_to_string("elements/panel.html", values))  # noqa: S308 (our own template)


@register.simple_block_tag(takes_context=True)
def scroll_table(
    context: template.Context, content: str, caption: str, hide_caption: bool = False, cards: bool = False
) -> SafeString:
    """``{% scroll_table caption=_("Payments") %}<thead>…<tbody>…{% endscroll_table %}``.

    A table in a labelled region that scrolls sideways on a narrow screen and can be reached by keyboard; with `cards`
    its rows become cards there (see elements/table.html for what its cells must then carry).
    """
    values = {"caption": caption, "hide_caption": hide_caption, "cards": cards, "body": content}
    return mark_safe(render_to_string("elements/table.html", values))  # noqa: S308 (our own template)


@register.simple_tag
def language_name(code: str) -> str:
    """A language in its own words."""
    return {"en": "English", "ja": "日本語"}.get(code, code)


@register.filter
def page_range(paginator: Paginator, number: int) -> Iterator[int | str]:
    """Page numbers around ``number`` with gaps marked by the paginator's own sign."""
    return paginator.get_elided_page_range(number, on_each_side=1, on_ends=1)
