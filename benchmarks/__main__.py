"""`python -m benchmarks [NAME]`: one JSON list of {name, ours, floor, ratio, goal, holds, unit} on stdout.

Runs on an embedded PostgreSQL of its own (fsync on) in a scratch database that is dropped at the end; progress goes to
standard error. Exit code 1 when a goal does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "microfund.settings.demo")
os.environ["TOMOBUNE_DATA"] = str(Path(os.environ.get("TOMOBUNE_DATA", ROOT / ".data")) / "bench")
os.environ.setdefault("LOG_LEVEL", "ERROR")


def main() -> int:
    """Run the chosen benchmarks; returns the exit code."""
    import django

    django.setup()
    from benchmarks import books, journal, memory, orders, pages, repayment, rewards, web
    from benchmarks.scratch import scratch_database

    available = {
        "order_reservation": orders.run,
        "journal_posting": journal.run,
        "verify_ledger": books.run,
        "distribution_1m": repayment.distribution,
        "payout_run_1m": repayment.run_of_payouts,
        "payout_file_100k": repayment.file,
        "worker_memory": memory.run,
        "reward_cycle_1m": rewards.cycle,
        "page_home": web.home,
        "page_list": web.listing,
        "page_detail": web.detail,
        "page_list_growth": pages.run_list,
        "page_detail_growth": pages.run_detail,
        "page_me_growth": pages.run_me,
        "page_holding": pages.run_holding,
    }
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(available), help="run one benchmark")
    chosen = parser.parse_args().name
    results = []
    for name, run in available.items():
        if chosen in (None, name):
            print(f"{name} …", file=sys.stderr, flush=True)
            began = time.monotonic()
            with scratch_database():
                results.append({"name": name, **run()})
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(json.dumps(results, indent=1))
    return 0 if all(result["holds"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
