"""The sections of a business's page, edited by its members and reviewed by staff (pages.md O2).

Every button but “Withdraw” saves first, so nothing typed is lost. What the public reads changes only
with the staff's decision.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from businesses.profile import queries, services, story
from businesses.profile.models import Proposal, texts_of
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import form_methods, refuse

from .access import Desk, studio
from .section_forms import SectionForm


@studio()
@form_methods
def section_edit(request: HttpRequest, desk: Desk, section: str) -> HttpResponse:
    """O2: one section: save a draft, look at it, submit it for review, withdraw it."""
    proposal = queries.open_proposal(desk.business, section)
    if request.method != "POST":
        texts = proposal.texts if proposal else queries.on_the_page(desk.business, section)
        initial = {**texts, "version": proposal.version if proposal else 0}
        return _page(request, desk, SectionForm(section=section, initial=initial), proposal)
    if request.POST.get("do") == "withdraw":
        return withdrawn(request, desk, section, proposal)
    form = SectionForm(request.POST, section=section)
    if not form.is_valid():
        return _page(request, desk, form, proposal)
    return _saved(request, desk, form, proposal)


def _saved(request: HttpRequest, desk: Desk, form: SectionForm, proposal: Proposal | None) -> HttpResponse:
    at, do = clock.now(), request.POST.get("do", "save")
    here = reverse(f"studio:{form.section}", args=[desk.business.slug])
    try:
        saved = services.save(
            desk.business,
            section=form.section,
            texts=form.texts(),
            version=form.cleaned_data["version"],
            actor=request.user,
            at=at,
        )
        proposal = saved
        if do == "submit":
            services.submit(saved, actor=request.user, at=at)
    except DomainError as error:
        if error.code == "changed_elsewhere":
            return _conflict(request, desk, form, error.data["proposal"])
        refuse(form, error)
        return _page(request, desk, _from(form, proposal), proposal)
    if do == "preview":
        return HttpResponseRedirect(here + "?preview=1#preview")
    messages.success(request, _("Submitted. Staff look at it next.") if do == "submit" else _("Saved as a draft."))
    return HttpResponseRedirect(here)


def _from(form: SectionForm, proposal: Proposal | None) -> SectionForm:
    """The same form with its errors, going on from the save that was just made."""
    if proposal is not None:
        form.data = form.data.copy()
        form.data["version"] = str(proposal.version)
    return form


def _conflict(request: HttpRequest, desk: Desk, form: SectionForm, stored: Proposal) -> HttpResponse:
    """409: what was typed stays in the form, what another device saved stands beside it."""
    return _page(request, desk, _from(form, stored), stored, status=409, conflict=True)


def withdrawn(request: HttpRequest, desk: Desk, section: str, proposal: Proposal | None) -> HttpResponse:
    """The answer to “Withdraw”."""
    if proposal is not None:
        try:
            services.withdraw(proposal, actor=request.user, at=clock.now())
            messages.success(request, _("Withdrawn. The page stays as it is."))
        except DomainError as error:
            messages.error(request, str(error.message))
    return HttpResponseRedirect(reverse(f"studio:{section}", args=[desk.business.slug]))


def _page(
    request: HttpRequest,
    desk: Desk,
    form: SectionForm,
    proposal: Proposal | None,
    *,
    status: int = 200,
    conflict: bool = False,
) -> HttpResponse:
    shown = proposal.texts if proposal else queries.on_the_page(desk.business, form.section)
    rows: list[dict[str, Any]] = []
    for text in texts_of(form.section):
        columns = text.columns
        rows.append(
            {
                "text": text,
                "fields": [form[column] for column in columns],
                "stored": [(lang, shown.get(column, "")) for lang, column in zip(("en", "ja"), columns, strict=True)],
                "answer": proposal.answers.get(text.name) if proposal else None,
            }
        )
    context = {
        **desk.context(),
        "form": form,
        "rows": rows,
        "proposal": proposal,
        "section": form.section,
        "title": Proposal.Section(form.section).label,
        "conflict": conflict,
        "preview": "preview" in request.GET,
        "told": _story(desk, shown) if form.section == "profile" else None,
    }
    return render(request, "studio/section.html", context, status=status)


def _story(desk: Desk, shown: dict[str, Any]) -> dict[str, Any]:
    """The story as the public page would tell it: the texts of the draft, beside the pictures that are public."""
    texts = SimpleNamespace(
        **{column: shown.get(column, "") for text in texts_of("profile") for column in text.columns}
    )
    pictures = [picture for picture in desk.business.pictures.all() if picture.role == picture.Role.STORY]
    parts, others = story.parts_of(texts, pictures)
    return {"source": texts, "parts": parts, "others": others}
