"""Stored documents, byte for byte (pages.md P4): HTML in a sandbox, PDF to keep.

Both stay at their addresses for ever: whoever accepted a document finds it there as it was.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from investments.offerings import queries as offerings
from investments.offerings.models import Document

ONE_YEAR = 365 * 24 * 3600


@require_safe
def document(request: HttpRequest, slug: str, sha256: str) -> HttpResponse:
    """A stored document as it was accepted. It is shown in a sandbox: it can run and load nothing, and looks as its
    own few styles say."""
    found = offerings.document(slug, sha256)
    if found is None:
        raise Http404
    response = HttpResponse(bytes(found.html), content_type="text/html; charset=utf-8")
    way = "attachment" if "download" in request.GET else "inline"
    response["Content-Disposition"] = f'{way}; filename="{_name(found, slug)}.html"'
    response["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return _kept(response, found, found.sha256)


@require_safe
def document_pdf(request: HttpRequest, slug: str, sha256: str) -> HttpResponse:
    """The PDF that was set from a document when its terms were frozen; 404 if it is from before PDFs were made.

    It is sent to be saved: a viewer within the browser would need rights that no page of ours has.
    """
    found = offerings.document(slug, sha256, form="pdf")
    if found is None or found.pdf is None:
        raise Http404
    response = HttpResponse(bytes(found.pdf), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{_name(found, slug)}.pdf"'
    return _kept(response, found, found.pdf_sha256)


def _name(found: Document, slug: str) -> str:
    return f"{slug}-{found.kind}-{found.language}-{found.sha256[:12]}"


def _kept(response: HttpResponse, found: Document, sha256: str) -> HttpResponse:
    response["Content-Language"] = found.language
    response["ETag"] = f'"{sha256}"'
    response["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable"
    return response
