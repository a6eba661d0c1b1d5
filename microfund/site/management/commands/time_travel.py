"""`manage.py time_travel --months N [--crew]`: move the demo's business date forward, day by day."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from microfund.kernel import clock, commands
from microfund.kernel.errors import DomainError
from microfund.kernel.schedule import travel


class Command(commands.Command):
    help = "Move the demo's business date forward by months and run every sweep of every day on the way."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--months", type=int, help=f"1 to {travel.MOST_MONTHS}; left out: go on with what was begun"
        )
        parser.add_argument("--crew", action="store_true", help="let the demo's owners and staff do their work")

    def handle(self, *args: Any, **options: Any) -> None:
        journey = travel.current() if travel.possible() else None
        if options["months"] is not None:
            try:
                journey = travel.start(options["months"], with_crew=options["crew"], actor=None, at=clock.now())
            except DomainError as refused:
                raise CommandError(str(refused)) from refused
        if journey is None:
            raise CommandError("there is no journey to go on with: give --months, in the demo")
        year = 0
        while travel.go_on():
            journey.refresh_from_db()
            if journey.reached.year != year:
                year = journey.reached.year
                self.stdout.write(f"  {year} …")
        journey.refresh_from_db()
        for trouble in journey.troubles:
            self.stderr.write(trouble)
        if not journey.ended:
            raise CommandError("another process plays this journey; it goes on there")
        self.stdout.write(f"It is {clock.today_in()}.")
