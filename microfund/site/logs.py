"""What logs must not keep: an address whose last part opens something by itself, for whoever reads it.

Such are the link of a gift, a private calendar, those that confirm, change and stop following, and the link that sets a
password. They stand in the first line of a request, in the page that led to it (`Referer`) and in the page that comes
after a log-in (`next`), so a line is cleaned as a whole, when it is written.
"""

from __future__ import annotations

import re
from logging import LogRecord

from structlog.stdlib import ProcessorFormatter

HIDDEN = "[secret]"
#: The address before the secret, then the secret itself; in a query the slashes may be encoded. What is shorter than
#: any secret of ours is a word of an address, such as `follow/asked/`.
_SECRET = re.compile(
    r"((?:gifts|follow|unfollow|following|me(?:/|%2F)calendar|password(?:/|%2F)reset(?:/|%2F)key)(?:/|%2F))"
    r"(?:[^/\s?&\"'<>%]|%(?!2F)){20,}",
    re.IGNORECASE,
)


def without_secrets(line: str) -> str:
    """The line with `HIDDEN` in the place of every such secret."""
    return _SECRET.sub(rf"\1{HIDDEN}", line)


class LineFormatter(ProcessorFormatter):
    """Structlog's formatter, whose lines have no secrets: those of other libraries and tracebacks neither."""

    def format(self, record: LogRecord) -> str:
        return without_secrets(super().format(record))
