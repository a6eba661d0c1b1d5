"""Pages that show more than one app's data."""

from django.urls import path

from . import document_pages, order_pages, pages, preferences, styleguide

urlpatterns = [
    path("", pages.home, name="home"),
    path("how-it-works/", pages.how_it_works, name="how_it_works"),
    path("risks/", pages.risks, name="risks"),
    path("fees/", pages.fees, name="fees"),
    path("glossary/", pages.glossary, name="glossary"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("me/", order_pages.me, name="me"),
    path("me/documents/", document_pages.my_documents, name="my_documents"),
    path("me/holdings/<slug:reference>/", order_pages.holding, name="holding"),
    path("orders/<slug:reference>/", order_pages.order, name="order"),
    path("preferences/theme/", preferences.set_theme, name="set_theme"),
]
