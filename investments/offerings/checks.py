"""What must hold of funds, their frozen terms and their documents (domain.md section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from microfund.kernel import clock
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.integrity import query, register

from .documents import LANGUAGES
from .models import Document, FundCounter, Terms
from .services import terms_digest


def documents() -> Iterator[str]:
    """Every stored document has the SHA-256 that was stored with it, and so has its PDF."""
    yield from query("""
        SELECT format('investments_document %s (fund %s %s %s): its bytes no longer match %s', id, fund_id, kind,
                      language, left(sha256, 12))
          FROM investments_document WHERE encode(sha256(html), 'hex') <> sha256 ORDER BY id
    """)
    yield from query("""
        SELECT format('investments_document %s (fund %s %s %s): the bytes of its PDF no longer match %s', id, fund_id,
                      kind, language, left(pdf_sha256, 12))
          FROM investments_document
         WHERE encode(sha256(pdf), 'hex') <> pdf_sha256 OR (pdf IS NULL) <> (pdf_sha256 = '') ORDER BY id
    """)


def document_sets() -> Iterator[str]:
    """Frozen terms have every kind of document in every language, each belongs to their fund, and either all of them
    have a PDF or, from before PDFs were made, none."""
    yield from query(
        """
        SELECT format('investments_terms %s (fund %s v%s): has no %s in %s', terms.id, terms.fund_id, terms.version,
                      kind.name, language.name)
          FROM investments_terms AS terms
         CROSS JOIN unnest(%(kinds)s::text[]) AS kind (name)
         CROSS JOIN unnest(%(languages)s::text[]) AS language (name)
          LEFT JOIN investments_document AS document
            ON document.terms_id = terms.id AND document.kind = kind.name AND document.language = language.name
         WHERE terms.frozen_at IS NOT NULL AND document.id IS NULL
         ORDER BY terms.id, kind.name, language.name
        """,
        {"kinds": list(Document.Kind.values), "languages": list(LANGUAGES)},
    )
    yield from query("""
        SELECT format('investments_document %s: is of fund %s, its terms of fund %s', document.id, document.fund_id,
                      terms.fund_id)
          FROM investments_document AS document JOIN investments_terms AS terms ON terms.id = document.terms_id
         WHERE document.fund_id <> terms.fund_id ORDER BY document.id
    """)
    yield from query("""
        SELECT format('investments_terms %s: %s of its %s documents have a PDF', terms_id, count(pdf), count(*))
          FROM investments_document GROUP BY terms_id HAVING count(pdf) NOT IN (0, count(*)) ORDER BY terms_id
    """)


def frozen_terms() -> Iterator[str]:
    """Frozen terms are what they were when they were frozen: their digest stands in the audit trail."""
    digests: dict[tuple[str, int], str] = {
        (object_id, changes.get("terms")): changes.get("terms_sha256", "")
        for object_id, changes in AuditRow.objects.filter(
            object_type="investments.Fund", action__in=["investments.Fund.open", "investments.Fund.amended"]
        ).values_list("object_id", "changes")
    }
    for terms in Terms.objects.filter(frozen_at__isnull=False).order_by("pk").iterator():
        stored = digests.get((str(terms.fund_id), terms.version))
        if stored is None:
            yield f"investments_terms {terms.pk} ({terms}): frozen without a digest in the audit trail"
        elif stored != terms_digest(terms):
            yield f"investments_terms {terms.pk} ({terms}): changed after they were frozen"


def open_funds() -> Iterator[str]:
    """A fund that opened has its book, policy and frozen terms; its counter offers what they say and sells only while
    it is open, until the end of its closing date."""
    yield from query("""
        SELECT format('investments_fund %s (%s): %s', fund.id, fund.slug, concat_ws(', ',
                   CASE WHEN fund.opened_at IS NULL THEN 'has no opening date' END,
                   CASE WHEN fund.policy_id IS NULL THEN 'has no policy' END,
                   CASE WHEN book.id IS NULL OR book.code <> 'fund:' || fund.id OR book.kind <> 'fund'
                             OR book.currency <> fund.currency THEN 'has no book of its own' END,
                   CASE WHEN terms.units_offered IS NULL THEN 'has no frozen terms' END,
                   CASE WHEN counter.fund_id IS NULL THEN 'has no counter'
                        WHEN counter.offered <> terms.units_offered
                             THEN format('offers %s units, its terms %s', counter.offered, terms.units_offered) END,
                   CASE WHEN counter.accepting <> (fund.state = 'open') THEN
                             format('is %s, its counter accepts orders: %s', fund.state, counter.accepting) END))
          FROM investments_fund AS fund
          LEFT JOIN investments_book AS book ON book.id = fund.book_id
          LEFT JOIN investments_fundcounter AS counter ON counter.fund_id = fund.id
          LEFT JOIN LATERAL (SELECT units_offered FROM investments_terms AS terms
                              WHERE terms.fund_id = fund.id AND terms.frozen_at IS NOT NULL
                              ORDER BY terms.version DESC LIMIT 1) AS terms ON true
         WHERE fund.state NOT IN ('draft', 'in_review', 'scheduled')
           AND (fund.opened_at IS NULL OR fund.policy_id IS NULL OR book.id IS NULL
                OR book.code <> 'fund:' || fund.id OR book.kind <> 'fund' OR book.currency <> fund.currency
                OR terms.units_offered IS NULL OR counter.fund_id IS NULL OR counter.offered <> terms.units_offered
                OR counter.accepting <> (fund.state = 'open'))
         ORDER BY fund.id
    """)
    for counter in FundCounter.objects.select_related("fund__policy").order_by("pk").iterator():
        policy = counter.fund.policy
        closes_at = clock.start_of_day(counter.fund.closes_on + timedelta(days=1), policy.zone if policy else None)
        if counter.closes_at != closes_at:
            yield (
                f"investments_fundcounter {counter.pk} ({counter.fund.slug}): sells until "
                f"{counter.closes_at.isoformat()}, its closing date ends at {closes_at.isoformat()}"
            )


def register_checks() -> None:
    """Called once when the app is ready."""
    register("offerings.documents", "3", documents)
    register("offerings.document_sets", "3", document_sets)
    register("offerings.frozen_terms", "3", frozen_terms)
    register("offerings.open_funds", "3", open_funds)
