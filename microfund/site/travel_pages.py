"""The staff console's page that moves a demo's business date forward. Where money is real there is no such page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from django.views.decorators.http import require_http_methods

from microfund.kernel import clock
from microfund.kernel.accounts.roles import OPERATIONS, has_role
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import refuse
from microfund.kernel.schedule import travel
from microfund.kernel.schedule.models import Journey

#: What the crew did, in the order of a period.
WORKS = {
    "report": ngettext_lazy("%(count)d report signed", "%(count)d reports signed", "count"),
    "accept": ngettext_lazy("%(count)d report accepted", "%(count)d reports accepted", "count"),
    "calculate": ngettext_lazy("%(count)d distribution calculated", "%(count)d distributions calculated", "count"),
    "approve": ngettext_lazy("%(count)d distribution approved", "%(count)d distributions approved", "count"),
    "pay": ngettext_lazy("%(count)d business paid", "%(count)d businesses paid", "count"),
    "sent": ngettext_lazy("%(count)d payout run sent", "%(count)d payout runs sent", "count"),
    "transfer": ngettext_lazy("%(count)d other transfer made", "%(count)d other transfers made", "count"),
    "pack": ngettext_lazy("%(count)d batch packed", "%(count)d batches packed", "count"),
    "ship": ngettext_lazy("%(count)d batch sent", "%(count)d batches sent", "count"),
    "settle": ngettext_lazy("%(count)d fund settled", "%(count)d funds settled", "count"),
}


class TravelForm(forms.Form):
    """How far, and who works meanwhile."""

    months = forms.IntegerField(label=gettext_lazy("Months"), min_value=1, max_value=travel.MOST_MONTHS, initial=12)
    with_crew = forms.BooleanField(
        label=gettext_lazy("Let the crew do the work"),
        required=False,
        initial=True,
        help_text=gettext_lazy(
            "Owners report near their plan and pay; staff check, calculate, approve and send. Without it only the"
            " sweeps run, and the queues grow."
        ),
    )


@require_http_methods(["GET", "POST"])
def time_travel(request: HttpRequest) -> HttpResponse:
    """Start a journey, stop it, and see how far it is. 404 unless this demo's clock can be moved."""
    if not travel.possible():
        raise Http404
    if not has_role(request.user, OPERATIONS):
        raise PermissionDenied
    here = HttpResponseRedirect(reverse("admin:time_travel"))
    journey = travel.current()
    if request.method == "POST" and "stop" in request.POST:
        if journey is not None:
            travel.stop(journey, actor=request.user, at=clock.now())
            messages.success(request, _("Time goes on from here at its own pace."))
        return here
    form = TravelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            travel.start(**form.cleaned_data, actor=request.user, at=clock.now())
        except DomainError as refused:
            refuse(form, refused)
        else:
            return here
    latest = journey or Journey.objects.order_by("-pk").first()
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Time travel"),
        "form": form,
        "journey": journey,
        "latest": latest,
        "works": [text % {"count": latest.counts[name]} for name, text in WORKS.items() if latest.counts.get(name)]
        if latest
        else [],
        "today": clock.today_in(),
    }
    return TemplateResponse(request, "admin/time_travel.html", context)
