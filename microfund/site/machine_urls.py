"""Addresses for machines, the same in every language."""

from django.urls import path

from . import health

urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
