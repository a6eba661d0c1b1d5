"""Pages that show more than one app's data."""

from django.urls import path

from . import (
    calendar_pages,
    contact_pages,
    document_pages,
    holding_pages,
    order_pages,
    own_pages,
    pages,
    plain_pages,
    preferences,
    styleguide,
)

urlpatterns = [
    path("", pages.home, name="home"),
    path("how-it-works/", pages.how_it_works, name="how_it_works"),
    path("risks/", pages.risks, name="risks"),
    path("fees/", pages.fees, name="fees"),
    path("glossary/", pages.glossary, name="glossary"),
    path("help/", plain_pages.page, {"name": "help"}, name="help"),
    path("about/", plain_pages.page, {"name": "about"}, name="about"),
    path("accessibility/", plain_pages.page, {"name": "accessibility"}, name="accessibility"),
    path("privacy/", plain_pages.page, {"name": "privacy"}, name="privacy"),
    path("legal/terms/", plain_pages.page, {"name": "legal_terms"}, name="legal_terms"),
    path("legal/disclosure/", plain_pages.disclosure, name="legal_disclosure"),
    path("contact/", contact_pages.contact, name="contact"),
    path("contact/sent/", contact_pages.sent, name="contact_sent"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("me/", own_pages.me, name="me"),
    path("me/holdings/", own_pages.holdings, name="holdings"),
    path("me/holdings.csv", own_pages.holdings_csv, name="holdings_csv"),
    path("me/holdings/<slug:reference>/", holding_pages.holding, name="holding"),
    path("me/holdings/<slug:reference>/sheet/", holding_pages.holding_sheet, name="holding_sheet"),
    path("me/holdings/<slug:reference>/supporter/", holding_pages.holding_supporter, name="holding_supporter"),
    path("me/orders/", own_pages.own_orders, name="orders"),
    path("me/documents/", document_pages.my_documents, name="my_documents"),
    path("me/calendar/", calendar_pages.calendar, name="calendar"),
    path("me/calendar/address/", calendar_pages.calendar_address, name="calendar_address"),
    path("orders/<slug:reference>/", order_pages.order, name="order"),
    path("preferences/theme/", preferences.set_theme, name="set_theme"),
]
