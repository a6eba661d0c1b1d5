"""`manage.py seed_demo [--as-of DATE] [--reset]`: build the demo's world through the real services."""

from __future__ import annotations

import random
import shutil
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.backends.signals import connection_created

from businesses.models import Business
from microfund.kernel import clock, commands, jobs
from microfund.kernel.schedule import travel
from microfund.kernel.schedule.models import JobRun
from microfund.site import demo_logins
from microfund.site.seed import people, world
from microfund.site.seed.sandbox import Sandbox
from microfund.site.seed.story import Story

MARK = "seed_demo"


@contextmanager
def _commits_in_the_background() -> Iterator[None]:
    """Commits inside do not wait for the disk, which takes a tenth of the whole, in no connection of this process or of
    one forked from it. A crash may lose the last of them, and then the mark that comes after all of them, whose commit
    does wait: what has no mark is built anew."""

    def never_wait(connection: Any, **_others: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")

    never_wait(connection)
    connection_created.connect(never_wait)
    try:
        yield
    finally:
        connection_created.disconnect(never_wait)
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")


class Command(commands.Command):
    help = "Build the demo's businesses and reach every state by the real services with back-dated dates."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", type=commands.business_date, help="YYYY-MM-DD (default: today)")
        parser.add_argument("--reset", action="store_true", help="empty the database and the sandbox first")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_MODE:
            raise CommandError("seed_demo: only for the demo; these settings are not the demo's")
        today = clock.today_in(None, clock.machine())
        as_of = options["as_of"] or today
        if as_of > today:
            raise CommandError("--as-of: lies in the future; time_travel plays the future of a demo")
        if Business.objects.exists() and not options["reset"]:
            if JobRun.objects.filter(name=MARK).exists():
                self.stdout.write("The demo data is there already; --reset builds it anew.")
                return
            raise CommandError("seed_demo: the database is not empty and an earlier seeding did not end; use --reset")
        if options["reset"]:
            self._empty()
        if travel.possible():
            clock.move(None)  # of the data that was here before
        started = clock.machine()
        with jobs.muted(), _commits_in_the_background():
            self._build(as_of)
        JobRun.objects.create(
            name=MARK,
            business_date=as_of,
            as_of=started,
            started_at=started,
            duration_ms=int((clock.machine() - started).total_seconds() * 1000),
            counts={"businesses": Business.objects.count()},
        )
        if settings.DEBUG:
            for row in demo_logins.LOGINS:
                self.stdout.write("  ".join(row))
        self.stdout.write(f"Demo data as of {as_of} built in {(clock.machine() - started).total_seconds():.0f} s.")

    def _empty(self) -> None:
        """A new schema: the journal can be emptied in no other way."""
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.close()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        shutil.rmtree(Path(settings.MEDIA_ROOT) / "pictures", ignore_errors=True)
        shutil.rmtree(settings.PRIVATE_ROOT, ignore_errors=True)
        Sandbox().control("reset")

    def _build(self, as_of: date) -> None:
        first = world.first_instant(as_of)
        hashed = people.hashed_password()
        self.stdout.write("  staff and businesses …")
        staff = people.make_staff(hashed)
        plans = world.build(as_of, staff=staff, hashed=hashed)
        self.stdout.write("  investors …")
        recent = clock.start_of_day(as_of - timedelta(days=200))
        chance = random.Random(as_of.toordinal())  # noqa: S311 - birth dates of an invented crowd
        named = people.make_named(hashed, staff=staff, at=recent, early=first)
        crowd = people.make_crowd(chance, staff=staff, at=first)
        Story(as_of, plans=plans, named=named, crowd=crowd, staff=staff, say=self.stdout.write).play()
