"""System checks of the settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error


def time_stands_still(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Only a demo may move its clock: with real money, nobody may be made to believe that a deadline has passed."""
    if settings.DEMO_MODE or not (settings.TIME_TRAVEL or settings.CLOCK_FILE):
        return []
    return [
        Error("TIME_TRAVEL and CLOCK_FILE are for the demo and the tests.", hint="Unset both.", id="microfund.E001")
    ]
