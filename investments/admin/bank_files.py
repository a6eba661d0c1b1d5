"""Files for the bank, given out to be saved and kept by no cache."""

from __future__ import annotations

from django.http import HttpResponse


def bank_file(content: bytes, name: str) -> HttpResponse:
    """A file of the bank under this name."""
    response = HttpResponse(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
