"""Documents rendered from the frozen terms as HTML and PDF, stored as bytes with their SHA-256, never rendered again.

The HTML is the document, at its own address. The PDF is set from that HTML (document_parts.py), so it says the same
words in the same order, by a template of its own (typst/document.typ); it names the SHA-256 of the HTML on each page.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from microfund.kernel import clock, typesetting

from .document_parts import parts
from .models import Document, Fund, Terms

LANGUAGES = ("en", "ja")
TEMPLATE = Path(__file__).resolve().parent.joinpath("typst", "document.typ")


def write(fund: Fund, terms: Terms, *, at: datetime) -> list[Document]:
    """Render and store every document of these terms in every language; runs in the caller's transaction.

    Takes about a tenth of a second for each document. Raises what typesetting.pdf raises: without fonts no terms are
    frozen.
    """
    written = []
    for language in LANGUAGES:
        with translation.override(language):
            for kind in Document.Kind.values:
                html = render_to_string(
                    f"investments/documents/{kind}.html",
                    {
                        "fund": fund,
                        "business": fund.business,
                        "terms": terms,
                        "policy": fund.policy,
                        "language": language,
                        "at": at,
                        "operator_name": settings.OPERATOR[f"name_{language}"],
                        "operator_email": settings.OPERATOR["email"],
                    },
                ).encode()
                sha256 = hashlib.sha256(html).hexdigest()
                pdf = render_pdf(html.decode(), language=language, at=at)
                written.append(
                    Document.objects.create(
                        fund=fund,
                        terms=terms,
                        kind=kind,
                        language=language,
                        html=html,
                        sha256=sha256,
                        pdf=pdf,
                        pdf_sha256=hashlib.sha256(pdf).hexdigest(),
                        created_at=at,
                    )
                )
    return written


def render_pdf(html: str, *, language: str, at: datetime, foot: str = "", landscape: bool = False) -> bytes:
    """The PDF of a document; the same input gives the same bytes. The active language is that of the document.

    `at` is when what it says was settled and the only instant in the file. Each page names the SHA-256 of the HTML, or
    says `foot` where that HTML is not kept; `landscape` lays the sheet on its side for a wide table. Raises ValueError
    for a page that has a tag which no document of ours has, and what typesetting.pdf raises.
    """
    on = clock.today_in(at=at)
    data = {
        **parts(html),
        "language": language,
        "author": settings.OPERATOR[f"name_{language}"],
        "date": [on.year, on.month, on.day],
        "sha256": "" if foot else hashlib.sha256(html.encode()).hexdigest(),
        "keep": foot or _("Set from the stored HTML with the SHA-256"),
        "page": _("Page"),
        "landscape": landscape,
    }
    return typesetting.pdf(TEMPLATE, data, at=at)
