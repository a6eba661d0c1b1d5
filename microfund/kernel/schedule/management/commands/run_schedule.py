"""`manage.py run_schedule --date D [--until D2]`: run all sweeps for business dates, in order."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from microfund.kernel import clock, commands
from microfund.kernel.schedule import services


class Command(commands.Command):
    help = "Run every sweep for one business date, or for each from --date to --until, as the worker would have."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=commands.business_date, required=True, help="business date, YYYY-MM-DD")
        parser.add_argument("--until", type=commands.business_date, help="last business date (default: --date)")

    def handle(self, *args: Any, **options: Any) -> None:
        on, until = options["date"], options["until"] or options["date"]
        if until < on:
            raise CommandError("--until: lies before --date")
        failures, days = 0, 0
        month_counts: dict[str, int] = {}
        while on <= until:
            try:
                results = services.run_due(on=on, always_record=on == until)
            except clock.FutureDate as refused:
                raise CommandError(f"--date: {refused}") from refused
            days += 1
            for name, (counts, error) in results.items():
                for key, value in counts.items():
                    month_counts[f"{name}.{key}"] = month_counts.get(f"{name}.{key}", 0) + value
                if error:
                    failures += 1
                    self.stderr.write(f"{on} {name}: {error}")
            if on == until or (on + timedelta(days=1)).month != on.month:
                done = ", ".join(f"{key} {value}" for key, value in sorted(month_counts.items())) or "nothing due"
                self.stdout.write(f"{on:%Y-%m} ({days} days): {done}")
                month_counts, days = {}, 0
            on += timedelta(days=1)
        if failures:
            raise CommandError(f"{failures} sweeps failed; see the job runs")
