"""Pages that show more than one app's data."""

from django.urls import path

from . import notification_pages, order_pages, pages, preferences, privacy_pages, styleguide

urlpatterns = [
    path("", pages.home, name="home"),
    path("how-it-works/", pages.how_it_works, name="how_it_works"),
    path("risks/", pages.risks, name="risks"),
    path("fees/", pages.fees, name="fees"),
    path("glossary/", pages.glossary, name="glossary"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("me/", order_pages.me, name="me"),
    path("me/notifications/", notification_pages.notifications, name="notifications"),
    path("me/privacy/", privacy_pages.privacy, name="privacy_mine"),
    path("me/privacy/export/", privacy_pages.export, name="export_mine"),
    path("me/privacy/close/", privacy_pages.close, name="close_account"),
    path("me/holdings/<str:reference>/", order_pages.holding, name="holding"),
    path("orders/<str:reference>/", order_pages.order, name="order"),
    path("preferences/theme/", preferences.set_theme, name="set_theme"),
]
