"""``manage.py simulate_fund CASE.json``: what a fund would pay, computed by the rule that pays real distributions."""

import json
import sys
from typing import Any

from django.core.management.base import CommandParser, no_translations

from investments.offerings.case import CaseError, outcome, read_case_file
from microfund.kernel import commands


class Command(commands.Command):
    """Reads a case file (``tests/cases/README.md``) and prints its outcome as JSON on standard output.

    A bad case exits 2 with nothing on standard output and one line on standard error that names the field. No database
    is needed, so no check is run that might want one.
    """

    help = "Computes what a fund pays, period by period, from a case file; needs no database."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("case", metavar="CASE.json", help="the case file, or - for standard input")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = outcome(read_case_file(options["case"]))
        except CaseError as error:
            self.stderr.write(str(error))
            sys.exit(2)
        self.stdout.write(json.dumps(result, indent=1))
