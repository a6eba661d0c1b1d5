"""What an owner does for rewards (pages.md O7): the season, batches of parcels, labels, tracking numbers, problems, and
vouchers at the till. Only owners enter; names and addresses are shown until a month after sending."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from businesses.studio.access import Desk, studio
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money
from microfund.kernel.pages import REFUSED, form_methods, refuse, row_id

from . import arrival, board, fulfilment, labels, queries, vouchers
from .forms import ProblemForm, RedeemForm, ShipForm, WholeForm
from .models import Batch, Cycle, Entitlement, Offer, Parcel, Voucher

KINDS_OF_FILE = {"pdf": "application/pdf", "csv": "text/csv; charset=Shift_JIS", "zip": "application/zip"}
PAGE = 100


@studio(owners=True)
@require_safe
def season(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O7: every cycle with how far it is, and its batches."""
    on = clock.today_in()
    cycles = list(queries.cycles_of(desk.business)[:PAGE])
    standings = board.standings(cycles, on=on)
    batches: dict[int, list[Batch]] = {}
    for batch in Batch.objects.filter(cycle__in=cycles).order_by("number"):
        batches.setdefault(batch.cycle_id, []).append(batch)
    context = {
        **desk.context(),
        "rows": [(cycle, standings[cycle.pk], batches.get(cycle.pk, [])) for cycle in cycles],
        "offers": Offer.objects.filter(fund__business=desk.business, ended_at__isnull=True),
        "complaints": queries.complaints_of(desk.business)[:PAGE],
        "has_vouchers": Offer.objects.filter(fund__business=desk.business, kind=Offer.Kind.VOUCHER).exists()
        or Voucher.objects.filter(business=desk.business).exists(),
        "on": on,
    }
    return render(request, "rewards/season.html", context)


@studio(owners=True)
@require_POST
def pack(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O7: what was claimed goes into a batch."""
    cycle = Cycle.objects.filter(pk=pk, offer__fund__business=desk.business).select_related("offer__fund__business")
    found = cycle.first()
    if found is None:
        raise Http404
    try:
        batch = fulfilment.pack(found, actor=request.user, at=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("rewards:season", slug=desk.business.slug)
    return redirect("rewards:batch", slug=desk.business.slug, pk=batch.pk)


def _batch(desk: Desk, pk: int) -> Batch:
    found = Batch.objects.filter(pk=pk, business=desk.business).select_related("cycle__offer__fund__business").first()
    if found is None:
        raise Http404
    return found


@studio(owners=True)
@form_methods
def batch(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O7: the parcels of a batch; mark them as sent, all or those that are ticked."""
    own = _batch(desk, pk)
    on = clock.today_in()
    form = ShipForm(request.POST or None, request.FILES or None, initial={"shipped_on": on})
    if request.method == "POST" and form.is_valid():
        try:
            count = _send(request, own, form)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(
                request, _("%(count)d parcels are marked as sent; your supporters are told.") % {"count": count}
            )
            return redirect("rewards:batch", slug=desk.business.slug, pk=own.pk)
    return render(
        request, "rewards/batch.html", _context(request, desk, own, form), status=REFUSED if form.errors else 200
    )


def _send(request: HttpRequest, own: Batch, form: ShipForm) -> int:
    sent = form.cleaned_data["tracking"]
    numbers = fulfilment.read_tracking(own, sent.read(fulfilment.MAX_CSV + 1)) if sent else {}
    typed = {
        row_id(name.removeprefix("tracking-")): value
        for name, value in request.POST.items()
        if name.startswith("tracking-")
    }
    ticked = {row_id(pk) for pk in request.POST.getlist("parcel")}
    return fulfilment.ship(
        own,
        carrier=form.cleaned_data["carrier"],
        shipped_on=form.cleaned_data["shipped_on"],
        tracking={**typed, **numbers},
        only=ticked or None,
        actor=request.user,
        at=clock.now(),
    )


def _context(request: HttpRequest, desk: Desk, own: Batch, form: ShipForm) -> dict[str, Any]:
    on = clock.today_in()
    parcels = fulfilment.listed(own, on=on)
    page = Paginator(parcels, PAGE).get_page(request.GET.get("page"))
    return {
        **desk.context(),
        "batch": own,
        "cycle": own.cycle,
        "offer": own.cycle.offer,
        "page_obj": page,
        "readable": (readable := fulfilment.visible(own, on=on).count()),
        "hidden": own.parcels.count() - readable,
        "packing": own.parcels.filter(entitlement__state=Entitlement.State.PACKING).count(),
        "form": form,
        "problem_form": ProblemForm(),
        "exports": labels.kinds_of(own),
    }


@studio(owners=True)
@require_POST
def parcel_act(request: HttpRequest, desk: Desk, pk: int, entitlement: int) -> HttpResponse:
    """O7: one parcel: take it out of the batch, say what went wrong, or that something else is sent."""
    own = _batch(desk, pk)
    if not Parcel.objects.filter(batch=own, entitlement_id=entitlement).exists():
        raise Http404
    do, at = request.POST.get("do", ""), clock.now()
    note = request.POST.get("note", "")
    try:
        if do == "unpack":
            fulfilment.unpack(own, entitlement, actor=request.user, at=at)
        elif do == "answer":
            arrival.answer(entitlement, note=note, actor=request.user, at=at)
        elif do == "substitute":
            fulfilment.substitute(entitlement, note=note, actor=request.user, at=at)
        else:
            problem = request.POST.get("problem", "")
            fulfilment.report_problem(entitlement, problem=problem, note=note, actor=request.user, at=at)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It is noted."))
    return redirect("rewards:batch", slug=desk.business.slug, pk=own.pk)


@studio(owners=True)
@require_POST
def export(request: HttpRequest, desk: Desk, pk: int, kind: str) -> HttpResponse:
    """O7: packing list, labels, or a carrier's CSV; who took it is an audit row. By POST, for it writes one."""
    own = _batch(desk, pk)
    try:
        content, name = labels.export(own, kind, actor=request.user, at=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("rewards:batch", slug=desk.business.slug, pk=own.pk)
    response = HttpResponse(content, content_type=KINDS_OF_FILE[name.rpartition(".")[2]])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@studio()
@form_methods
def till(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A voucher at the till: look its code up, use an amount of it. Editors may as well: it is done in the shop."""
    at = clock.now()
    code = request.POST.get("code") or request.GET.get("code", "")
    found = None
    if request.method == "POST":
        form = RedeemForm(request.POST)
        if form.is_valid():
            data = form.cleaned_data
            try:
                made = vouchers.redeem(desk.business, actor=request.user, at=at, **data)
            except DomainError as error:
                refuse(form, error)
            else:
                made.voucher.refresh_from_db()
                words = {"amount": format_money(made.amount), "left": format_money(made.voucher.balance)}
                messages.success(request, _("%(amount)s were used; %(left)s are left.") % words)
                return redirect("rewards:till", slug=desk.business.slug)
    else:
        form = RedeemForm(initial={"code": code, "form_token": uuid4()})
    if code:
        try:
            found = vouchers.find(desk.business, code)
        except DomainError as error:
            if not form.is_bound:
                messages.error(request, str(error))
    context = {
        **desk.context(),
        "form": form,
        "whole": _whole(found) if found else None,
        "voucher": found,
        "over": found is not None and vouchers.is_over(found, on=clock.today_in(None, at)),
    }
    return render(request, "rewards/till.html", context, status=REFUSED if form.errors else 200)


def _whole(found: Voucher) -> WholeForm:
    """Without ids: the same fields stand on the page a second time, for a part."""
    initial = {"code": found.code, "amount": found.balance, "form_token": uuid4()}
    return WholeForm(initial=initial, auto_id=False)


@studio(owners=True)
@require_POST
def voucher_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A list on paper for a stall without a network: the ends of the codes and what is left. By POST, for it is noted
    who took it."""
    try:
        content = labels.voucher_list(desk.business, actor=request.user, at=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("rewards:till", slug=desk.business.slug)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = 'attachment; filename="tomobune-vouchers.pdf"'
    return response
