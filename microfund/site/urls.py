"""Pages that show more than one app's data."""

from django.urls import path

from . import feeds, follow_pages, news_pages, order_pages, pages, preferences, styleguide

urlpatterns = [
    path("", pages.home, name="home"),
    path("how-it-works/", pages.how_it_works, name="how_it_works"),
    path("risks/", pages.risks, name="risks"),
    path("fees/", pages.fees, name="fees"),
    path("glossary/", pages.glossary, name="glossary"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("stories/", news_pages.stories, name="stories"),
    path("feeds/news.atom", feeds.NewsFeed(), name="news_feed"),
    path("follow/<str:token>/", follow_pages.follow_confirm, name="follow_confirm"),
    path("unfollow/<str:token>/", follow_pages.unfollow, name="unfollow"),
    path("me/following/", follow_pages.following_list, name="following"),
    path("me/", order_pages.me, name="me"),
    path("me/holdings/<str:reference>/", order_pages.holding, name="holding"),
    path("orders/<str:reference>/", order_pages.order, name="order"),
    path("preferences/theme/", preferences.set_theme, name="set_theme"),
]
