"""The identity check as reviewers see it: what the investor wrote beside the pictures that they sent.

Birth date and address stand on this page in clear, and the pictures are looked at one by one: each is an audit row.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from investments.investors import documents, queries
from investments.models import IdentityCase, IdentityDocument, Investor
from microfund.kernel import clock
from microfund.kernel.accounts.roles import REVIEWER, has_role
from microfund.kernel.acts import ReasonForm
from microfund.kernel.admin import Panel
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError


class RejectForm(ReasonForm):
    """What the investor is told, in their language, and the reviewer's own reason for the audit trail."""

    cause = forms.ChoiceField(
        label=_("Told to the investor"), choices=IdentityCase.Cause.choices, widget=forms.RadioSelect
    )
    field_order = ("cause", "reason")


def facts_of(investor: Investor) -> list[tuple[Any, str]]:
    """What a document is held against, in clear."""
    company = investor.kind == Investor.Kind.COMPANY
    pairs = [(_("name"), investor.name), (_("name in kana"), investor.name_kana)]
    if company:
        pairs += [
            (_("corporate number"), investor.corporate_number),
            (_("representative"), investor.representative),
        ]
    else:
        pairs.append((_("birth date"), investor.birth_date))
    return [*pairs, (_("address"), " ".join(queries.address_lines(investor)))]


def cases_panel(investor: Investor) -> Panel:
    """Every check of an investor: when, what came of it, what was sent for it and when that was deleted."""
    cases = investor.identity_cases.prefetch_related("documents").order_by("-pk")[:20]
    rows = []
    for case in cases:
        given = list(case.documents.all())
        deleted = [row.deleted_at for row in given if row.deleted_at]
        rows.append(
            (
                case.opened_at.date(),
                case.decided_at.date() if case.decided_at else "",
                case.get_outcome_display() or _("open"),
                case.get_cause_display(),
                len(given) - len(deleted),
                f"{len(deleted)} ({max(deleted).date()})" if deleted else "",
            )
        )
    return Panel(
        _("Identity checks"),
        (_("submitted at"), _("decided at"), _("outcome"), _("told to the investor"), _("documents"), _("deleted")),
        rows,
        numeric=frozenset({4}),
    )


class IdentityPages:
    """The pages of the check, under the investor's own page."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/identity/", view(require_safe(self.identity_view)), name="investments_investor_identity"),
            path(
                "<int:pk>/identity/<int:document_id>/",
                view(require_safe(self.document_view)),
                name="investments_investor_document",
            ),
            *super().get_urls(),
        ]

    @staticmethod
    def _investor(request: HttpRequest, pk: int) -> Investor:
        if not has_role(request.user, REVIEWER):
            raise PermissionDenied
        found = Investor.objects.select_related("user").filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def identity_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The details in clear beside the pictures, with the acts that decide."""
        investor = self._investor(request, pk)
        audit.record(
            action="investments.Investor.identity_looked_at", subject=investor, at=clock.now(), actor=request.user
        )
        case = queries.latest_case(investor)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Identity check"),
            "opts": self.opts,
            "original": investor,
            "investor": investor,
            "case": case,
            "facts": facts_of(investor),
            "documents": queries.documents_of(case),
            "acts": [act for act in self.possible_acts(request, investor) if act.name in ("verify", "reject")],
            "back": reverse("admin:investments_investor_change", args=[pk]),
        }
        response = TemplateResponse(request, "admin/identity.html", context)
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def document_view(self, request: HttpRequest, pk: int, document_id: int) -> HttpResponse:
        """One picture, decrypted; kept by no cache."""
        investor = self._investor(request, pk)
        document = IdentityDocument.objects.filter(pk=document_id, case__investor=investor).first()
        if document is None:
            raise Http404
        try:
            picture = documents.look(document, actor=request.user, at=clock.now())
        except (DomainError, FileNotFoundError):
            raise Http404 from None
        response = HttpResponse(picture, content_type="image/webp")
        response.headers["Cache-Control"] = "private, no-store"
        response.headers["Content-Disposition"] = "inline"
        return response

    def check_link(self, investor: Investor) -> Any:
        """The way to the page of the check."""
        url = reverse("admin:investments_investor_identity", args=[investor.pk])
        return format_html('<a href="{}">{}</a>', url, _("Look at the documents"))
