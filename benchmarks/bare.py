"""The floor of `benchmarks/web.py`: the same settings without middleware, and one view that says two letters."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks.served import *  # noqa: F403

MIDDLEWARE = []
INSTALLED_APPS = []  # allauth refuses to start without its middleware; what the view needs is none of them
ROOT_URLCONF = "benchmarks.bare"


def ok(request: HttpRequest) -> HttpResponse:
    """The least that Django can answer, with its length, which the server would else send as a chunk of its own."""
    return HttpResponse("ok", headers={"Content-Length": "2"})


urlpatterns = [path("", ok)]
