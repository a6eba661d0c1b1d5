"""The web server's own logs without secrets: `gunicorn --logger-class microfund.site.access_log.Logger`."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn import glogging

from .logs import without_secrets


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class Logger(glogging.Logger):
    """Gunicorn's logger; a request's line and the page before it are cleaned as they are written (see `logs`)."""

    def setup(self, cfg: Any) -> None:
        """Called by gunicorn, again whenever its configuration is loaded again."""
        super().setup(cfg)
        for log, form in ((self.access_log, self.access_fmt), (self.error_log, self.error_fmt)):
            for handler in log.handlers:
                handler.setFormatter(_Formatter(form, self.datefmt if log is self.error_log else None))
