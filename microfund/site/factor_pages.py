"""Where somebody who needs a second factor is led (domain.md section 11): why, in which ways, and if it is lost."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from businesses import members
from microfund.kernel.accounts.factors import has_factor
from microfund.kernel.pages import private

#: Where the pages of allauth that set a factor up find the way back (templates/mfa/recovery_codes/index.html).
BACK = "after_second_factor"


@private
@require_safe
@login_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Both ways to a second factor; `next` is where its owner was going. Who has one already is sent there at once."""
    back = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("me")
    if has_factor(request.user):
        return HttpResponseRedirect(back)
    request.session[BACK] = back
    context = {"is_owner": bool(members.owned_by(request.user)), "trail": [(_("My account"), reverse("me"))]}
    return render(request, "site/second_factor.html", context)
