"""Too many tries to log in: from when on one may try again, the same whether there is such an account or not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from microfund.kernel import clock, limits
from tests import make

pytestmark = pytest.mark.django_db

KNOWN, UNKNOWN = "haruka@example.com", "nobody@example.com"
NOW = datetime.fromisoformat("2026-11-27T03:00:20+00:00")


@pytest.fixture(autouse=True)
def counted(settings: Any) -> None:
    """allauth's own limits, with empty counters."""
    settings.ACCOUNT_RATE_LIMITS = {}
    cache.clear()


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The clocks of the site, of the machine and of allauth's counters, moved by the test."""

    def move(at: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: at)
        monkeypatch.setattr(clock, "machine", lambda: at)
        monkeypatch.setattr("allauth.core.internal.ratelimit.time.time", at.timestamp)

    return move


def log_in(email: str) -> str:
    answer = Client().post(reverse("account_login"), {"login": email, "password": "Not-the-oar-1970"})
    assert answer.status_code in (200, 422)
    return answer.content.decode()


@pytest.mark.parametrize("email", [KNOWN, UNKNOWN])
def test_the_sixth_failure_says_when_the_first_one_is_forgotten(email: str, hands: Any) -> None:
    make.make_user(email=KNOWN)
    for number in range(5):
        hands(NOW + timedelta(seconds=20 * number))
        assert "Too many" not in log_in(email)
    hands(NOW + timedelta(seconds=200))
    again = limits.words(datetime.fromisoformat("2026-11-27T03:06:00+00:00"))
    for _time in range(2):
        assert f"Too many failed tries. You can try again from {again}, Japan time." in log_in(email)
    hands(datetime.fromisoformat("2026-11-27T03:06:00+00:00"))
    assert "Too many" not in log_in(email), "what was said holds"


def test_failures_from_one_place_say_when_too(hands: Any) -> None:
    hands(NOW)
    for number in range(10):
        log_in(f"person{number}@example.com")
    again = limits.words(datetime.fromisoformat("2026-11-27T03:02:00+00:00"))
    assert f"from {again}, Japan time" in log_in("person10@example.com")


def test_codes_asked_for_too_often_and_floods_say_a_time_that_holds(hands: Any) -> None:
    hands(NOW)
    again = limits.words(datetime.fromisoformat("2026-11-27T03:06:00+00:00"))
    pages = [
        Client().post(reverse("account_request_login_code"), {"email": UNKNOWN}).content.decode() for _time in range(4)
    ]
    assert f"from {again}, Japan time" in pages[-1] and again not in pages[-2]
    floods = [Client().post(reverse("account_login"), {"login": "", "password": ""}) for _time in range(31)]
    assert floods[-1].status_code == 429 and f"from {again}, Japan time" in floods[-1].content.decode()
