"""A mail put together from its templates. What is sent and what staff look at beforehand come from here.

The templates of a kind are `email/<kind>.subject.txt`, `email/<kind>.txt` and `email/<kind>.html`; kinds that are put
together in Python share those of `letter`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Mail:
    """A mail as it goes out; `preheader` is what a list of mails shows beside the subject."""

    language: str
    subject: str
    preheader: str
    text: str
    html: str


_collected: ContextVar[list[tuple[str, Mail]] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting() -> Iterator[list[tuple[str, Mail]]]:
    """Within, no mail is queued or sent: each is put on this list instead, with its kind."""
    found: list[tuple[str, Mail]] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def is_collecting() -> bool:
    """Whether mails are only looked at."""
    return _collected.get() is not None


def collect(kind: str, mail: Mail) -> bool:
    """Put the mail on the list of whoever collects; False if nobody does and it is to go out."""
    found = _collected.get()
    if found is None:
        return False
    found.append((kind, mail))
    return True


def compose(template: str, context: dict[str, Any], *, language: str) -> Mail:
    """The mail of this template in a language. Raises TemplateDoesNotExist for an unknown one."""
    with translation.override(language):
        full = {**_frame(language), **context}
        subject = " ".join(render_to_string(f"email/{template}.subject.txt", full).split())
        text = render_to_string(f"email/{template}.txt", full).strip() + "\n"
        preheader = _first_words(text, str(context.get("name", "")))
        html = _dressed(template, {**full, "subject": subject, "preheader": preheader})
        return Mail(language, subject, preheader, text, html)


def of_text(subject: str, text: str, *, language: str) -> Mail:
    """The mail that a package wrote as text only, set in HTML like all others (`email/account.html`)."""
    with translation.override(language):
        preheader = _first_words(text, "")
        paragraphs = text.partition("\n-- \n")[0].strip().split("\n\n")
        context = {"subject": subject, "paragraphs": paragraphs, "preheader": preheader}
        return Mail(language, subject, preheader, text, _dressed("account", {**_frame(language), **context}))


def _frame(language: str) -> dict[str, Any]:
    """What every mail names."""
    return {
        "site_url": settings.SITE_URL,
        "operator": {
            "name": settings.OPERATOR.get(f"name_{language}", settings.OPERATOR["name_en"]),
            "email": settings.OPERATOR["email"],
        },
        "language": language,
    }


def _dressed(template: str, context: dict[str, Any]) -> str:
    html = render_to_string(f"email/{template}.html", context)
    return css_inline.CSSInliner(load_remote_stylesheets=False).inline(html)


def _first_words(text: str, name: str) -> str:
    """The first paragraph after the greeting, on one line."""
    greeting = _("Dear %(name)s,") % {"name": name}
    for paragraph in text.strip().split("\n\n"):
        words = " ".join(paragraph.split())
        if words != greeting:
            return words
    return ""
