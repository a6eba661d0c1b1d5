"""The base of our management commands, and the arguments that several of them take."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

#: Business dates of a house that keeps books for decades; nothing overflows on the way from one to an instant.
FIRST_YEAR, LAST_YEAR = 1990, 2200


class Command(BaseCommand):
    """A command that says what is wrong with an argument in one line; the usage is there for `--help`."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's parser, which keeps the usage out of its errors."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.print_usage = lambda file=None: None  # type: ignore[method-assign]
        return parser


def business_date(text: str) -> date:
    """An argument that is a date. Raises ArgumentTypeError, which says how a date is written."""
    try:
        on = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date; write YYYY-MM-DD, such as 2027-03-31") from None
    if not FIRST_YEAR <= on.year <= LAST_YEAR:
        raise ArgumentTypeError(f"{text!r} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return on
