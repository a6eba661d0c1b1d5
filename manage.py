#!/usr/bin/env python
"""Command line of Tomobune: `python manage.py help`."""

import os
import sys


def main() -> None:
    """Run one command; a database that cannot be had is one clear line, and Ctrl-C none, instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "microfund.settings.demo")
    try:
        from django.core.management import execute_from_command_line

        from microfund.kernel.embedded import EmbeddedError

        try:
            execute_from_command_line(sys.argv)
        except EmbeddedError as error:
            sys.exit(f"tomobune: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
