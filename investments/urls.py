"""The funding flow and what a payer does with an order."""

from django.urls import URLPattern

app_name = "investments"
urlpatterns: list[URLPattern] = []
