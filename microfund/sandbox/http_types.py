"""A request and a response, without sockets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What came in. ``headers`` answers without regard to case."""

    method: str
    target: str
    headers: Message[str, str]
    body: bytes
    id: str

    @cached_property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> str:
        """The query as sent."""
        return urlsplit(self.target).query

    @cached_property
    def arguments(self) -> dict[str, str]:
        """The query's names and values."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """A form's names and values."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass
class Response:
    """What goes out."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    effect: int | None = None
    """The status of what was really done, where a fault sends another one."""

    @classmethod
    def json(cls, data: Any, status: int = 200, **headers: str) -> Response:
        """A JSON answer."""
        return cls(status, json.dumps(data, ensure_ascii=False, indent=2).encode() + b"\n", headers=headers)

    @classmethod
    def html(cls, text: str, status: int = 200) -> Response:
        """A page: no scripts, only our own style sheet."""
        return cls(
            status,
            text.encode(),
            "text/html; charset=utf-8",
            {
                "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
                "frame-ancestors 'none'",
                "Cache-Control": "no-store",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            },
        )

    @classmethod
    def redirect(cls, location: str) -> Response:
        """See other."""
        return cls(303, b"", "text/plain", {"Location": location, "Cache-Control": "no-store"})
