"""What every page needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The operator, the site's address and whether this is the demo."""
    return {
        "demo_mode": settings.DEMO_MODE,
        "site_url": settings.SITE_URL,
        "sandbox_url": settings.SANDBOX_URL if settings.STRIPE_SECRET_KEY.startswith("sk_sandbox_") else "",
        "operator": settings.OPERATOR,
    }
