"""Who speaks for a business (pages.md O1): members see each other, owners decide."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from businesses import members
from businesses.models import Membership
from microfund.kernel import clock, limits
from microfund.kernel.errors import DomainError

from .access import Desk, studio
from .forms import InviteForm

#: An owner who invites learns whether an address has an account, so that is not to be asked in bulk.
INVITATIONS_A_DAY = 20


@studio()
@require_http_methods(["GET", "HEAD"])
def member_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O1: the members with their roles; owners find the form to let somebody in."""
    return _page(request, desk, InviteForm())


def _page(request: HttpRequest, desk: Desk, form: InviteForm, *, status: int = 200) -> HttpResponse:
    found = list(members.members_of(desk.business))
    owners = sum(member.role == Membership.Role.OWNER and member.user.is_active for member in found)
    context = {**desk.context(), "members": found, "owners": owners, "form": form}
    return render(request, "studio/members.html", context, status=status)


@studio(owners=True)
@require_POST
def member_invite(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Let the account with this address write for the business."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, desk, form)
    who = str(request.user.pk)
    if not limits.allowed("studio.invite", who, most=INVITATIONS_A_DAY, seconds=24 * 3600):
        message = _("You have invited %(most)d times within a day. You can invite again from %(time)s, Japan time.")
        again = limits.words(limits.again_at("studio.invite", who))
        form.add_error("email", message % {"most": INVITATIONS_A_DAY, "time": again})
        return _page(request, desk, form, status=429)
    try:
        member = members.invite_editor(desk.business, form.cleaned_data["email"], actor=request.user, at=clock.now())
    except DomainError as error:
        form.add_error("email", str(error.message))
        return _page(request, desk, form)
    messages.success(request, _("%(email)s can now write for the business.") % {"email": member.user.email})
    return HttpResponseRedirect(reverse("studio:members", args=[desk.business.slug]))


@studio(owners=True)
@require_POST
def member_remove(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Take a member out; who takes out themselves is sent to the studio's front page."""
    mine = Membership.objects.filter(pk=pk, user=request.user).exists()
    try:
        members.remove_member(desk.business, pk, actor=request.user, at=clock.now())
    except Membership.DoesNotExist:
        raise Http404 from None
    except DomainError as error:
        messages.error(request, str(error.message))
    else:
        messages.success(request, _("The person can no longer write for the business."))
        if mine:
            return HttpResponseRedirect(reverse("studio:home"))
    return HttpResponseRedirect(reverse("studio:members", args=[desk.business.slug]))
