"""What a fund has frozen: terms, documents and periods, read only (domain.md section 3)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from investments.models import Distribution, Document, Period, RevenueReport, Terms
from investments.offerings.queries import BYTES
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, money
from microfund.kernel.money import format_money

from .distributions import CALCULATE


@admin.register(Terms)
class TermsAdmin(ReadOnlyAdmin):
    """Every version of every fund's terms."""

    list_display = (
        "fund",
        "version",
        "units_offered",
        money("investment", _("investment per unit"), "JPY"),
        money("donation", _("donation per unit"), "JPY"),
        money("fee", _("fee per unit, tax included"), "JPY"),
        "frozen_at",
    )
    list_filter = (("frozen_at", admin.EmptyFieldListFilter),)
    list_select_related = ("fund",)
    search_fields = ("fund__slug",)
    ordering = ("-pk",)


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    """Documents as they were offered, byte for byte."""

    list_display = ("fund", "kind", "language", "terms", "sha256", "created_at")
    list_filter = ("kind", "language")
    list_select_related = ("fund", "terms")
    search_fields = ("fund__slug", "sha256")
    ordering = ("-pk",)
    fields = ("fund", "terms", "kind", "language", "sha256", "pdf_sha256", "created_at", "page", "pdf_page", "source")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer(*BYTES)

    @admin.display(description=_("as buyers see it"))
    def page(self, row: Document) -> str:
        url = reverse("businesses:document", args=[row.fund.business.slug, row.sha256])
        return format_html('<a href="{}">{}</a>', url, _("Open the document"))

    @admin.display(description=_("PDF"))
    def pdf_page(self, row: Document) -> str:
        if not row.pdf_sha256:
            return str(_("none: it is from before PDFs were made"))
        url = reverse("businesses:document_pdf", args=[row.fund.business.slug, row.sha256])
        return format_html('<a href="{}">{}</a>', url, _("Save the PDF"))

    @admin.display(description=_("HTML"))
    def source(self, row: Document) -> str:
        return format_html("<pre>{}</pre>", bytes(row.html).decode())


@admin.register(Period)
class PeriodAdmin(ReadOnlyAdmin):
    """Accounting periods, all written when a fund's term starts."""

    list_display = (
        "fund", "number", "state", "relief", "starts_on", "ends_on", "record_on", "report_due_on", "payment_due_on",
    )  # fmt: skip
    list_filter = ("state", "relief")
    list_select_related = ("fund",)
    search_fields = ("fund__slug",)
    ordering = ("report_due_on", "pk")
    acts = (CALCULATE,)

    def facts(self, row: Period) -> list[tuple[Any, Any]]:
        return [
            (_("fund"), row.fund.slug),
            (_("period"), row.number),
            (_("state"), row.get_state_display()),
            (_("record date"), row.record_on),
            (_("payment due on"), row.payment_due_on),
        ]

    def panels(self, request: HttpRequest, row: Period) -> list[Panel]:
        return [
            Panel(
                _("Revenue reports"),
                (_("version"), _("state"), _("revenue")),
                [
                    (link(RevenueReport, own.pk, f"v{own.version}"), own.get_state_display(), format_money(own.revenue))
                    for own in row.reports.order_by("version")
                ],
                numeric=frozenset({2}),
            ),
            Panel(
                _("Distributions"),
                (_("distribution"), _("state"), _("per unit"), _("gross")),
                [
                    (
                        link(Distribution, own.pk, own.pk),
                        own.get_state_display(),
                        format_money(own.per_unit),
                        format_money(own.gross),
                    )
                    for own in row.distributions.order_by("pk")
                ],
                numeric=frozenset({2, 3}),
            ),
        ]
