"""The team and the pictures of a business's page, put together by its members and reviewed by staff (pages.md O2).

Every button but “Withdraw” saves first. What the public sees changes only with the staff's decision.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from businesses.profile import lists, queries, services, story
from businesses.profile.lists import Item
from businesses.profile.models import SECTIONS, Items, Proposal
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, refuse

from .access import Desk, studio
from .list_forms import ListForm
from .section_views import withdrawn


@studio()
@form_methods
def list_edit(request: HttpRequest, desk: Desk, section: str) -> HttpResponse:
    """O2: a list: add, describe, put in order, take away; save a draft, submit it for review, withdraw it."""
    items, proposal = _items(section), queries.open_proposal(desk.business, section)
    if request.method != "POST":
        given = (proposal.texts if proposal else queries.on_the_page(desk.business, section))[items.name]
        form = ListForm.of(items, given, version=proposal.version if proposal else 0)
        return _page(request, desk, section, form, proposal)
    if request.POST.get("do") == "withdraw":
        return withdrawn(request, desk, section, proposal)
    form = ListForm(items, request.POST, request.FILES)
    if not form.is_valid(leaving=_number(request.POST.get("do", ""), "remove")):
        return _page(request, desk, section, form, proposal, status=REFUSED)
    return _saved(request, desk, section, form, proposal)


def _items(section: str) -> Items:
    (items,) = SECTIONS[section]
    assert isinstance(items, Items)
    return items


def _saved(request: HttpRequest, desk: Desk, section: str, form: ListForm, proposal: Proposal | None) -> HttpResponse:
    items, do, at = _items(section), request.POST.get("do", "save"), clock.now()
    given = _given(form, do)
    if given is None:
        return _page(request, desk, section, form, proposal, status=REFUSED)
    given = _arranged(given, do)
    saved = None
    try:
        saved = services.save(
            desk.business,
            section=section,
            texts={items.name: given},
            version=form.head.cleaned_data["version"],
            actor=request.user,
            at=at,
        )
        if do == "submit":
            services.submit(saved, actor=request.user, at=at)
    except DomainError as error:
        stored = saved or error.data.get("proposal") or proposal
        given = saved.texts[items.name] if saved else given
        return _refused(request, desk, section, given, stored, error)
    here = reverse(f"studio:{section}", args=[desk.business.slug])
    if do == "preview":
        return HttpResponseRedirect(here + "?preview=1#preview")
    messages.success(request, _("Submitted. Staff look at it next.") if do == "submit" else _("Saved as a draft."))
    return HttpResponseRedirect(here + ("" if do in ("save", "submit") else "#items"))


def _given(form: ListForm, do: str) -> list[Item] | None:
    """The items as sent, their pictures through the pipeline, a further one at the end; None where one is refused."""
    given, leaving = [], _number(do, "remove")
    begun = [form.new] if form.new.has_changed() and not form.items.given else []
    for number, row in enumerate([*form.rows, *begun]):
        if number == leaving:
            continue
        try:
            item = row.item()
            if row.items.pictured and item["picture"] is None:
                raise DomainError("no_picture", _("Choose a picture first."))
        except DomainError as error:
            refuse(row, error, field="file")
            return None
        given.append(item)
    return given


def _arranged(given: list[Item], do: str) -> list[Item]:
    """The items after the button at one of them: `up:2`, `first:2`."""
    up, first = _number(do, "up"), _number(do, "first")
    at = first if up is None else up
    if at is not None and at < len(given):
        given.insert(0 if up is None else max(0, at - 1), given.pop(at))
    return given


def _number(do: str, act: str) -> int | None:
    """Which item a button such as `remove:2` stands at; None for another button."""
    name, _colon, number = do.partition(":")
    return int(number) if name == act and number.isdecimal() and len(number) < 3 else None


def _refused(
    request: HttpRequest, desk: Desk, section: str, given: list[Item], stored: Proposal | None, error: DomainError
) -> HttpResponse:
    """What was sent stays in the form; what another device saved meanwhile is told, and overwritten by saving again."""
    form = ListForm.of(_items(section), given, version=stored.version if stored else 0)
    number = error.data.get("item")
    refuse(form.head if number is None else form.rows[number], error)
    conflict = error.code == "changed_elsewhere"
    status = 409 if conflict else REFUSED
    return _page(request, desk, section, form, stored, status=status, conflict=conflict)


def _page(
    request: HttpRequest,
    desk: Desk,
    section: str,
    form: ListForm,
    proposal: Proposal | None,
    *,
    status: int = 200,
    conflict: bool = False,
) -> HttpResponse:
    items = _items(section)
    refused = [each for each in (form.head, form.new, *form.rows) if each.errors]
    context: dict[str, Any] = {
        **desk.context(),
        "form": form,
        "items": items,
        "proposal": proposal,
        "title": Proposal.Section(section).label,
        "answer": proposal.answers.get(items.name) if proposal else None,
        "stored": [item[f"{items.fields[0][0]}_ja"] for item in proposal.texts[items.name]] if proposal else [],
        "conflict": conflict,
        "preview": _preview(request, desk, section, proposal),
        "refused": refused,
        "page_has_errors": bool(refused),
    }
    return render(request, "studio/list.html", context, status=status)


def _preview(request: HttpRequest, desk: Desk, section: str, proposal: Proposal | None) -> dict[str, Any] | None:
    """What the public page would show of the list, as it was saved; None when nobody asked."""
    if "preview" not in request.GET:
        return None
    items, on = _items(section), clock.today_in(None, clock.now())
    given = (proposal.texts if proposal else queries.on_the_page(desk.business, section))[items.name]
    rows = lists.rows_of(desk.business, items, given, on=on)
    if section != "pictures":
        return {"rows": rows, "today": on}
    parts, others = story.parts_of(desk.business, rows[1:])
    return {"rows": rows, "parts": parts, "others": others}
