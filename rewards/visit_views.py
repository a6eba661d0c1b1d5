"""Visits in public and for holders (pages.md P9, I7), and in the studio (O8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from businesses import queries as businesses
from businesses.models import Business
from businesses.studio.access import Desk, studio
from investments.investors import queries as investors
from investments.models import Fund
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.parts import name_of
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from . import visits
from .visit_calendar import calendar_file
from .visit_models import Booking, Visit

SHOWN = 50


class SeatsForm(forms.Form):
    """How many seats."""

    seats = forms.IntegerField(label=gettext_lazy("Seats"), min_value=1, max_value=5_000, initial=1)


class ReasonForm(forms.Form):
    """Why a visit is called off."""

    reason = forms.CharField(max_length=200)


class VisitForm(forms.Form):
    """A visit as its owner fills it in; times are those of Japan."""

    fund = forms.ChoiceField(label=gettext_lazy("For the holders of"))
    title_ja = forms.CharField(label=gettext_lazy("Title (Japanese)"), max_length=120)
    title_en = forms.CharField(label=gettext_lazy("Title (English)"), max_length=120)
    place = forms.CharField(label=gettext_lazy("Place, or link of an online meeting"), max_length=200)
    text_ja = forms.CharField(
        label=gettext_lazy("What to know (Japanese)"),
        max_length=2_000,
        required=False,
        widget=forms.Textarea({"rows": 4}),
    )
    text_en = forms.CharField(
        label=gettext_lazy("What to know (English)"),
        max_length=2_000,
        required=False,
        widget=forms.Textarea({"rows": 4}),
    )
    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    time = forms.TimeField(
        label=gettext_lazy("Begins at"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    minutes = forms.IntegerField(label=gettext_lazy("Minutes"), min_value=10, max_value=1_440, initial=120)
    book_until = forms.DateField(
        label=gettext_lazy("Book until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    seats = forms.IntegerField(label=gettext_lazy("Seats"), min_value=1, max_value=5_000)
    minimum_units = forms.IntegerField(
        label=gettext_lazy("From so many units"), min_value=1, max_value=100_000, initial=1
    )
    most_each = forms.IntegerField(
        label=gettext_lazy("Most seats for one holder"), min_value=1, max_value=50, initial=2
    )

    def __init__(self, *arguments: Any, funds: list[Fund] | None, **options: Any) -> None:
        """`funds` to choose from; None for a visit that is changed, whose fund stays."""
        super().__init__(*arguments, **options)
        if funds is None:
            del self.fields["fund"]
            return
        self.fields["fund"].choices = [(str(fund.pk), name_of(fund)) for fund in funds]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What `visits.make` takes."""
        data = dict(self.cleaned_data)
        begins = datetime.combine(data.pop("day"), data.pop("time"), tzinfo=clock.business_zone())
        data.pop("fund", None)
        return {**data, "starts_at": begins}


def _business(slug: str) -> Business:
    return get_object_or_404(businesses.published(), slug=slug)


@require_safe
def visit_list(request: HttpRequest, slug: str) -> HttpResponse:
    """P9: the visits to a business, the coming ones first."""
    business, at = _business(slug), clock.now()
    coming, past = visits.coming_and_past(business, at=at, most=SHOWN)
    context = {"business": business, "coming": coming, "past": past, "trail": _trail(business)}
    return render(request, "rewards/visits.html", context)


def _trail(business: Business) -> list[tuple[str, str]]:
    return [(_("Home"), reverse("home")), (name_of(business), reverse("businesses:detail", args=[business.slug]))]


def _visit(business: Business, pk: int) -> Visit:
    return get_object_or_404(visits.of_business(business), pk=pk)


@form_methods
def visit(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """P9: one visit; a holder books seats, changes their number, or waits for some. Strangers see what it is and who
    may come."""
    business = _business(slug)
    found = _visit(business, pk)
    investor = investors.investor_of(request.user)
    holding = visits.held_by(investor, found) if investor else None
    row = visits.booking_of(investor, found) if investor else None
    form = SeatsForm(initial={"seats": row.seats if row else 1})
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect(f"{reverse('account_login')}?next={request.path}")
        form = SeatsForm(request.POST)
        if investor is None or holding is None:
            raise Http404
        if form.is_valid() and _booked(request, found, investor, form):
            return redirect("rewards:visit", slug=business.slug, pk=found.pk)
    at = clock.now()
    context = {
        "business": business,
        "visit": found,
        "holding": holding,
        "booking": row,
        "form": form,
        "free": found.seats - found.taken,
        "waiting": visits.somebody_waits(found),
        "bookable": found.state == Visit.State.OPEN and clock.today_in(None, at) <= found.book_until,
        "past": found.starts_at <= at,
        "trail": [*_trail(business), (_("Visits"), reverse("rewards:visits", args=[business.slug]))],
    }
    response = render(request, "rewards/visit.html", context, status=REFUSED if form.errors else 200)
    response["Cache-Control"] = "private, no-store"
    return response


def _booked(request: HttpRequest, found: Visit, investor: Any, form: SeatsForm) -> bool:
    try:
        row = visits.book(investor, found.pk, form.cleaned_data["seats"], actor=request.user, at=clock.now())
    except DomainError as error:
        refuse(form, error)
        return False
    if row.state == Booking.State.WAITING:
        messages.info(
            request,
            _(
                "So many seats are not free, or others wait before you. "
                "You are on the waiting list and get a mail when they are yours."
            ),
        )
    else:
        messages.success(request, _("Your seats are booked."))
    return True


@require_POST
@login_required
def visit_cancel(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """P9: give the seats back."""
    business = _business(slug)
    found = _visit(business, pk)
    investor = investors.investor_of(request.user)
    try:
        if investor is None:
            raise Http404
        visits.cancel(investor, found.pk, actor=request.user, at=clock.now())
    except Booking.DoesNotExist:
        raise Http404 from None
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Your seats are given back. Thank you for telling."))
    return redirect("rewards:visit", slug=business.slug, pk=found.pk)


@private
@require_safe
@login_required
def own_visits(request: HttpRequest) -> HttpResponse:
    """I7: what I have booked, where I wait, where I was."""
    investor = investors.investor_of(request.user)
    at = clock.now()
    rows = visits.bookings_of(investor) if investor else Booking.objects.none()
    coming = rows.filter(visit__starts_at__gt=at).order_by("visit__starts_at", "pk")[:SHOWN]
    context = {
        "bookings": [*coming, *rows.filter(visit__starts_at__lte=at)[:SHOWN]],
        "at": at,
        "trail": [(_("My account"), reverse("me"))],
    }
    return render(request, "rewards/own_visits.html", context)


@private
@require_safe
@login_required
def visit_ics(request: HttpRequest, pk: int) -> HttpResponse:
    """One booked visit as a calendar file; of one that was called off the file that takes it out again. Another
    person's answers 404."""
    investor = investors.investor_of(request.user)
    own = visits.bookings_of(investor).filter(pk=pk, state=Booking.State.BOOKED) if investor else Booking.objects.none()
    row = own.first()
    if row is None:
        raise Http404
    response = HttpResponse(calendar_file(row), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="tomobune-visit.ics"'
    return response


# --- The studio ---------------------------------------------------------------------------------------------------


def _funds(desk: Desk) -> list[Fund]:
    ended = ["draft", "in_review", "failed"]
    return list(Fund.objects.filter(business=desk.business).exclude(state__in=ended).order_by("-opens_on", "-pk"))


@studio()
@form_methods
def visit_desk(request: HttpRequest, desk: Desk, pk: int | None = None) -> HttpResponse:
    """O8: announce a visit, or change one."""
    found = _visit(desk.business, pk) if pk is not None else None
    funds = _funds(desk) if found is None else None
    form = VisitForm(request.POST or None, funds=funds, initial=_initial(found) if found else None)
    if request.method == "POST" and form.is_valid() and _made(request, desk, found, form):
        return redirect("rewards:visit_desk", slug=desk.business.slug)
    at = clock.now()
    coming, past = visits.coming_and_past(desk.business, at=at, most=SHOWN) if found is None else ([], [])
    rows = [*coming, *past]
    waiting = visits.seats_that_wait(rows)
    context = {
        **desk.context(),
        "visit": found,
        "form": form,
        "rows": [(row, waiting.get(row.pk, 0)) for row in rows],
        "at": at,
    }
    return render(request, "rewards/visit_desk.html", context, status=REFUSED if form.errors else 200)


def _initial(found: Visit) -> dict[str, Any]:
    begins = found.starts_at.astimezone(clock.business_zone())
    values = {name: getattr(found, name) for name in visits.FIELDS if name != "starts_at"}
    return {**values, "day": begins.date(), "time": begins.time()}


def _made(request: HttpRequest, desk: Desk, found: Visit | None, form: VisitForm) -> bool:
    at, actor = clock.now(), request.user
    try:
        if found is None:
            fund = next(fund for fund in _funds(desk) if str(fund.pk) == form.cleaned_data["fund"])
            visits.make(fund, values=form.values(), actor=actor, at=at)
            messages.success(request, _("The visit can be booked; the holders are told."))
        else:
            visits.change(found, values=form.values(), actor=actor, at=at)
            messages.success(request, _("The visit is changed."))
    except DomainError as error:
        refuse(form, error, field="day" if error.data.get("field") == "starts_at" else None)
        return False
    return True


@studio()
@form_methods
def visit_people(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O8: who comes, by name alone; call the visit off; afterwards, who was there."""
    found = _visit(desk.business, pk)
    rows = list(
        found.bookings.exclude(state="cancelled").select_related("holding__investor").order_by("state", "asked_at")
    )
    if request.method == "POST":
        at = clock.now()
        try:
            if request.POST.get("do") == "call_off":
                form = ReasonForm(request.POST)
                reason = form.cleaned_data["reason"] if form.is_valid() else ""
                visits.call_off(found, reason=reason, actor=request.user, at=at)
            elif request.POST.get("do") == "report":
                texts = {name: request.POST.get(name, "") for name in ("text_en", "text_ja")}
                visits.report(found, actor=request.user, at=at, **texts)
            else:
                ticked = set(request.POST.getlist("present"))
                present = {row.pk for row in rows if str(row.pk) in ticked}
                visits.note_attendance(found, present, actor=request.user, at=at)
        except DomainError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("It is noted."))
        return redirect("rewards:visit_people", slug=desk.business.slug, pk=found.pk)
    context = {**desk.context(), "visit": found, "rows": rows, "past": found.starts_at <= clock.now()}
    return render(request, "rewards/visit_people.html", context)
