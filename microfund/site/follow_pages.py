"""Follow a business and stop (pages.md section 3, I7). What is answered never tells whether an address is known."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from businesses import queries as businesses
from businesses.following import mails, services
from businesses.following import queries as following
from businesses.models import Business, Follow
from microfund.kernel import clock, limits
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import form_methods, private

from .news_forms import FollowedForm, FollowForm, FollowSeveralForm
from .templatetags.tomobune import active_language, bilingual_filter

ASKED_AN_HOUR = 10


def _business(slug: str) -> Business:
    return get_object_or_404(businesses.published(), slug=slug)


@never_cache
@form_methods
def follow(request: HttpRequest, slug: str) -> HttpResponse:
    """Follow by account at once, or by an address that a mail confirms first."""
    business = _business(slug)
    by_account = request.user.is_authenticated
    own = following.follow_of(request.user, business)
    initial = {"cadence": own.cadence} if own else None
    form = FollowForm(request.POST if request.method == "POST" else None, by_account=by_account, initial=initial)
    if request.method == "POST" and form.is_valid():
        at, language, cadence = clock.now(), active_language(), form.cleaned_data["cadence"]
        if by_account:
            services.follow_by_account(business, request.user, cadence=cadence, language=language, at=at)
            name = bilingual_filter(business, "name")
            messages.success(request, _("You follow %(name)s.") % {"name": name})
            return HttpResponseRedirect(reverse("following"))
        if _too_often(request, form):
            return _page(request, business, form, own, status=429)
        services.ask_by_email([business], form.cleaned_data["email"], cadence=cadence, language=language, at=at)
        return HttpResponseRedirect(reverse("businesses:follow_asked", args=[business.slug]))
    return _page(request, business, form, own)


def _page(
    request: HttpRequest, business: Business, form: FollowForm, own: Follow | None, *, status: int = 200
) -> HttpResponse:
    context = {**_context(business), "form": form, "own": own}
    return render(request, "businesses/follow.html", context, status=status)


def _too_often(request: HttpRequest, form: forms.Form) -> bool:
    """Whether too many asked from this place within an hour; the form then says until when."""
    ip = get_adapter(request).get_client_ip(request)
    if limits.allowed("follow.ip", ip, most=ASKED_AN_HOUR, seconds=3600):
        return False
    message = _("From here many have asked to follow within an hour. You can ask again from %(time)s, Japan time.")
    form.add_error("email", message % {"time": limits.words(limits.again_at("follow.ip", ip))})
    return True


def _context(business: Business) -> dict[str, object]:
    home = reverse("businesses:detail", args=[business.slug])
    trail = [(_("Home"), reverse("home")), (bilingual_filter(business, "name"), home)]
    return {"business": business, "trail": trail}


@require_safe
def follow_asked(request: HttpRequest, slug: str = "") -> HttpResponse:
    """What follows asking, for one business or several: the same for every address."""
    context = _context(_business(slug)) if slug else {"trail": [(_("Home"), reverse("home"))]}
    return render(request, "businesses/follow_asked.html", context)


@never_cache
@form_methods
def follow_several(request: HttpRequest) -> HttpResponse:
    """Follow several businesses by one form and one mail. `?q=` looks for some, `?business=` ticks one."""
    ticked = [
        slug for slug in request.POST.getlist("businesses") or request.GET.getlist("business") if slug.isprintable()
    ]
    words = "".join(letter for letter in request.GET.get("q", "")[:80] if letter.isprintable()).strip()
    offered, more = _offered(words, ticked)
    by_account = request.user.is_authenticated
    status = 200
    form = FollowSeveralForm(
        request.POST if request.method == "POST" else None,
        by_account=by_account,
        offered=offered,
        initial={"businesses": ticked},
    )
    if request.method == "POST" and form.is_valid():
        at, language, cadence = clock.now(), active_language(), form.cleaned_data["cadence"]
        chosen = list(form.cleaned_data["businesses"])
        if by_account:
            for business in chosen:
                services.follow_by_account(business, request.user, cadence=cadence, language=language, at=at)
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("following"))
        if not _too_often(request, form):
            services.ask_by_email(chosen, form.cleaned_data["email"], cadence=cadence, language=language, at=at)
            return HttpResponseRedirect(reverse("follow_several_asked"))
        status = 429
    context = {"form": form, "words": words, "more": more, "trail": [(_("Home"), reverse("home"))]}
    return render(request, "site/follow_several.html", context, status=status)


def _offered(words: str, ticked: list[str]) -> tuple[list[Business], bool]:
    """The businesses to tick, those that are ticked first, and whether there are more than a page can hold."""
    found = businesses.published().order_by("name_en", "pk")
    kept = list(found.filter(slug__in=ticked[: services.MOST_AT_ONCE]))
    others = found.exclude(pk__in=[business.pk for business in kept])
    if words:
        others = others.filter(search_text__contains=words.lower())
    shown = list(others[: services.MOST_AT_ONCE + 1])
    return [*kept, *shown[: services.MOST_AT_ONCE]], len(shown) > services.MOST_AT_ONCE


@never_cache
@form_methods
def follow_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the mail. Opening it changes nothing, since mail programs open links too; the button does."""
    try:
        found = services.read_confirmation(token)
        if request.method == "POST":
            services.confirm(token, at=clock.now())
    except DomainError as error:
        return render(request, "site/follow_link.html", {"problem": error.message}, status=404)
    context = {
        "businesses": [row.business for row in found.rows],
        "weekly": found.cadence == Follow.Cadence.WEEKLY,
        "done": request.method == "POST",
        "manage_url": reverse("follow_manage", args=[mails.token_to_manage(found.rows[0])]),
    }
    return render(request, "site/follow_link.html", context)


@csrf_exempt
@never_cache
@form_methods
def unfollow(request: HttpRequest, token: str) -> HttpResponse:
    """Stop the mails of one business, or all weekly ones. GET asks once, the button does it; the mail program's one
    click (RFC 8058) is the same POST, from anywhere and without a cookie: who has the token may stop these mails, and
    nothing else."""
    try:
        rows = services.rows_to_end(token)
    except DomainError as error:
        return render(request, "site/unfollow.html", {"problem": error.message}, status=404)
    if request.method == "POST":
        services.end(*rows, at=clock.now())
    ended = request.method == "POST" or all(row.ended_at is not None for row in rows)
    return render(request, "site/unfollow.html", {"businesses": [row.business for row in rows], "ended": ended})


@private
@form_methods
def follow_manage(request: HttpRequest, token: str) -> HttpResponse:
    """What an address without an account follows, by the link of any mail to it: how often, or no more. The address
    itself is shown in part only, since mails are passed on."""
    try:
        email, rows = services.managed(token)
    except DomainError as error:
        return render(request, "site/unfollow.html", {"problem": error.message}, status=404)
    form = FollowedForm(request.POST if request.method == "POST" else None, rows=rows)
    if request.method == "POST" and request.POST.get("do") == "stop":
        services.end(*rows, at=clock.now())
        messages.success(request, _("Stopped. You get no more of these mails."))
        return HttpResponseRedirect(request.path)
    if request.method == "POST" and form.is_valid():
        services.change(rows, form.wanted(), at=clock.now())
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(request.path)
    name, _at, host = email.partition("@")
    context = {"form": form, "address": f"{name[:1]}…@{host}", "page_has_errors": bool(form.errors)}
    return render(request, "site/follow_manage.html", context)


@private
@require_safe
@login_required
def following_list(request: HttpRequest) -> HttpResponse:
    """I7: what the account follows, how often it is written to, and how to stop."""
    return render(request, "site/following.html", {"follows": list(following.followed_by(request.user))})


@require_POST
@login_required
def follow_end(request: HttpRequest, slug: str) -> HttpResponse:
    """The account follows no more, whether the page of the business still exists or not."""
    business = Business.objects.filter(slug=slug, follows__user=request.user).first()
    if business is None:
        raise Http404
    services.end_by_account(business, request.user, at=clock.now())
    messages.success(request, _("You no longer follow %(name)s.") % {"name": bilingual_filter(business, "name")})
    return HttpResponseRedirect(reverse("following"))
