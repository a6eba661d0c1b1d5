"""Where the provider calls us."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
