"""Sealing the audit trail beside other tests: a row can be sealed once no older transaction runs on the whole server.

PostgreSQL's horizon (`pg_snapshot_xmin`) knows no databases, so a running test of another worker, in a database of its
own, holds every seal back. Once a row lies behind the horizon it stays there.
"""

import time

from django.db import connection

from microfund.kernel.audit import services as audit

#: Longer than any one transaction of the suite lasts, on a machine that does other things meanwhile.
PATIENCE_SECONDS = 900

_HELD_BACK = """
SELECT count(*) FROM audit_auditrow AS row
 WHERE row.xact >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
   AND NOT EXISTS (SELECT FROM audit_auditseal AS seal WHERE seal.row_id = row.id)
"""
_RUNNING = """
SELECT datname, pid, state, now() - xact_start, left(query, 80) FROM pg_stat_activity
 WHERE (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL) AND pid <> pg_backend_pid() ORDER BY xact_start
"""


def wait_until_sealable() -> None:
    """Wait until every unsealed row of this database could be sealed; call it outside of transactions."""
    assert not connection.in_atomic_block, "one's own transaction would be waited for"
    deadline = time.monotonic() + PATIENCE_SECONDS
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_HELD_BACK)
            held_back = cursor.fetchone()[0]
            if not held_back:
                return
            if time.monotonic() > deadline:
                cursor.execute(_RUNNING)
                raise TimeoutError(f"{held_back} audit rows cannot be sealed; running: {cursor.fetchall()}")
            time.sleep(0.02)


def seal() -> int:
    """Seal every committed row, however busy the server is; how many joined the chain."""
    wait_until_sealable()
    return audit.seal()
