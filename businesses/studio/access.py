"""Who may enter the studio of a business: its members, and nobody learns more than that (pages.md O1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from businesses import members
from businesses.models import Business, Membership
from microfund.kernel.accounts.factors import has_factor
from microfund.kernel.pages import private

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Desk:
    """The business whose studio is open, and as what the visitor is in it."""

    business: Business
    role: str

    @property
    def is_owner(self) -> bool:
        """Whether the visitor may also decide who is a member."""
        return self.role == Membership.Role.OWNER

    def context(self) -> dict[str, Any]:
        """What all pages of the studio of a business share."""
        return {
            "business": self.business,
            "is_owner": self.is_owner,
            "trail": [(_("Studio"), reverse("studio:home"))],
        }


def to_second_factor(request: HttpRequest) -> HttpResponse:
    """Lead an owner without a second factor to where one is set up, and from there back to what was asked for."""
    back = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("studio:home")
    return HttpResponseRedirect(f"{reverse('second_factor')}?{urlencode({'next': back})}")


def studio(*, owners: bool = False) -> Callable[[View], View]:
    """Find the business and check the visitor's membership; with `owners` only owners enter.

    Without a log-in the visitor is asked for one. A business of somebody else, an unknown one, and a page for owners
    asked for by an editor answer 404 alike. An owner, who signs for the business and reads addresses, needs a second
    factor (domain.md section 11) and is led to set one up. Nothing of the studio is kept by a cache.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        @private
        @login_required
        def page(request: HttpRequest, slug: str, **values: Any) -> HttpResponse:
            business = Business.objects.filter(slug=slug).first()
            role = members.role_of(request.user, business) if business else ""
            if business is None or not role or (owners and role != Membership.Role.OWNER):
                raise Http404
            if role == Membership.Role.OWNER and not has_factor(request.user):
                return to_second_factor(request)
            return view(request, Desk(business, role), **values)

        return page

    return decorate
