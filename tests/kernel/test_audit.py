"""The audit trail: facts hashed by the database, rows kept, sealed afterwards into one chain."""

import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from microfund.kernel.audit import services as audit
from microfund.kernel.audit.models import AuditRow, AuditSeal
from microfund.kernel.errors import DomainError
from tests import sealing


def record(number: int = 1, **values: Any) -> AuditRow:
    audit.record(
        action="test.acted",
        subject=("test.Thing", number),
        at=timezone.now(),
        changes={"amount": [1, number], "名前": "x"},
        **values,
    )
    return AuditRow.objects.latest("pk")


@pytest.mark.django_db
def test_a_row_carries_the_hash_of_its_facts() -> None:
    row = record(reason="because")
    with connection.cursor() as cursor:
        cursor.execute("SELECT changes::text FROM audit_auditrow WHERE id = %s", [row.pk])
        changes = cursor.fetchone()[0]
    micros = int(row.happened_at.timestamp() * 1_000_000 + 0.5)
    facts = (micros, None, "system", "test.acted", "test.Thing", "1", changes, "because")
    assert bytes(row.content_hash) == audit.content_hash(facts)


@pytest.mark.django_db
def test_rows_and_seals_are_never_changed_even_by_raw_sql() -> None:
    row = record()
    with pytest.raises(DomainError):
        AuditRow.objects.filter(pk=row.pk).update(reason="other")
    with pytest.raises(DomainError):
        row.delete()
    for statement in ("UPDATE audit_auditrow SET reason = 'x'", "DELETE FROM audit_auditrow"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_every_committed_row_joins_one_unbroken_chain() -> None:
    for number in range(5):
        record(number)
    assert sealing.seal() == 5
    assert audit.seal() == 0
    record(9)
    assert sealing.seal() == 1
    assert list(AuditSeal.objects.order_by("position").values_list("position", flat=True)) == [1, 2, 3, 4, 5, 6]
    assert list(audit.problems()) == []


@pytest.mark.django_db(transaction=True)
def test_a_row_of_a_running_transaction_is_sealed_only_after_its_commit_and_stops_nobody() -> None:
    written, release = threading.Event(), threading.Event()

    def slow_writer() -> None:
        with transaction.atomic():
            record(1)
            written.set()
            assert release.wait(60)
        connection.close()

    writer = threading.Thread(target=slow_writer)
    writer.start()
    assert written.wait(60)
    record(2)
    # The younger transaction is not sealed either: the chain takes only what is older than every running one.
    assert audit.seal() == 0
    release.set()
    writer.join()
    assert sealing.seal() == 2
    assert list(audit.problems()) == []


@pytest.mark.django_db(transaction=True)
def test_a_row_left_unsealed_for_ten_minutes_is_a_problem() -> None:
    row = record()
    assert list(audit.problems()) == []
    assert list(audit.problems(unsealed_minutes=0))[0].startswith(f"audit row {row.pk}: not sealed since")
