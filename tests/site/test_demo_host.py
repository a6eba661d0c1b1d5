"""The demo is one host, so that nobody comes back from the payment page logged out."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from microfund.site.demo_host import one_host


@pytest.mark.parametrize(
    ("method", "path", "host", "leads_to"),
    [
        ("get", "/businesses/?trade=sake", "127.0.0.1:8000", "http://localhost:8000/businesses/?trade=sake"),
        ("head", "/", "127.0.0.1:8000", "http://localhost:8000/"),
        ("get", "/", "localhost:8000", None),
        ("get", "/", "127.0.0.1:9000", None),
        ("get", "/", "demo.example", None),
        ("get", "/healthz", "127.0.0.1:8000", None),
        ("post", "/webhooks/stripe/", "127.0.0.1:8000", None),
        ("get", "//evil.example/", "127.0.0.1:8000", "http://localhost:8000//evil.example/"),
    ],
)
def test_the_address_leads_to_the_name(method: str, path: str, host: str, leads_to: str | None, settings: Any) -> None:
    settings.SITE_URL = "http://localhost:8000"
    request = getattr(RequestFactory(), method)("/", HTTP_HOST=host)
    request.path, _, request.META["QUERY_STRING"] = path.partition("?")
    response = one_host(lambda request: HttpResponse(status=204))(request)
    assert response.headers.get("Location") == leads_to
    assert response.status_code == (302 if leads_to else 204)
