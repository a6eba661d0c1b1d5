"""Follow a business and stop (pages.md section 3, I7). What is answered never tells whether an address is known."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
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
from businesses.following import queries as following
from businesses.following import services
from businesses.models import Business, Follow
from microfund.kernel import clock, limits
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import form_methods, private

from .news_forms import FollowForm
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
        ip = get_adapter(request).get_client_ip(request)
        if not limits.allowed("follow.ip", ip, most=ASKED_AN_HOUR, seconds=3600):
            message = _(
                "From here many have asked to follow within an hour. You can ask again from %(time)s, Japan time."
            )
            form.add_error("email", message % {"time": limits.words(limits.again_at("follow.ip", ip))})
            return _page(request, business, form, own, status=429)
        services.ask_by_email(business, form.cleaned_data["email"], cadence=cadence, language=language, at=at)
        return HttpResponseRedirect(reverse("businesses:follow_asked", args=[business.slug]))
    return _page(request, business, form, own)


def _page(
    request: HttpRequest, business: Business, form: FollowForm, own: Follow | None, *, status: int = 200
) -> HttpResponse:
    context = {**_context(business), "form": form, "own": own}
    return render(request, "businesses/follow.html", context, status=status)


def _context(business: Business) -> dict[str, object]:
    home = reverse("businesses:detail", args=[business.slug])
    trail = [(_("Home"), reverse("home")), (bilingual_filter(business, "name"), home)]
    return {"business": business, "trail": trail}


@require_safe
def follow_asked(request: HttpRequest, slug: str) -> HttpResponse:
    """What follows asking: the same for every address."""
    return render(request, "businesses/follow_asked.html", _context(_business(slug)))


@never_cache
@form_methods
def follow_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the mail. Opening it changes nothing, since mail programs open links too; the button does."""
    try:
        row, cadence, _language = services.read_confirmation(token)
        if request.method == "POST":
            row = services.confirm(token, at=clock.now())
    except DomainError as error:
        return render(request, "site/follow_link.html", {"problem": error.message}, status=404)
    done = request.method == "POST"
    context = {"business": row.business, "weekly": cadence == Follow.Cadence.WEEKLY, "done": done}
    return render(request, "site/follow_link.html", context)


@csrf_exempt
@never_cache
@form_methods
def unfollow(request: HttpRequest, token: str) -> HttpResponse:
    """Stop the mails. GET asks once, the button does it; the mail program's one click (RFC 8058) is the same POST,
    from anywhere and without a cookie: who has the token may stop these mails, and nothing else."""
    try:
        row = services.row_to_end(token)
    except DomainError as error:
        return render(request, "site/unfollow.html", {"problem": error.message}, status=404)
    if request.method == "POST" and row is not None:
        services.end(row, at=clock.now())
    ended = row is None or request.method == "POST" or row.ended_at is not None
    return render(request, "site/unfollow.html", {"business": row.business if row else None, "ended": ended})


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
