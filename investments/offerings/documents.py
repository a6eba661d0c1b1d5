"""Documents rendered from the frozen terms, stored as bytes with their SHA-256, never rendered again."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from .models import Document, Fund, Terms

LANGUAGES = ("en", "ja")


def write(fund: Fund, terms: Terms, *, at: datetime) -> list[Document]:
    """Render and store every document of these terms in every language; runs in the caller's transaction."""
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
                written.append(
                    Document.objects.create(
                        fund=fund,
                        terms=terms,
                        kind=kind,
                        language=language,
                        html=html,
                        sha256=hashlib.sha256(html).hexdigest(),
                        created_at=at,
                    )
                )
    return written
