"""Addresses for machines, the same in every language."""

from django.urls import path

from . import calendar_pages, health, machine_pages, results_pages

urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("me/calendar/<str:token>.ics", calendar_pages.calendar_feed, name="calendar_feed"),
    path("sitemap.xml", machine_pages.sitemap, name="sitemap"),
    path("robots.txt", machine_pages.robots, name="robots"),
    path(".well-known/security.txt", machine_pages.security_txt, name="security_txt"),
    path("verify.py", results_pages.verify_script, name="verify_script"),
]
