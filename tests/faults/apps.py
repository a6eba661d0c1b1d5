"""Installed by the test settings alone, and only when FAULT_POINT is set: hooks the boundaries of a real process."""

from django.apps import AppConfig
from django.conf import settings


class FaultsConfig(AppConfig):
    name = "tests.faults"
    label = "faults"

    def ready(self) -> None:
        from tests.faults import points

        points.install()
        points.arm(settings.FAULT_POINT)
