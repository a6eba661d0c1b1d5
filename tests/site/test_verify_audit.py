"""The audit trail tells when somebody with a database prompt has touched it."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from investments.ledger import post as ledger
from investments.models import Entry, Fund, Line
from microfund.kernel import integrity
from microfund.kernel.audit import services as audit
from microfund.kernel.audit.models import AuditRow, AuditSeal
from microfund.kernel.schedule import services as schedule
from microfund.kernel.schedule.models import JobRun
from microfund.site import verification
from tests import make, sealing

# Rows are sealed once their transaction is over, so these tests commit.
pytestmark = pytest.mark.django_db(transaction=True)


def verify(*args: str) -> tuple[int, str]:
    """Run the command; its exit code and output."""
    out = io.StringIO()
    try:
        call_command("verify_audit", *args, stdout=out)
    except SystemExit as left:
        return int(left.code or 0), out.getvalue()
    return 0, out.getvalue()


def corrupt(*statements: str) -> None:
    """Run statements with every trigger off, and commit."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount != 0, f"corrupts nothing: {statement}"


@pytest.fixture
def trail() -> list[int]:
    """Eight sealed rows of a fund's life; their ids in the order of the chain."""
    make.make_fund()
    for number in range(5):
        audit.record(action="tests.happened", subject=("tests.Thing", number), at=timezone.now(), changes={"n": number})
    sealing.seal()
    rows = list(AuditSeal.objects.order_by("position").values_list("row_id", flat=True))
    assert len(rows) >= 8
    return rows


def test_an_untouched_trail_verifies_and_shows_its_head(trail: list[int]) -> None:
    code, output = verify()
    position, chain_hash = audit.head()
    assert code == 0, output
    assert f"audit trail: {len(trail)} rows in the chain, no difference" in output
    assert f"head of the chain: {position}:{chain_hash}" in output
    assert verify("--quiet") == (0, "")
    assert json.loads(verify("--json")[1])["head"] == {"position": position, "chain_hash": chain_hash}


def _first(rows: list[int]) -> str:
    corrupt(f"UPDATE audit_auditrow SET reason = 'because' WHERE id = {rows[2]}")
    return f"audit row {rows[2]}: its content no longer matches its hash"


def _rehashed(rows: list[int]) -> str:
    corrupt(
        f"""UPDATE audit_auditrow AS own SET actor_label = 'user:1', content_hash = sha256(convert_to(
            (extract(epoch FROM own.happened_at) * 1000000)::bigint::text || E'\\x1f' || '' || E'\\x1f' || 'user:1'
            || E'\\x1f' || own.action || E'\\x1f' || own.object_type || E'\\x1f' || own.object_id || E'\\x1f'
            || own.changes::text || E'\\x1f' || own.reason, 'UTF8')) WHERE id = {rows[3]}"""
    )
    return f"audit chain: broken at position 4 (row {rows[3]})"


def _row_deleted(rows: list[int]) -> str:
    corrupt(f"DELETE FROM audit_auditrow WHERE id = {rows[1]}")
    return "audit chain: the row at position 2 is gone"


def _row_and_seal_deleted(rows: list[int]) -> str:
    corrupt(f"DELETE FROM audit_auditseal WHERE position = 2; DELETE FROM audit_auditrow WHERE id = {rows[1]}")
    return "audit chain: position 2 is missing (found 3)"


def _chain_rewritten(rows: list[int]) -> str:
    corrupt("UPDATE audit_auditseal SET chain_hash = sha256('x') WHERE position = 5")
    return f"audit chain: broken at position 5 (row {rows[4]})"


def _rows_swapped(rows: list[int]) -> str:
    corrupt(
        "UPDATE audit_auditseal SET row_id = -row_id WHERE position IN (6, 7)",
        f"UPDATE audit_auditseal SET row_id = {rows[6]} WHERE position = 6",
        f"UPDATE audit_auditseal SET row_id = {rows[5]} WHERE position = 7",
    )
    return "audit chain: broken at position 6"


def _tail_unsealed(rows: list[int]) -> str:
    corrupt(
        f"DELETE FROM audit_auditseal WHERE position > {len(rows) - 2}",
        f"UPDATE audit_auditrow SET recorded_at = recorded_at - interval '11 minutes' WHERE id = {rows[-1]}",
    )
    return f"audit row {rows[-1]}: not sealed since"


@pytest.mark.parametrize(
    "tamper",
    [_first, _rehashed, _row_deleted, _row_and_seal_deleted, _chain_rewritten, _rows_swapped, _tail_unsealed],
)
def test_a_touched_trail_is_found_and_named(trail: list[int], tamper: Callable[[list[int]], str]) -> None:
    expected = tamper(trail)
    code, output = verify()
    assert code == 1 and expected in output, f"{expected!r} is not in {output!r}"


def test_a_row_that_waits_for_its_seal_for_nine_minutes_is_no_difference(trail: list[int]) -> None:
    audit.record(action="tests.new", subject=("tests.Thing", 1), at=timezone.now())
    newest = AuditRow.objects.order_by("-pk")[0].pk
    corrupt(f"UPDATE audit_auditrow SET recorded_at = recorded_at - interval '9 minutes' WHERE id = {newest}")
    assert verify()[0] == 0
    corrupt(f"UPDATE audit_auditrow SET recorded_at = recorded_at - interval '2 minutes' WHERE id = {newest}")
    code, output = verify()
    assert code == 1 and f"audit row {newest}: not sealed since" in output


def test_a_cut_tail_shows_only_against_a_head_that_was_kept_outside(trail: list[int]) -> None:
    position, chain_hash = audit.head()
    anchor = f"{position}:{chain_hash}"
    assert verify("--anchor", anchor)[0] == 0
    corrupt(
        f"DELETE FROM audit_auditseal WHERE position > {len(trail) - 2}",
        f"DELETE FROM audit_auditrow WHERE id IN ({trail[-1]}, {trail[-2]})",
    )
    assert verify()[0] == 0, "without an anchor nothing in the database tells of a cut end"
    code, output = verify("--anchor", anchor)
    assert code == 1 and f"position {position} is missing, it was kept outside" in output
    for number in range(3):
        audit.record(action="tests.again", subject=("tests.Thing", number), at=timezone.now())
    sealing.seal()
    code, output = verify("--anchor", anchor)
    assert code == 1 and f"position {position} is not what was kept outside" in output


def test_an_anchor_must_be_one() -> None:
    with pytest.raises(CommandError, match="POSITION:HASH"):
        verify("--anchor", "seven")


# --- The daily sweep, and what only real commits can corrupt --------------------------------------------------


def _sweep() -> tuple[dict[str, int], str]:
    results = schedule.run_due(cadences=["day"], always_record=True)
    return results["site.verify"]


def test_the_daily_sweep_keeps_what_it_found_in_its_job_run(trail: list[int]) -> None:
    counts, error = _sweep()
    assert error == "" and counts == {"checks": len(integrity.checks()), "audit_position": len(trail)}
    corrupt(
        f"UPDATE audit_auditrow SET reason = 'because' WHERE id = {trail[2]}",
        "UPDATE investments_fundcounter SET sold = 3",
    )
    _counts, error = _sweep()
    kept = JobRun.objects.filter(name="site.verify").order_by("-pk")[0]
    assert kept.error == error
    assert f"audit row {trail[2]}: its content no longer matches" in error
    assert "orders.fund_counters: 1 (investments_fundcounter" in error


def test_a_replayed_date_is_not_verified(trail: list[int]) -> None:
    corrupt("UPDATE investments_fundcounter SET sold = 3")
    for days in (-365, -1, 1):
        at = timezone.now() + timedelta(days=days)
        assert verification.verify_due(on=at.date(), at=at) == {}


def test_a_run_that_began_before_midnight_is_verified_after_it(trail: list[int]) -> None:
    at = timezone.now() - timedelta(minutes=30)
    assert verification.verify_due(on=at.date() - timedelta(days=1), at=at)["checks"] == len(integrity.checks())


def _entry(fund: Fund | None = None) -> Entry:
    """An entry written by the service in a transaction of its own, as on the site."""
    fund = fund or make.make_fund()
    at = timezone.now()
    legs = [ledger.debit(fund.book_id, "bank", 700), ledger.credit(fund.book_id, "psp_clearing", 700)]
    with transaction.atomic():
        return Entry.objects.get(pk=ledger.post(kind="forged", source=("a", 1), legs=legs, on=at.date(), at=at))


def _sealed() -> list[str]:
    return [line for outcome in integrity.run(["ledger.sealed"]) for line in outcome.differences]


def test_balanced_lines_that_join_an_old_entry_are_found() -> None:
    entry = _entry()
    assert _sealed() == []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO investments_line (entry_id, account_id, side, amount, currency, subject)"
            " SELECT entry_id, account_id, side, 5, currency, '' FROM investments_line WHERE entry_id = %s",
            [entry.pk],
        )
    late = Line.objects.filter(entry=entry, amount=5).order_by("pk")
    assert _sealed() == [
        f"investments_line {line.pk}: joined entry {entry.pk} ({entry.reference}) in another transaction"
        for line in late
    ]
    assert [outcome.differences for outcome in integrity.run(["ledger.entries"])] == [[]]


def test_an_entry_written_in_a_savepoint_is_no_difference() -> None:
    fund = make.make_fund()
    with transaction.atomic():
        make.make_user()
        _entry(fund)
    assert _sealed() == []


def test_a_journal_that_was_restored_from_a_dump_is_no_difference() -> None:
    """All entries then have one inserting transaction, which may by chance be the number of one of the old ones."""
    entry = _entry()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO investments_entry (kind, reference, effective_on, happened_at, memo, xact)"
            " SELECT kind, 'forged:a:' || n, effective_on, happened_at, memo,"
            "        CASE n WHEN 7 THEN pg_current_xact_id()::text::bigint ELSE n END"
            "   FROM investments_entry, generate_series(7, 9) AS n WHERE id = %s",
            [entry.pk],
        )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO investments_line (entry_id, account_id, side, amount, currency, subject)"
            " SELECT entry.id, line.account_id, line.side, line.amount, line.currency, ''"
            "   FROM investments_entry AS entry, investments_line AS line"
            "  WHERE entry.reference <> 'forged:a:1' AND line.entry_id = %s",
            [entry.pk],
        )
    assert Line.objects.count() == 8
    assert _sealed() == []


def test_the_checks_run_in_one_snapshot_and_write_nothing() -> None:
    seen: list[Any] = []

    def look() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
            seen.append(cursor.fetchone())
        return iter(())

    integrity.register("tests.snapshot", "9", look)
    try:
        list(integrity.run(["tests.snapshot"]))
    finally:
        del integrity._checks["tests.snapshot"]
    assert seen == [("repeatable read", "on")]
