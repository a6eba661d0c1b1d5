"""A backup becomes a site again: dumped, restored into another cluster, settled, verified."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from investments.banking import services as banking
from investments.ledger.models import Entry
from investments.models import PaymentAttempt
from investments.payments import services
from microfund.kernel import clock
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.embedded.postgres import Cluster, programs
from tests import sealing
from tests.architecture.code import ROOT
from tests.investments.banking.files import csv_file
from tests.kernel.embedded.processes import until
from tests.make import make_fund, make_order


def paid_by_transfer(fund: Any, number: int) -> None:
    """An order that a receipt has paid, committed."""
    order = make_order(fund=fund, method="bank_transfer")
    services.start_payment(order, at=timezone.now())
    row = {"date": clock.today_in().isoformat(), "payer_code": order.payer_code}
    banking.import_statement(content=csv_file(row, first=number), name="s.csv", actor=None, at=timezone.now())
    order.refresh_from_db()
    assert order.state == "paid"


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.django_db(transaction=True)
def test_a_dump_restored_into_another_cluster_is_settled_and_verified(tmp_path: Path) -> None:
    fund = make_fund()
    paid_by_transfer(fund, 1)
    assert sealing.seal() > 0
    with connection.cursor() as cursor:
        # A site that has run for a while has counted more transactions than restoring it takes.
        cursor.execute("DO $$ BEGIN FOR n IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
    paid_by_transfer(fund, 2)
    highest = max(PaymentAttempt.objects.values_list("pk", flat=True))
    entries = Entry.objects.filter(xact__gt=5000).count()
    assert entries > 0

    dump, server = tmp_path / "backup", connection.settings_dict
    where = ["--host", server["HOST"], "--port", server["PORT"] or "5432", "--username", server["USER"]]
    done = run(programs() / "pg_dump", *where, "--format=custom", "--file", dump, server["NAME"])
    assert done.returncode == 0, done.stderr

    there = {"DJANGO_SETTINGS_MODULE": "microfund.settings.demo", "TOMOBUNE_DATA": str(tmp_path), "DATABASE_URL": ""}
    manage = [sys.executable, "manage.py"]
    cluster = Cluster(tmp_path / "postgres")
    cluster.ensure_running()
    try:
        # The first connection of a command makes the database.
        connect = "from django.db import connection; connection.ensure_connection()"
        assert run(*manage, "shell", "-c", connect, **there).returncode == 0
        done = run(
            programs() / "pg_restore", "--exit-on-error", "--no-owner", "--dbname", cluster.dsn("tomobune"), dump
        )
        assert done.returncode == 0, done.stderr

        seal = [*manage, "shell", "--verbosity", "0", "-c"]
        seal.append("from microfund.kernel.audit.services import seal; print('sealed', seal())")
        assert "sealed 0" in run(*seal, **there).stdout, (
            "rows of the old cluster wait for its transactions: the control"
        )

        done = run(*manage, "after_restore", **there)
        assert done.returncode == 0, done.stderr
        settled = re.search(r"investments_entry: rows of another cluster: (\d+)", done.stdout)
        assert settled and int(settled[1]) >= entries, done.stdout
        assert f"investments_paymentattempt: numbers from: {highest + 1_000_001}" in done.stdout
        # The cluster's own housekeeping (autovacuum) may hold a seal back for a moment.
        until(lambda: "sealed 0" not in run(*seal, **there).stdout, "rows that can be sealed after the restore")

        for command in ("verify_ledger", "verify_audit"):
            done = run(*manage, command, **there)
            assert done.returncode == 0, done.stdout + done.stderr
        again = run(*manage, "after_restore", **there)
        assert "investments_entry: rows of another cluster: 0" in again.stdout
    finally:
        cluster.leave()


@pytest.mark.django_db(transaction=True)
def test_numbers_go_on_far_beyond_any_that_were_given_and_guards_are_back() -> None:
    fund = make_fund()
    before = services.start_payment(make_order(fund=fund), at=timezone.now())
    call_command("after_restore", "--skip", "500", verbosity=0)
    after = services.start_payment(make_order(fund=fund), at=timezone.now())
    assert after.pk > before.pk + 500
    assert AuditRow.objects.get(action="site.restored").actor_label == "after_restore"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE tgname IN ('investments_entry_kept', 'audit_row_kept')"
        )
        assert dict(cursor.fetchall()) == {"investments_entry_kept": "O", "audit_row_kept": "O"}


@pytest.mark.django_db
def test_a_role_that_owns_nothing_is_told_so() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE restore_test_role")
        cursor.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO restore_test_role")
        cursor.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO restore_test_role")
        cursor.execute("SET LOCAL ROLE restore_test_role")
    with pytest.raises(CommandError, match="run this as the role that owns the tables"):
        call_command("after_restore", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert not AuditRow.objects.filter(action="site.restored").exists()
