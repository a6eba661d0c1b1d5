"""The payment and bank sandbox as the demo's own people use it."""

from __future__ import annotations

import json
import urllib.request
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError


class Sandbox:
    """The payment and bank sandbox of the demo, through its control interface."""

    def control(self, path: str, **data: Any) -> dict[str, Any]:
        """One control call. Raises CommandError when the sandbox is not there."""
        return json.loads(self._open(f"/_control/{path}", json.dumps(data).encode()))  # type: ignore[no-any-return]

    def statement(self, day: date) -> bytes:
        """The bank's statement of one day, as staff download it."""
        return self._open(f"/bank/statement.csv?from={day}&to={day}", None)

    def _open(self, path: str, body: bytes | None) -> bytes:
        if not settings.STRIPE_SECRET_KEY.startswith("sk_sandbox_"):
            raise CommandError("the demo: STRIPE_SECRET_KEY is not the sandbox's")
        request = urllib.request.Request(  # noqa: S310 - the sandbox's own loopback address
            settings.SANDBOX_URL + path, data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.read()  # type: ignore[no-any-return]
        except OSError as error:
            raise CommandError(f"the demo: the sandbox at {settings.SANDBOX_URL} does not answer ({error})") from error
