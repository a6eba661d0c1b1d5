"""Business pages: they show several apps' data, so they live here; their names stay `businesses:…`."""

from django.urls import path, register_converter

from microfund.kernel.converters import Sha256Converter

from . import business_pages, document_pages, share_pages

register_converter(Sha256Converter, "sha256")

app_name = "businesses"
urlpatterns = [
    path("", business_pages.business_list, name="list"),
    path("<slug:slug>/", business_pages.detail, name="detail"),
    path("<slug:slug>/social/<slug:key>.png", share_pages.social_card, name="social_card"),
    path("<slug:slug>/terms/", business_pages.terms_page, name="terms"),
    path("<slug:slug>/simulator/", business_pages.simulator, name="simulator"),
    path("<slug:slug>/documents/<sha256:sha256>/", document_pages.document, name="document"),
    path("<slug:slug>/documents/<sha256:sha256>/pdf/", document_pages.document_pdf, name="document_pdf"),
]
