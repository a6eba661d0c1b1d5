"""News for readers (pages.md P6, P15): lists, one post, thanks and comments.

Who is a supporter is known to the orders and what a post says to the business: pages that need both live here.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import InvalidPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from businesses.models import Comment, Post
from businesses.news import answers
from businesses.news import queries as news
from businesses.studio.forms import WhyForm
from investments.orders.queries import supports
from microfund.kernel import clock, limits
from microfund.kernel.accounts.roles import ROLES, has_role
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import form_methods, refuse

from .business_pages import Shown, business_page
from .news_forms import CommentForm
from .page_cache import for_visitors
from .templatetags.tomobune import bilingual_filter

PAGE_SIZE = 12
COMMENTS_AN_HOUR = 10


@for_visitors
@business_page(needs_terms=False)
def business_news(request: HttpRequest, shown: Shown) -> HttpResponse:
    """P6: all news of a business, newest first."""
    context = shown.context()
    context["trail"] += [(bilingual_filter(shown.business, "name"), context["home_href"])]
    since = shown.business.published_at
    context["first_news_by"] = since + news.SILENCE if since and since + news.SILENCE > shown.at else None
    posts = news.with_first_photo(news.published().filter(business=shown.business))
    return _list_page(request, "businesses/news.html", posts, context)


@for_visitors
@require_safe
def stories(request: HttpRequest) -> HttpResponse:
    """P15: the news of all businesses, of one (`?business=`), of a town (`?area=`); an unknown one is told and left
    out."""
    choices = list(news.businesses_with_news())
    towns = {business.town_en: bilingual_filter(business, "town") for business in choices}
    wanted, area = request.GET.get("business", ""), request.GET.get("area", "")
    chosen = next((business for business in choices if business.slug == wanted), None)
    posts = news.with_first_photo(news.published())
    if chosen is not None:
        posts = posts.filter(business=chosen)
    if area in towns:
        posts = posts.filter(business__town_en=area)
    context = {
        "choices": choices,
        "chosen": chosen,
        "towns": sorted(towns.items()),
        "area": area,
        "unknown": (bool(wanted) and chosen is None) or (bool(area) and area not in towns),
        "trail": [(_("Home"), reverse("home"))],
    }
    return _list_page(request, "site/stories.html", posts, context)


def _list_page(request: HttpRequest, template: str, posts: Any, context: dict[str, Any]) -> HttpResponse:
    try:
        page = Paginator(posts, PAGE_SIZE).page(request.GET.get("page", "1"))
    except InvalidPage:
        return render(request, "businesses/no_such_page.html", {"first_page": request.path}, status=404)
    return render(request, template, {**context, "page_obj": page, "posts": page.object_list})


@dataclass(frozen=True, slots=True)
class Reader:
    """What somebody may do with the posts of a business."""

    member: bool
    supporter: bool
    staff: bool

    @property
    def reads_all(self) -> bool:
        """Whether news for supporters only is shown as a whole."""
        return self.member or self.supporter or self.staff


def reader_of(user: Any, post: Post) -> Reader:
    """What the user may do here. A visitor without a log-in costs no query."""
    if not user.is_authenticated:
        return Reader(False, False, False)
    return Reader(
        member=news.speaks_for(user, post.business),
        supporter=supports(user, post.business),
        staff=has_role(user, *ROLES),
    )


def _found(slug: str, pk: int) -> Post:
    """A published post. Raises Http404."""
    post = news.post_of(slug, pk)
    if post is None or not post.is_published:
        raise Http404
    return post


def _address(post: Post) -> str:
    return reverse("businesses:news_post", args=[post.business.slug, post.pk, post.words])


@never_cache
@require_safe
def news_post(request: HttpRequest, slug: str, pk: int, words: str) -> HttpResponse:
    """P6: one post. One for supporters only shows strangers its title, its beginning and the way in (200); a withdrawn
    one answers 410, and an old spelling of the address leads to the right one."""
    post = news.post_of(slug, pk)
    if post is None:
        raise Http404
    if not post.is_published:
        context = {"post": post, "business": post.business, "trail": [(_("Home"), reverse("home"))]}
        return render(request, "businesses/news_withdrawn.html", context, status=410)
    if words != post.words:
        return HttpResponseRedirect(_address(post), status=301)
    return _post_page(request, post, CommentForm(initial={"form_token": uuid.uuid4()}))


def _post_page(request: HttpRequest, post: Post, form: CommentForm, *, status: int = 200) -> HttpResponse:
    reader = reader_of(request.user, post)
    whole = reader.reads_all or not post.for_supporters
    thanks, thanked = news.thanks_for(post, request.user)
    name = bilingual_filter(post.business, "name")
    context = {
        "post": post,
        "business": post.business,
        "photos": list(post.photos.all()) if whole else [],
        "whole": whole,
        "reader": reader,
        "may_comment": whole and (reader.member or reader.supporter),
        "may_moderate": news.may_moderate(request.user, post.business),
        "thanks": thanks,
        "thanked": thanked,
        "comments": list(news.comments_of(post)) if whole else [],
        "form": form,
        "trail": [
            (_("Home"), reverse("home")),
            (name, reverse("businesses:detail", args=[post.business.slug])),
            (_("News"), reverse("businesses:news", args=[post.business.slug])),
        ],
    }
    return render(request, "businesses/news_post.html", context, status=status)


@require_POST
@login_required
def news_thanks(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Thank for a post, once, or take it back (`do=back`)."""
    post = _found(slug, pk)
    if request.POST.get("do") == "back":
        answers.unthank(post, request.user)
    else:
        answers.thank(post, request.user, at=clock.now())
    return HttpResponseRedirect(_address(post) + "#thanks")


@require_POST
@login_required
def news_comment(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Write below a post: its supporters and the people of the business. To everybody else the door is not there."""
    post = _found(slug, pk)
    reader = reader_of(request.user, post)
    if not (reader.member or reader.supporter):
        raise Http404
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _post_page(request, post, form)
    who = str(request.user.pk)
    if not limits.allowed("news.comment", who, most=COMMENTS_AN_HOUR, seconds=3600):
        message = _("You have written %(most)d comments within an hour. You can go on from %(time)s, Japan time.")
        again = limits.words(limits.again_at("news.comment", who))
        form.add_error("text", message % {"most": COMMENTS_AN_HOUR, "time": again})
        return _post_page(request, post, form, status=429)
    try:
        answers.comment(
            post,
            author=request.user,
            **form.cleaned_data,
            may_comment=reader.supporter,
            from_business=reader.member,
            at=clock.now(),
        )
    except DomainError as error:
        refuse(form, error)
        return _post_page(request, post, form)
    messages.success(request, _("Your comment is on the page."))
    return HttpResponseRedirect(_address(post) + "#comments")


@never_cache
@login_required
@form_methods
def comment_remove(request: HttpRequest, slug: str, pk: int, comment: int) -> HttpResponse:
    """Owners take a comment off, with a reason that readers see in its place; staff do it in their console."""
    post = _found(slug, pk)
    found = Comment.objects.filter(pk=comment, post=post, removed_at__isnull=True).first()
    if found is None or not news.may_moderate(request.user, post.business):
        raise Http404
    form = WhyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        answers.remove_comment(found, actor=request.user, at=clock.now(), reason=form.cleaned_data["reason"])
        messages.success(request, _("The comment was removed."))
        return HttpResponseRedirect(_address(post) + "#comments")
    context = {"post": post, "business": post.business, "comment": found, "form": form}
    context["trail"] = [(_("Home"), reverse("home")), (post.title, _address(post))]
    return render(request, "businesses/comment_remove.html", context)
