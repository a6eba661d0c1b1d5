"""Stored documents, byte for byte (pages.md P4): HTML in a sandbox, PDF to keep; and an investor's own list (I8).

Both forms stay at their addresses for ever: whoever accepted a document finds it there as it was.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from investments.inheritance.queries import first_orders, inherited_by
from investments.investors import queries as investors
from investments.offerings import queries as offerings
from investments.offerings.models import Document, Fund
from investments.orders import queries as orders
from investments.orders.models import Order
from microfund.kernel import clock
from microfund.kernel.pages import private

from . import unread

ONE_YEAR = 365 * 24 * 3600


@require_safe
def document(request: HttpRequest, slug: str, sha256: str) -> HttpResponse:
    """A stored document as it was accepted. It is shown in a sandbox: it can run and load nothing, and looks as its
    own few styles say."""
    found = offerings.document(slug, sha256)
    if found is None:
        raise Http404
    response = HttpResponse(bytes(found.html), content_type="text/html; charset=utf-8")
    way = "attachment" if "download" in request.GET else "inline"
    response["Content-Disposition"] = f'{way}; filename="{_name(found, slug)}.html"'
    response["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return _kept(response, found, found.sha256)


@require_safe
def document_pdf(request: HttpRequest, slug: str, sha256: str) -> HttpResponse:
    """The PDF that was set from a document when its terms were frozen; 404 if it is from before PDFs were made.

    It is sent to be saved: a viewer within the browser would need rights that no page of ours has.
    """
    found = offerings.document(slug, sha256, form="pdf")
    if found is None or found.pdf is None:
        raise Http404
    response = HttpResponse(bytes(found.pdf), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{_name(found, slug)}.pdf"'
    return _kept(response, found, found.pdf_sha256)


def _name(found: Document, slug: str) -> str:
    return f"{slug}-{found.kind}-{found.language}-{found.sha256[:12]}"


def _kept(response: HttpResponse, found: Document, sha256: str) -> HttpResponse:
    response["Content-Language"] = found.language
    response["ETag"] = f'"{sha256}"'
    response["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable"
    return response


class Kept(NamedTuple):
    """A document of an order: `accepted_at` is None for one of later terms, which nobody had to accept. `inherited`: it
    was accepted by whom the units came from, and their order is not shown."""

    document: Document
    order: Order | None
    accepted_at: datetime | None
    inherited: bool = False

    @property
    def at(self) -> datetime:
        """What the list is sorted by."""
        return self.accepted_at or self.document.created_at


@private
@require_safe
@login_required
def my_documents(request: HttpRequest) -> HttpResponse:
    """I8: every document that was accepted with the visitor's orders or with units they inherited, and those of terms
    that were amended since, by fund and date; the statements of years and of holdings; what was not opened yet is
    marked. As many queries however many there are."""
    investor = investors.investor_of(request.user)
    context: dict[str, Any] = {"trail": [(_("My account"), reverse("me"))]}
    if investor is not None:
        new: dict[str, set[Any]] = {"terms": set(), "statement": set(), "final": set()}
        for paper in unread.papers(investor, at=clock.now()):
            new[paper.kind].add(paper.name)
        context |= {
            "funds": _kept_by_fund(investor),
            "years": unread.years_of(investor),
            "this_year": clock.today_in().year,
            "finals": list(unread.final_statements(investor)),
            "new": new,
        }
    return render(request, "site/documents.html", context)


@private
@require_safe
@login_required
def own_document(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a document of one's funds from the account, which marks it as read: `form=pdf` for the PDF, `form=save` to
    save it. 404 for one of another fund."""
    investor = investors.investor_of(request.user)
    found = unread.document_of(investor, pk) if investor else None
    if found is None:
        raise Http404
    unread.mark(request, "terms", pk, at=clock.now())
    where, form = [found.fund.business.slug, found.sha256], request.GET.get("form", "")
    if form == "pdf" and found.pdf_sha256:
        return redirect("businesses:document_pdf", *where)
    address = reverse("businesses:document", args=where)
    return redirect(f"{address}?download" if form == "save" else address)


def _kept_by_fund(investor: Any) -> list[dict[str, Any]]:
    """The documents of a person's orders, and of those by which units were bought that they inherited, under the fund
    they belong to: the newest order's fund and the newest document first."""
    made = list(orders.orders_of(investor))
    by_order = {order.pk: order for order in made}
    came = first_orders([row.holding_id for row in inherited_by(investor)])
    funds: dict[int, Fund] = {order.fund_id: order.fund for order in [*made, *reversed(came)]}
    kept: dict[int, list[Kept]] = {fund_id: [] for fund_id in funds}
    seen: set[int] = set()
    for row in orders.accepted(made, investor):
        order = by_order[row.order_id]
        kept[order.fund_id].append(Kept(row.document, order, row.accepted_at))
        seen.add(row.document_id)
    for row in orders.accepted(came) if came else []:
        if row.document_id not in seen:
            kept[row.document.fund_id].append(Kept(row.document, None, row.accepted_at, inherited=True))
            seen.add(row.document_id)
    for document in _amended([*made, *came], kept):
        if document.pk not in seen:
            kept[document.fund_id].append(Kept(document, None, None))
    return [
        {"fund": fund, "business": fund.business, "rows": sorted(kept[pk], key=lambda row: row.at, reverse=True)}
        for pk, fund in funds.items()
    ]


def _amended(made: list[Order], kept: dict[int, list[Kept]]) -> list[Document]:
    """Documents of terms newer than any that were accepted, in the languages in which the fund's were."""
    newest = {fund_id: max((row.document.terms.version for row in rows), default=0) for fund_id, rows in kept.items()}
    languages = {(order.fund_id, order.language) for order in made}
    return [
        document
        for document in offerings.documents_of_funds(newest)
        if document.terms.version > newest[document.fund_id] and (document.fund_id, document.language) in languages
    ]
