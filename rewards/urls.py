"""A person's rewards, and what the owners of a business do for them."""

from django.urls import path

from . import studio_views, views

app_name = "rewards"
urlpatterns = [
    path("me/rewards/", views.reward_list, name="list"),
    path("me/rewards/<int:pk>/", views.claim, name="claim"),
    path("me/rewards/<int:pk>/decline/", views.decline, name="decline"),
    path("studio/<slug:slug>/rewards/", studio_views.season, name="season"),
    path("studio/<slug:slug>/rewards/cycles/<int:pk>/pack/", studio_views.pack, name="pack"),
    path("studio/<slug:slug>/rewards/batches/<int:pk>/", studio_views.batch, name="batch"),
    path(
        "studio/<slug:slug>/rewards/batches/<int:pk>/parcels/<int:entitlement>/",
        studio_views.parcel_act,
        name="parcel",
    ),
    path("studio/<slug:slug>/rewards/batches/<int:pk>/<slug:kind>/", studio_views.export, name="export"),
    path("studio/<slug:slug>/vouchers/", studio_views.till, name="till"),
]
