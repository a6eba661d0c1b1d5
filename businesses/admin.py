"""Businesses, their pictures and members, and the disasters they answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from microfund.kernel import clock, queues
from microfund.kernel.accounts.roles import AUDITOR, OPERATIONS, REVIEWER, SUPPORT
from microfund.kernel.acts import Act, RemarkForm
from microfund.kernel.admin import ReadOnlyAdmin, ReadOnlyInline, StaffAdmin, StaffInline

from . import images, profile_admin, services  # noqa: F401  (registers its own)
from .models import (
    Business,
    Comment,
    Disaster,
    Follow,
    Membership,
    Milestone,
    Picture,
    Post,
    PostPhoto,
    Question,
    Spending,
    TeamPerson,
)
from .news import answers
from .news import services as news
from .questions import services as questions

EDITORS = (REVIEWER, OPERATIONS)


class PictureForm(forms.ModelForm):
    """A picture with its descriptions; a new one needs a file, an old one may get another."""

    file = forms.FileField(
        label=_("file"), required=False, help_text=_("JPEG, PNG or WebP, at most 20 MB. It is encoded anew.")
    )

    class Meta:
        model = Picture
        fields = ("role", "moment", "alt_en", "alt_ja", "position")

    def clean_file(self) -> Any:
        file = self.cleaned_data.get("file")
        if file is None:
            if self.instance.pk is None:
                raise forms.ValidationError(_("Choose a picture."))
            return None
        try:
            made = images.ingest(file)
        except images.ImageRefused as error:
            raise forms.ValidationError(error.message, code=error.code) from error
        self.instance.digest, self.instance.widths = made.digest, list(made.widths)
        self.instance.width, self.instance.height = made.width, made.height
        return file


class PictureInline(StaffInline):
    model = Picture
    form = PictureForm
    edit_roles = EDITORS
    fields = ("preview", "file", "role", "moment", "alt_en", "alt_ja", "position")
    readonly_fields = ("preview",)
    extra = 1
    can_delete = True

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    @admin.display(description=_("picture"))
    def preview(self, row: Picture) -> str:
        if not row.digest:
            return ""
        return format_html('<img src="{}" alt="{}" width="160">', images.src(row, 320), row.alt_en)


class TeamInline(StaffInline):
    """The people that the page shows; members propose them, staff take somebody off who no longer wishes it."""

    model = TeamPerson
    edit_roles = EDITORS
    fields = ("name_en", "name_ja", "role_en", "role_ja", "words_en", "words_ja", "position")
    extra = 0
    can_delete = True

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


class MilestoneInline(ReadOnlyInline):
    """The steps of the recovery; members propose them."""

    model = Milestone
    fields = ("text_en", "text_ja", "planned_on", "done_on")


class SpendingInline(ReadOnlyInline):
    """What the business says that it has spent; members report it."""

    model = Spending
    fields = ("fund", "use_en", "amount", "receipts", "reported_on")


class MembershipInline(StaffInline):
    model = Membership
    edit_roles = (OPERATIONS,)
    fields = ("user", "role")
    raw_id_fields = ("user",)
    extra = 0

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("user")


class WithdrawForm(forms.Form):
    """The reason as visitors will read it."""

    reason_en = forms.CharField(label=_("Reason (English)"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
    reason_ja = forms.CharField(label=_("Reason (Japanese)"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


def _submit(business: Business, *, actor: Any, at: datetime) -> None:
    services.submit(business, actor=actor, at=at)


def _send_back(business: Business, *, actor: Any, at: datetime, reason: str) -> None:
    services.send_back(business, actor=actor, at=at, reason=reason)


def _publish(business: Business, *, actor: Any, at: datetime, reason: str) -> None:
    services.publish(business, actor=actor, at=at, reason=reason)


def _withdraw(business: Business, *, actor: Any, at: datetime, reason_en: str, reason_ja: str) -> None:
    services.withdraw(business, actor=actor, at=at, reason_en=reason_en, reason_ja=reason_ja)


@admin.register(Business)
class BusinessAdmin(StaffAdmin):
    """One firm, its page and its pictures."""

    edit_roles = EDITORS
    list_display = ("name_en", "name_ja", "trade", "town_en", "state", "published_at", "checked_on")
    list_filter = ("state", "trade")
    search_fields = ("name_en", "name_ja", "slug", "town_en", "town_ja")
    ordering = ("name_en", "pk")
    exclude = ("withdrawn_reason_en", "withdrawn_reason_ja")
    readonly_fields = ("state", "published_at")
    inlines = (PictureInline, TeamInline, MilestoneInline, SpendingInline, MembershipInline)
    acts = (
        Act(
            name="submit",
            label=_("Submit for review"),
            roles=EDITORS,
            run=_submit,
            form=forms.Form,
            when=lambda business: business.state == "draft",
        ),
        Act(
            name="publish",
            label=_("Publish"),
            roles=(REVIEWER,),
            run=_publish,
            form=RemarkForm,
            when=lambda business: business.state in ("in_review", "withdrawn"),
            explanation=_("The page can be seen by everybody from now on. After a withdrawal a reason is needed."),
        ),
        Act(
            name="send_back",
            label=_("Send back"),
            roles=(REVIEWER,),
            run=_send_back,
            when=lambda business: business.state == "in_review",
        ),
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(REVIEWER,),
            run=_withdraw,
            form=WithdrawForm,
            when=lambda business: business.state == "published",
            explanation=_("Visitors then read the reason instead of the page."),
            confirm=True,
            danger=True,
        ),
    )

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.inlines if obj is not None else (PictureInline,)


@admin.register(Disaster)
class DisasterAdmin(StaffAdmin):
    """The events that funds answer."""

    edit_roles = EDITORS
    list_display = ("name_en", "name_ja", "happened_on")
    search_fields = ("name_en", "name_ja")
    ordering = ("-happened_on", "pk")


class PhotoInline(ReadOnlyInline):
    model = PostPhoto
    fields = ("preview", "alt", "position")
    readonly_fields = fields
    show_change_link = False

    @admin.display(description=_("picture"))
    def preview(self, row: PostPhoto) -> str:
        return format_html('<img src="{}" alt="{}" width="160">', images.src(row, 320), row.alt)


def _withdraw_post(post: Post, *, actor: Any, at: datetime, reason: str) -> None:
    news.withdraw(post, actor=actor, at=at, reason=reason)


def _remove_comment(comment: Comment, *, actor: Any, at: datetime, reason: str) -> None:
    answers.remove_comment(comment, actor=actor, at=at, reason=reason)


@admin.register(Post)
class PostAdmin(ReadOnlyAdmin):
    """News of a business: written by its members, taken off by staff where it must be."""

    list_display = ("title", "business", "state", "visibility", "language", "published_at", "edited_at")
    list_filter = ("state", "visibility", "language")
    list_select_related = ("business",)
    search_fields = ("title", "business__name_en", "business__name_ja")
    ordering = ("-pk",)
    exclude = ("html", "form_token")
    inlines = (PhotoInline,)
    readonly_fields = ("thanks_count",)

    @admin.display(description=_("thanks"))
    def thanks_count(self, row: Post) -> int:
        return row.thanks.count()

    acts = (
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(REVIEWER, SUPPORT),
            run=_withdraw_post,
            when=lambda post: post.state == Post.State.PUBLISHED,
            explanation=_("Readers no longer see it and its address says that it was withdrawn."),
            danger=True,
        ),
    )


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin):
    """Who follows a business: addresses of people, so only support looks."""

    view_roles = (SUPPORT, AUDITOR)
    list_display = ("asked_at", "business", "user", "email", "cadence", "language", "confirmed_at", "ended_at")
    list_filter = ("cadence", "language")
    list_select_related = ("business", "user")
    search_fields = ("=email", "=user__email")
    search_help_text = _("Exact e-mail address")
    ordering = ("-pk",)
    exclude = ("key",)


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    """What supporters say below news."""

    list_display = ("created_at", "name", "__str__", "post", "from_business", "removed_at")
    list_filter = ("from_business",)
    list_select_related = ("post",)
    search_fields = ("name", "text")
    ordering = ("-pk",)
    exclude = ("form_token",)
    acts = (
        Act(
            name="remove",
            label=_("Remove"),
            roles=(REVIEWER, SUPPORT),
            run=_remove_comment,
            when=lambda comment: comment.removed_at is None,
            explanation=_("Readers see the reason in its place."),
            danger=True,
        ),
    )


def _remove_question(question: Question, *, actor: Any, at: datetime, reason: str) -> None:
    questions.remove(question, actor=actor, at=at, reason=reason)


class AnswerForm(forms.Form):
    """The staff's own answer."""

    answer = forms.CharField(label=_("Answer"), max_length=4_000, widget=forms.Textarea(attrs={"rows": 6}))


def _answer_question(question: Question, *, actor: Any, at: datetime, answer: str) -> None:
    questions.answer(question, answer, actor=actor, by_staff=True, at=at)


@admin.register(Question)
class QuestionAdmin(ReadOnlyAdmin):
    """What people ask businesses in public."""

    list_display = ("asked_at", "business", "state", "name", "__str__", "by_staff", "picked")
    list_filter = ("state", "by_staff")
    list_select_related = ("business",)
    search_fields = ("name", "text", "answer", "business__slug")
    ordering = ("-pk",)
    exclude = ("form_token",)
    acts = (
        Act(
            name="answer",
            label=_("Answer for the fund"),
            roles=(SUPPORT, OPERATIONS),
            run=_answer_question,
            form=AnswerForm,
            when=lambda row: row.state != Question.State.REMOVED,
            explanation=_("It stands on the page as the answer of the fund's staff."),
        ),
        Act(
            name="remove",
            label=_("Remove"),
            roles=(REVIEWER, SUPPORT),
            run=_remove_question,
            when=lambda row: row.state != Question.State.REMOVED,
            explanation=_("Whoever asked reads the reason."),
            danger=True,
        ),
    )


queues.register(
    queues.Queue(
        key="questions_unanswered",
        label=_("Questions without an answer for a week"),
        model=Question,
        rows=lambda: Question.objects.filter(state=Question.State.OPEN, asked_at__lt=clock.now() - timedelta(days=7)),
        since="asked_at",
        roles=(SUPPORT,),
    )
)
queues.register(
    queues.Queue(
        key="businesses_review",
        label=_("Business pages to review"),
        model=Business,
        rows=lambda: Business.objects.filter(state=Business.State.IN_REVIEW),
        roles=(REVIEWER,),
    )
)
