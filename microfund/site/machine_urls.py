"""Addresses for machines, the same in every language."""

from django.urls import path

from . import health, machine_pages

urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("sitemap.xml", machine_pages.sitemap, name="sitemap"),
    path("robots.txt", machine_pages.robots, name="robots"),
    path(".well-known/security.txt", machine_pages.security_txt, name="security_txt"),
]
