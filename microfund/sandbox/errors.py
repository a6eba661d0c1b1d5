"""Errors in the shape the provider sends them."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer that is an error: HTTP status and the fields of the error envelope.

    ``stored`` says whether the answer is kept under the request's idempotency key. The provider keeps what happened
    once the call was carried out and forgets what it refused at the door (bad parameters, wrong key, conflict).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",  # noqa: A002 - the provider's own field name
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        stored: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.decline_code = decline_code
        self.stored = stored

    def body(self) -> dict[str, Any]:
        """The JSON envelope."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        for name in ("code", "param", "decline_code"):
            value = getattr(self, name)
            if value is not None:
                error[name] = value
        return {"error": error}


def missing_object(kind: str, object_id: str, param: str = "id") -> ApiError:
    """404 for an id that names nothing of that kind."""
    return ApiError(f"No such {kind}: '{object_id}'", status=404, code="resource_missing", param=param)


def conflict(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    """400 for a call that is well formed but not possible in the object's present state. Kept under the key."""
    return ApiError(message, code=code, param=param, stored=True)
