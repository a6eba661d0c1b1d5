"""Error pages (pages.md P22). The 500 page is static: it must not need what just failed."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.defaults import server_error

__all__ = ["bad_request", "forbidden", "not_found", "server_error"]


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """400 with a way on."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """403 with a way on."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """404; the same for what does not exist and what is another person's."""
    return render(request, "404.html", status=404)
