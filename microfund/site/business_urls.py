"""Business pages: they show several apps' data, so they live here; their names stay `businesses:…`."""

from django.urls import path

from . import business_pages

app_name = "businesses"
urlpatterns = [
    path("", business_pages.business_list, name="list"),
    path("<slug:slug>/", business_pages.detail, name="detail"),
    path("<slug:slug>/terms/", business_pages.terms_page, name="terms"),
    path("<slug:slug>/simulator/", business_pages.simulator, name="simulator"),
    path("<slug:slug>/documents/<str:sha256>/", business_pages.document, name="document"),
]
