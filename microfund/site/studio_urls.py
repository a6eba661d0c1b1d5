"""The studio: its front looks into several apps and lives here, the pages behind it belong to their apps."""

from django.urls import path

from businesses.studio import list_views, member_views, news_views, question_views, section_views

from . import studio_pages, studio_report_pages

app_name = "studio"
urlpatterns = [
    path("", studio_pages.studio_home, name="home"),
    path("<slug:slug>/", studio_pages.studio_business, name="business"),
    path("<slug:slug>/reports/", studio_report_pages.report_list, name="reports"),
    path("<slug:slug>/reports/<int:pk>/", studio_report_pages.report_edit, name="report"),
    path(
        "<slug:slug>/reports/<int:pk>/files/<int:file>/",
        studio_report_pages.report_evidence,
        name="report_evidence",
    ),
    path("<slug:slug>/payments/", studio_report_pages.payment_list, name="payments"),
    path("<slug:slug>/members/", member_views.member_list, name="members"),
    path("<slug:slug>/members/invite/", member_views.member_invite, name="member_invite"),
    path("<slug:slug>/members/<int:pk>/remove/", member_views.member_remove, name="member_remove"),
    path("<slug:slug>/profile/", section_views.section_edit, {"section": "profile"}, name="profile"),
    path("<slug:slug>/uses/", section_views.section_edit, {"section": "uses"}, name="uses"),
    path("<slug:slug>/plan/", section_views.section_edit, {"section": "plan"}, name="plan"),
    path("<slug:slug>/team/", list_views.list_edit, {"section": "team"}, name="team"),
    path("<slug:slug>/pictures/", list_views.list_edit, {"section": "pictures"}, name="pictures"),
    path("<slug:slug>/milestones/", list_views.list_edit, {"section": "steps"}, name="steps"),
    path("<slug:slug>/spending/", list_views.list_edit, {"section": "spent"}, name="spent"),
    path("<slug:slug>/questions/", question_views.question_list, name="questions"),
    path("<slug:slug>/news/", news_views.news_list, name="news"),
    path("<slug:slug>/news/new/", news_views.news_new, name="news_new"),
    path("<slug:slug>/news/preview/", news_views.news_preview, name="news_preview"),
    path("<slug:slug>/news/autosave/", news_views.news_autosave, name="news_autosave"),
    path("<slug:slug>/news/<int:pk>/edit/", news_views.news_edit, name="news_edit"),
    path("<slug:slug>/news/<int:pk>/publish/", news_views.news_publish, name="news_publish"),
    path("<slug:slug>/news/<int:pk>/mail/<str:language>.html", news_views.news_mail, name="news_mail"),
    path("<slug:slug>/news/<int:pk>/withdraw/", news_views.news_withdraw, name="news_withdraw"),
    path("<slug:slug>/news/<int:pk>/delete/", news_views.news_delete, name="news_delete"),
]
