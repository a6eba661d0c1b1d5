"""Pages that show more than one app's data."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
