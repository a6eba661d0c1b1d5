"""The floor of `benchmarks/web.py`: the same settings without middleware, and one view that says two letters."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks.served import *

MIDDLEWARE = []
ROOT_URLCONF = "benchmarks.bare"


def ok(request: HttpRequest) -> HttpResponse:
    """The least that Django can answer."""
    return HttpResponse("ok")


urlpatterns = [path("", ok)]
