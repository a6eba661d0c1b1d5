"""The statements and changed contracts that come into an account, and which of them were not opened yet (pages.md I1):
terms that changed after the contract, the statement of the year before, the final statement of a holding.

Each is new for a year. It counts as read once its owner opens it, in whatever form, from the account; nothing is noted
of documents that were accepted with an order, for those were opened then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import ExtractYear
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from investments.distributions.elected import Choice
from investments.models import Allocation, Distribution, Document, Holding, Order, Payout
from investments.orders.models import Acceptance
from investments.payouts.models import PayoutItem
from microfund.kernel import clock
from microfund.kernel.accounts import opened

from .templatetags.tomobune import bilingual_filter

NEW_FOR = timedelta(days=365)
#: Of a holding in one of these funds, the statement is the last.
FINAL = ("matured", "settled", "wound_up")


def years_of(investor: Any) -> list[int]:
    """The years in which something was transferred to a person or taken otherwise, newest first; one query."""
    paid = Payout.objects.filter(investor=investor, state=Payout.State.PAID)
    taken = Distribution.objects.filter(
        elected_lines__allocation__holding__investor=investor, state=Distribution.State.APPROVED, elected_units__gt=0
    )
    years = paid.values_list(ExtractYear("paid_on")).union(taken.values_list(ExtractYear("approved_at")))
    return sorted((year for (year,) in years), reverse=True)


@dataclass(frozen=True, slots=True)
class Paper:
    """Something that came into an account: a document of changed terms ("terms", its id), the statement of a year
    ("statement", the year) or of a holding whose fund has ended ("final", its reference); in words, and where it is."""

    kind: str
    name: Any
    text: str
    href: str
    label: str

    @property
    def key(self) -> str:
        """What it is called among the things that were opened."""
        return f"{self.kind}:{self.name}"


def mark(request: HttpRequest, kind: str, name: Any, *, at: datetime) -> None:
    """Its owner opens a paper; the same again is nothing."""
    if request.method == "GET":
        opened.mark(request.user, f"{kind}:{name}", at=at)


_SHOWN = (
    "kind", "language", "created_at", "terms__version", "fund__slug", "fund__business__slug",
    "fund__business__name_en", "fund__business__name_ja",
)  # fmt: skip


def changed_terms(investor: Any, *, at: datetime) -> QuerySet[Document]:
    """The documents of terms that are newer than any this person accepted with a fund, in the languages of the orders;
    without their bytes."""
    own = Order.objects.filter(
        investor=investor, state__in=[Order.State.PAID, Order.State.CONFIRMED], fund=OuterRef("fund")
    )
    accepted = Acceptance.objects.filter(
        order__investor=investor,
        document__fund=OuterRef("fund"),
        document__terms__version__gte=OuterRef("terms__version"),
    )
    return (
        Document.objects.filter(
            Exists(own.filter(language=OuterRef("language"))),
            ~Exists(accepted),
            terms__version__gt=1,
            created_at__gt=at - NEW_FOR,
        )
        .select_related("fund__business", "terms")
        .only(*_SHOWN)
        .order_by("fund_id", "pk")
    )


def last_year(investor: Any, *, at: datetime) -> int | None:
    """The year before, if something was paid to this person in it."""
    before = clock.today_in(None, at).year - 1
    return before if before in years_of(investor) else None


def final_statements(investor: Any) -> QuerySet[Holding]:
    """Holdings of funds that have ended, of which there is something to state, the latest first."""
    lines = Allocation.objects.filter(holding=OuterRef("pk"), distribution__state="approved")
    paid = PayoutItem.objects.filter(
        allocation__holding=OuterRef("pk"), payout__state="paid", payout__investor=investor
    )
    otherwise = lines.filter(elected__choice__in=[Choice.IN_KIND, Choice.GIVE_BACK])
    return (
        Holding.objects.filter(
            Exists(paid) | Exists(otherwise) | Exists(lines.filter(distribution__written_off_per_unit__gt=0)),
            investor=investor,
            fund__state__in=FINAL,
        )
        .select_related("fund__business")
        .order_by("-fund__ended_at", "pk")
    )


def document_of(investor: Any, pk: int) -> Document | None:
    """A document of a fund that this person has an order or, as an heir, units of, without its bytes."""
    own = Order.objects.filter(Q(investor=investor) | Q(payer=investor), fund=OuterRef("fund"))
    held = Holding.objects.filter(investor=investor, fund=OuterRef("fund"))
    return (
        Document.objects.filter(Exists(own) | Exists(held), pk=pk)
        .select_related("fund__business")
        .defer("html", "pdf")
        .first()
    )


def papers(investor: Any, *, at: datetime) -> list[Paper]:
    """What is new and was not opened yet; four queries."""
    found: list[Paper] = []
    for row in changed_terms(investor, at=at):
        words = {"name": bilingual_filter(row.fund.business, "name"), "document": row.get_kind_display()}
        text = _("The terms of %(name)s have changed: a new %(document)s is there for you.") % words
        found.append(Paper("terms", row.pk, text, reverse("own_document", args=[row.pk]), _("Open it")))
    year = last_year(investor, at=at)
    if year is not None:
        text = _("Your statement of payments of %(year)d is there, for your tax return.") % {"year": year}
        found.append(Paper("statement", year, text, reverse("statement", args=[year]), _("Open it")))
    for holding in final_statements(investor).filter(fund__ended_at__gt=at - NEW_FOR):
        text = _("The fund of %(name)s has ended: your final statement is there.") % {
            "name": bilingual_filter(holding.fund.business, "name")
        }
        href = f"{reverse('my_documents')}#final-{holding.reference}"
        found.append(Paper("final", holding.reference, text, href, _("To the statement")))
    read = opened.opened(investor.user_id, [paper.key for paper in found])
    return [paper for paper in found if paper.key not in read]
