"""Pages that show more than one app's data."""

from django.urls import path

from . import calendar_pages, holding_pages, order_pages, own_pages, pages, preferences, styleguide

urlpatterns = [
    path("", pages.home, name="home"),
    path("how-it-works/", pages.how_it_works, name="how_it_works"),
    path("risks/", pages.risks, name="risks"),
    path("fees/", pages.fees, name="fees"),
    path("glossary/", pages.glossary, name="glossary"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("me/", own_pages.me, name="me"),
    path("me/holdings/", own_pages.holdings, name="holdings"),
    path("me/holdings.csv", own_pages.holdings_csv, name="holdings_csv"),
    path("me/holdings/<str:reference>/", holding_pages.holding, name="holding"),
    path("me/holdings/<str:reference>/sheet/", holding_pages.holding_sheet, name="holding_sheet"),
    path("me/holdings/<str:reference>/supporter/", holding_pages.holding_supporter, name="holding_supporter"),
    path("me/orders/", own_pages.own_orders, name="orders"),
    path("me/calendar/", calendar_pages.calendar, name="calendar"),
    path("me/calendar/address/", calendar_pages.calendar_address, name="calendar_address"),
    path("orders/<str:reference>/", order_pages.order, name="order"),
    path("preferences/theme/", preferences.set_theme, name="set_theme"),
]
