"""A person's rewards, and what the owners of a business do for them."""

from django.urls import path

from . import letter_views, offer_views, studio_views, views, visit_views

app_name = "rewards"
urlpatterns = [
    path("me/rewards/", views.reward_list, name="list"),
    path("me/rewards/<int:pk>/", views.claim, name="claim"),
    path("me/vouchers/<int:pk>/", views.voucher, name="voucher"),
    path("me/rewards/<int:pk>/decline/", views.decline, name="decline"),
    path("me/rewards/<int:pk>/received/", views.received, name="received"),
    path("me/rewards/<int:pk>/problem/", views.complain, name="complain"),
    path("me/rewards/<int:pk>/files/<int:file>/", views.download, name="download"),
    path("businesses/<slug:slug>/visits/", visit_views.visit_list, name="visits"),
    path("businesses/<slug:slug>/visits/<int:pk>/", visit_views.visit, name="visit"),
    path("businesses/<slug:slug>/visits/<int:pk>/cancel/", visit_views.visit_cancel, name="visit_cancel"),
    path("me/visits/", visit_views.own_visits, name="own_visits"),
    path("me/visits/<int:pk>.ics", visit_views.visit_ics, name="visit_ics"),
    path("studio/<slug:slug>/visits/", visit_views.visit_desk, name="visit_desk"),
    path("studio/<slug:slug>/visits/<int:pk>/", visit_views.visit_desk, name="visit_change"),
    path("studio/<slug:slug>/visits/<int:pk>/people/", visit_views.visit_people, name="visit_people"),
    path("me/letters/", letter_views.letter_list, name="letters"),
    path("me/letters/<int:pk>/", letter_views.letter, name="letter"),
    path("studio/<slug:slug>/letters/", letter_views.letter_desk, name="letter_desk"),
    path("studio/<slug:slug>/rewards/", studio_views.season, name="season"),
    path("studio/<slug:slug>/rewards/cycles/<int:pk>/pack/", studio_views.pack, name="pack"),
    path("studio/<slug:slug>/rewards/batches/<int:pk>/", studio_views.batch, name="batch"),
    path(
        "studio/<slug:slug>/rewards/batches/<int:pk>/parcels/<int:entitlement>/",
        studio_views.parcel_act,
        name="parcel",
    ),
    path("studio/<slug:slug>/rewards/batches/<int:pk>/<slug:kind>/", studio_views.export, name="export"),
    path("studio/<slug:slug>/rewards/offers/", offer_views.offer_desk, name="offer_new"),
    path("studio/<slug:slug>/rewards/offers/<int:pk>/", offer_views.offer_desk, name="offer"),
    path("studio/<slug:slug>/rewards/offers/<int:pk>/files/", offer_views.files, name="offer_files"),
    path("studio/<slug:slug>/vouchers/", studio_views.till, name="till"),
    path("studio/<slug:slug>/vouchers/list/", studio_views.voucher_list, name="voucher_list"),
]
