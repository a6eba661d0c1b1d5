"""What every page needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from businesses import members
from microfund.kernel import clock


def site(request: HttpRequest) -> dict[str, Any]:
    """The operator, the site's address, whether this is the demo, and its date."""
    return {
        "demo_mode": settings.DEMO_MODE,
        # The day that the demo has travelled to.
        "demo_date": clock.today_in(None, clock.now()) if clock.moved() else None,
        "site_url": settings.SITE_URL,
        "sandbox_url": settings.SANDBOX_URL if settings.STRIPE_SECRET_KEY.startswith("sk_sandbox_") else "",
        "operator": settings.OPERATOR,
        # Asked for by the pages that link to the studio, and by no other.
        "has_studio": SimpleLazyObject(lambda: _has_studio(request)),
    }


def _has_studio(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return bool(user and user.is_authenticated and members.businesses_of(user).exists())
