"""The daily look at the books and the audit trail: what `verify_ledger` and `verify_audit` find, kept as a job run."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import structlog

from microfund.kernel import clock, integrity
from microfund.kernel.audit import services as audit

log = structlog.get_logger(__name__)
_SHOWN = 5
#: Longer than a day's sweeps take.
_JUST_PASSED = timedelta(hours=6)


class BooksDiffer(Exception):
    """Some promise does not hold. The message names the checks and their first rows; staff read it in the job run."""


def verify_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: run every integrity check and verify the audit chain. Raises BooksDiffer, which the job run keeps.

    The books are looked at as they are now, so a date that is replayed later is not verified: only one whose instant
    has hardly passed, which a run that began before midnight has not when it comes here after it.
    """
    if abs(clock.now() - at) > _JUST_PASSED:
        return {}
    found: dict[str, list[str]] = {
        outcome.check.name: outcome.differences for outcome in integrity.run() if outcome.differences
    }
    problems = list(audit.problems())
    if problems:
        found["audit"] = problems
    position, chain_hash = audit.head()
    # The log leaves this machine's database: an anchor for `verify_audit --anchor`.
    log.info("audit.head", position=position, chain_hash=chain_hash)
    if found:
        parts = [f"{name}: {len(rows)} ({'; '.join(rows[:_SHOWN])})" for name, rows in found.items()]
        raise BooksDiffer("\n".join(parts))
    return {"checks": len(integrity.checks()), "audit_position": position}
