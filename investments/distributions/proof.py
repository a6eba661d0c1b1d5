"""The proof file of a fund: what decides its payments, as a chain of records that anybody can recompute.

One record for each frozen version of the terms, each accepted report, each approved distribution, each write-off and
each step of a moratorium, in the order in which they came to count. Each carries the SHA-256 of the one before and its
own, over its canonical JSON (sorted keys, no spaces, ASCII), so an older copy of the file is always the beginning of a
newer one. `docs/verify.py` recomputes it all offline. Amounts in minor units (yen), rates as decimal
texts, instants in UTC.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from investments.offerings.models import Fund
from investments.offerings.queries import versions
from investments.revenue.models import MoratoriumFund
from microfund.kernel.audit.models import AuditRow

from .changes import WriteOff
from .models import Distribution
from .queries import accepted_reports

FORMAT = "tomobune-proof-1"
#: What the first record names as the one before it.
BEGINNING = "0" * 64
_TERMS = ("version", "units_offered", "investment", "periods", "grace_periods", "revenue_floor", "period_cap")
_DISTRIBUTION = (
    "supplement",
    "action",
    "reason",
    "paid_before",
    "cumulative_revenue",
    "entitlement_per_unit",
    "per_unit",
    "units",
    "gross",
)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(record: dict[str, Any]) -> bytes:
    """The bytes of a record, without its own hash, that the hash is taken over."""
    own = {key: value for key, value in record.items() if key != "hash"}
    return json.dumps(own, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _facts(fund: Fund) -> list[tuple[datetime, int, int, dict[str, Any]]]:
    """Every fact with what it is ordered by: its instant, its kind (what it stands on first), its row."""
    found: list[tuple[datetime, int, int, dict[str, Any]]] = []
    for terms in versions(fund):
        if terms.frozen_at is not None:
            facts = {"kind": "terms", "at": _instant(terms.frozen_at)} | {name: getattr(terms, name) for name in _TERMS}
            facts["rate_before_recoup"] = str(terms.rate_before_recoup)
            facts["rate_after_recoup"] = str(terms.rate_after_recoup)
            found.append((terms.frozen_at, 0, terms.pk, facts))
    for number, reports in accepted_reports(fund).items():
        for report in reports:
            assert report.decided_at is not None
            facts = {
                "kind": "report",
                "at": _instant(report.decided_at),
                "period": number,
                "version": report.version,
                "restatement": report.restatement,
                "action": report.action,
                "revenue": report.revenue,
            }
            found.append((report.decided_at, 1, report.pk, facts))
    approved = fund.distributions.filter(state=Distribution.State.APPROVED).select_related("period", "terms")
    for own in approved:
        assert own.approved_at is not None
        facts = {"kind": "distribution", "at": _instant(own.approved_at), "period": own.period.number}
        facts |= {name: getattr(own, name) for name in _DISTRIBUTION}
        facts |= {"terms_version": own.terms.version, "record_on": own.record_on.isoformat()}
        found.append((own.approved_at, 2, own.pk, facts))
    found += _relief(fund)
    decided = WriteOff.objects.filter(distribution__fund=fund, state=WriteOff.State.APPROVED)
    for row in decided.select_related("distribution__period"):
        assert row.approved_at is not None
        facts = {
            "kind": "write_off",
            "at": _instant(row.approved_at),
            "period": row.distribution.period.number,
            "supplement": row.distribution.supplement,
            "per_unit": row.per_unit,
            "reason": row.reason,
        }
        found.append((row.approved_at, 3, row.pk, facts))
    return sorted(found, key=lambda fact: fact[:3])


def _relief(fund: Fund) -> list[tuple[datetime, int, int, dict[str, Any]]]:
    """What moratoria made of periods, and where they were ended early: as the steps of the fund were noted."""
    steps = {row.pk: row for row in fund.moratoria.select_related("moratorium")}
    noted = AuditRow.objects.filter(
        object_type=MoratoriumFund._meta.label,
        object_id__in=[str(pk) for pk in steps],
        action__in=["investments.MoratoriumFund.applied", "investments.MoratoriumFund.lifted"],
    )
    return [
        (
            row.happened_at,
            1,
            row.pk,
            {
                "kind": "moratorium",
                "at": _instant(row.happened_at),
                "title": steps[int(row.object_id)].moratorium.title,
                "periods": row.changes["periods"],
                "action": row.changes["action"] if row.action.endswith("applied") else "",
            },
        )
        for row in noted
        if row.changes["periods"]
    ]


def records(fund: Fund) -> list[dict[str, Any]]:
    """The chain of a fund, the oldest record first."""
    chain, before = [], BEGINNING
    for _at, _kind, _pk, facts in _facts(fund):
        record = facts | {"number": len(chain) + 1, "previous": before}
        before = hashlib.sha256(canonical(record)).hexdigest()
        chain.append(record | {"hash": before})
    return chain


def proof(fund: Fund) -> dict[str, Any]:
    """The proof file as plain data."""
    return {"format": FORMAT, "fund": fund.slug, "currency": fund.currency, "records": records(fund)}
