"""Request parameters: the bracket notation of form bodies, and typed reading that refuses what nobody read."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from .errors import ApiError

MAX_INTEGER = 99_999_999
_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")


def parse_form(encoded: str) -> dict[str, Any]:
    """``a[b][0][c]=1&expand[]=x`` as nested dicts and lists. Raises ApiError on a malformed key."""
    root: dict[str, Any] = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True):
        match = _KEY.match(key)
        if match is None:
            raise ApiError(f"Invalid parameter name: {key}", param=key)
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        node = root
        for part, following in zip(path, [*path[1:], None], strict=True):
            name = part or str(len(node))  # `expand[]` appends
            if following is None:
                node[name] = value
            else:
                child = node.setdefault(name, {})
                if not isinstance(child, dict):
                    raise ApiError(f"Invalid parameter: {key} is given both as a value and as an object", param=key)
                node = child
    return {key: _lists(value) for key, value in root.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(item) for key, item in value.items()}


class Params:
    """Typed reading of one level of parameters. ``finish()`` refuses every name that was sent but never read."""

    def __init__(self, data: dict[str, Any], path: str = "") -> None:
        self._data = data
        self._path = path
        self._read: set[str] = set()
        self._children: list[Params] = []

    def name(self, key: str) -> str:
        """The parameter's full name as the caller wrote it."""
        return f"{self._path}[{key}]" if self._path else key

    def has(self, key: str) -> bool:
        """Whether it was sent with a value."""
        return self._data.get(key) not in (None, "")

    def text(
        self,
        key: str,
        *,
        required: bool = False,
        most: int = 5000,
        choices: tuple[str, ...] | None = None,
        default: str | None = None,
    ) -> str | None:
        """A string, ``default`` when absent or empty."""
        self._read.add(key)
        value = self._data.get(key)
        if value is None or value == "":
            if required:
                raise self.missing(key)
            return default
        if not isinstance(value, str):
            raise ApiError(f"Invalid string: {self.name(key)}", param=self.name(key))
        if len(value) > most:
            raise ApiError(
                f"Invalid string: {self.name(key)} must be at most {most} characters",
                code="parameter_invalid_string",
                param=self.name(key),
            )
        if choices is not None and value not in choices:
            raise ApiError(
                f"Invalid {self.name(key)}: must be one of {', '.join(choices)}. (The sandbox knows no others.)",
                param=self.name(key),
            )
        return value

    def integer(
        self, key: str, *, required: bool = False, least: int | None = None, most: int | None = None
    ) -> int | None:
        """A whole number, None when absent."""
        value = self.text(key, required=required)
        if value is None:
            return None
        if not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
            raise ApiError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=self.name(key))
        number = int(value)
        if least is not None and number < least:
            raise ApiError(
                f"This value must be greater than or equal to {least}.",
                code="parameter_invalid_integer",
                param=self.name(key),
            )
        if most is not None and number > most:
            raise ApiError(
                f"This value must be less than or equal to {most}.",
                code="parameter_invalid_integer",
                param=self.name(key),
            )
        return number

    def flag(self, key: str) -> bool:
        """true or false, false when absent."""
        return self.text(key, choices=("true", "false")) == "true"

    def strings(self, key: str) -> list[str]:
        """A list of strings, empty when absent."""
        self._read.add(key)
        value = self._data.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ApiError("Invalid array", param=self.name(key))
        return value

    def child(self, key: str) -> Params:
        """The parameters under ``key``; empty when absent."""
        self._read.add(key)
        value = self._data.get(key) or {}
        if not isinstance(value, dict):
            raise ApiError("Invalid object", param=self.name(key))
        return self._adopt(Params(value, self.name(key)))

    def children(self, key: str) -> list[Params]:
        """A list of objects, empty when absent."""
        self._read.add(key)
        value = self._data.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ApiError("Invalid array", param=self.name(key))
        return [self._adopt(Params(item, f"{self.name(key)}[{i}]")) for i, item in enumerate(value)]

    def metadata(self, key: str = "metadata") -> dict[str, str]:
        """At most 50 pairs, keys of at most 40 characters, values of at most 500."""
        self._read.add(key)
        value = self._data.get(key) or {}
        if isinstance(value, list):  # keys that are all digits
            value = {str(i): item for i, item in enumerate(value)}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise ApiError("Metadata values must be strings", param=self.name(key))
        if len(value) > 50 or any(len(k) > 40 for k in value) or any(len(v) > 500 for v in value.values()):
            raise ApiError(
                "Metadata may have 50 keys of 40 characters with values of 500 characters", param=self.name(key)
            )
        return {k: v for k, v in value.items() if v != ""}

    def span(self, key: str) -> dict[str, int]:
        """``created=5`` or ``created[gte]=5`` as bounds."""
        if isinstance(self._data.get(key), str):
            exact = self.integer(key)
            return {} if exact is None else {"gte": exact, "lte": exact}
        bounds = self.child(key)
        found = {op: bounds.integer(op) for op in ("gt", "gte", "lt", "lte")}
        return {op: bound for op, bound in found.items() if bound is not None}

    def missing(self, key: str) -> ApiError:
        """The error for a parameter that must be there."""
        return ApiError(f"Missing required param: {self.name(key)}.", code="parameter_missing", param=self.name(key))

    def finish(self) -> None:
        """Refuse what was sent and not read, at every depth."""
        unknown = [key for key in self._data if key not in self._read]
        if unknown:
            raise ApiError(
                f"Received unknown parameter: {self.name(unknown[0])}",
                code="parameter_unknown",
                param=self.name(unknown[0]),
            )
        for child in self._children:
            child.finish()

    def _adopt(self, child: Params) -> Params:
        self._children.append(child)
        return child
