"""Addresses for machines, the same in every language."""

from django.urls import path

from . import calendar_pages, health

urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("me/calendar/<str:token>.ics", calendar_pages.calendar_feed, name="calendar_feed"),
]
