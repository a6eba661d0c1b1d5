"""``manage.py demo``: see :mod:`microfund.site.demo`."""

from typing import Any

from django.core.management.base import CommandParser

from microfund.kernel import commands
from microfund.site.demo import Demo, make_files


class Command(commands.Command):
    """Runs the demo until Ctrl-C or TERM."""

    help = "Run the site, its worker and the payment sandbox on this machine, with demo data."
    requires_system_checks: list[str] = []  # the steps say in their own words what is wrong

    def add_arguments(self, parser: CommandParser) -> None:
        """The port, and whether to leave the demo data out."""
        parser.add_argument("--port", type=int, default=8000, help="of the site; the sandbox takes the next one")
        parser.add_argument("--empty", action="store_true", help="without demo data")
        parser.add_argument("--files", action="store_true", help="only make translations, static files and byte code")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Raises :class:`~microfund.kernel.embedded.EmbeddedError`, which ``manage.py`` prints as one line."""
        if options["files"]:
            make_files()
            return
        Demo(options["port"], say=self._say, empty=options["empty"]).run()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
