#!/usr/bin/env python
"""Command line of Tomobune: `python manage.py help`."""

import os
import sys

from microfund.kernel.embedded import EmbeddedError


def main() -> None:
    """Run one command; a database that cannot be had is one clear line, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "microfund.settings.demo")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except EmbeddedError as error:
        sys.exit(f"tomobune: {error}")


if __name__ == "__main__":
    main()
