"""Business pages: they show several apps' data, so they live here; their names stay `businesses:…`."""

from django.urls import URLPattern

app_name = "businesses"
urlpatterns: list[URLPattern] = []
