"""Business pages: they show several apps' data, so they live here; their names stay `businesses:…`."""

from django.urls import path, register_converter

from microfund.kernel.converters import Sha256Converter

from . import (
    business_pages,
    document_pages,
    feeds,
    follow_pages,
    list_pages,
    news_pages,
    question_pages,
    results_pages,
    share_pages,
    supporter_pages,
)

register_converter(Sha256Converter, "sha256")

app_name = "businesses"
urlpatterns = [
    path("", list_pages.business_list, name="list"),
    path("<slug:slug>/", business_pages.detail, name="detail"),
    path("<slug:slug>/social/<slug:key>.png", share_pages.social_card, name="social_card"),
    path("<slug:slug>/terms/", business_pages.terms_page, name="terms"),
    path("<slug:slug>/simulator/", business_pages.simulator, name="simulator"),
    path("<slug:slug>/results/", results_pages.results, name="results"),
    path("<slug:slug>/results.csv", results_pages.results_csv, name="results_csv"),
    path("<slug:slug>/results.json", results_pages.results_json, name="results_json"),
    path("<slug:slug>/proof.json", results_pages.proof_file, name="proof"),
    path("<slug:slug>/supporters/", supporter_pages.supporters, name="supporters"),
    path("<slug:slug>/documents/<sha256:sha256>/", document_pages.document, name="document"),
    path("<slug:slug>/documents/<sha256:sha256>/pdf/", document_pages.document_pdf, name="document_pdf"),
    path("<slug:slug>/news/", news_pages.business_news, name="news"),
    path("<slug:slug>/news.atom", feeds.BusinessNewsFeed(), name="news_feed"),
    path("<slug:slug>/news/<int:pk>-<slug:words>/", news_pages.news_post, name="news_post"),
    path("<slug:slug>/news/<int:pk>/thanks/", news_pages.news_thanks, name="news_thanks"),
    path("<slug:slug>/news/<int:pk>/comments/", news_pages.news_comment, name="news_comment"),
    path("<slug:slug>/news/<int:pk>/comments/<int:comment>/remove/", news_pages.comment_remove, name="comment_remove"),
    path("<slug:slug>/questions/", question_pages.questions, name="questions"),
    path("<slug:slug>/questions/<int:pk>/wonder/", question_pages.question_wonder, name="question_wonder"),
    path("<slug:slug>/follow/", follow_pages.follow, name="follow"),
    path("<slug:slug>/follow/asked/", follow_pages.follow_asked, name="follow_asked"),
    path("<slug:slug>/follow/end/", follow_pages.follow_end, name="follow_end"),
]
