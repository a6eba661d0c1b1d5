"""Pages in plain words from dated Markdown files (pages.md P18): ``words/<name>.<language>.md``.

A file begins with lines ``title:``, ``lead:`` and ``date:``, then an empty line, then Markdown without HTML. A link to
``page:<name of the address>`` leads to that page in the reader's language; ``{operator_name}`` and its like stand for
what the settings say of the operator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .page_cache import for_visitors
from .templatetags.tomobune import active_language

FOLDER = Path(__file__).resolve().parent / "words"
NAMES = ("help", "about", "contact", "accessibility", "privacy", "legal_terms", "legal_disclosure")
PAGE = "page:"
_PLACE = re.compile(r"\{(operator_\w+)\}")


@dataclass(frozen=True, slots=True)
class Words:
    """A page as its file has it: `tokens` are the parsed Markdown, `dated` when somebody last read it through."""

    title: str
    lead: str
    dated: date
    tokens: list[Token]


def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


@cache
def read(name: str, language: str) -> Words:
    """The file of a page. Raises FileNotFoundError, and KeyError or ValueError for a head that is not whole."""
    text = (FOLDER / f"{name}.{language}.md").read_text(encoding="utf-8")
    head, body = text.split("\n\n", 1)
    facts = dict(line.split(": ", 1) for line in head.splitlines())
    return Words(facts["title"], facts["lead"], date.fromisoformat(facts["date"]), _markdown().parse(body))


def html_of(words: Words) -> SafeString:
    """The body of a page in the active language: links resolved, headings with anchors, tables in scroll regions."""
    # A copy shares its attributes with what is cached, so each that is changed gets its own.
    tokens = [token.copy(attrs=dict(token.attrs)) for token in words.tokens]
    headings = 0
    for token in tokens:
        if token.type == "heading_open":
            headings += 1
            token.attrSet("id", f"part-{headings}")
        if token.children:
            token.children = [_resolved(child) for child in token.children]
    markdown = _markdown()
    html = markdown.renderer.render(tokens, markdown.options, {})
    region = (
        f'<div class="table-scroll" role="region" tabindex="0" aria-label="{conditional_escape(words.title)}"><table>'
    )
    html = html.replace("<table>", region).replace("</table>", "</table></div>")
    # Our own file without HTML, rendered by a parser that escapes; what the settings say is escaped here.
    return mark_safe(_PLACE.sub(lambda found: conditional_escape(_operator(found[1])), html))  # noqa: S308


def _resolved(token: Token) -> Token:
    href = str(token.attrGet("href") or "")
    if token.type == "link_open" and href.startswith(PAGE):
        token = token.copy(attrs=dict(token.attrs))
        token.attrSet("href", reverse(href.removeprefix(PAGE)))
    return token


def _operator(name: str) -> str:
    """What the settings say of the operator in the active language, or that they say nothing."""
    key = name.removeprefix("operator_")
    value = settings.OPERATOR.get(key) or settings.OPERATOR.get(f"{key}_{active_language()}")
    return str(value or _("(the operator has not stated this)"))


def context_of(name: str) -> dict[str, Any]:
    """What the template of a plain page is given."""
    words = read(name, active_language())
    return {"words": words, "body": html_of(words), "trail": [(_("Home"), reverse("home"))]}


@for_visitors
@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """P18: one of the pages above."""
    return render(request, "site/words.html", context_of(name))


@for_visitors
@require_safe
def disclosure(request: HttpRequest) -> HttpResponse:
    """P18: what the law asks a seller and a fund house to state, from the settings."""
    facts = [
        (_("Operator"), _operator("operator_name")),
        (pgettext("of a company", "Representative"), _operator("operator_representative")),
        (_("Address"), _operator("operator_address")),
        (_("Phone"), _operator("operator_phone")),
        (_("E-mail"), _operator("operator_email")),
        (_("Registration"), _operator("operator_registration")),
    ]
    return render(request, "site/words.html", {**context_of("legal_disclosure"), "facts": facts})
