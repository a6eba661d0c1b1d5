"""Fields encrypted at rest, with key rotation (domain.md section 11).

Fernet (AES-128-CBC + HMAC-SHA256) of the `cryptography` package. The first key of settings.FIELD_ENCRYPTION_KEYS
encrypts, every key decrypts; to rotate, put a new key in front, run `manage.py rotate_field_keys`, drop the old one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models.lookups import Exact


class UnreadableField(Exception):
    """A stored value could not be decrypted by any configured key."""


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"tomobune.field:" + key.encode()).digest())) for key in keys]
    )


def encrypt(text: str) -> str:
    """Encrypt text under the first configured key."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt under any configured key; raises UnreadableField."""
    try:
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise UnreadableField("no configured key decrypts this value") from error


def rotate(token: str) -> str:
    """Re-encrypt a token under the first key, whatever key it was under; raises UnreadableField."""
    try:
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).rotate(token.encode()).decode()
    except InvalidToken as error:
        raise UnreadableField("no configured key decrypts this value") from error


def is_current(token: str) -> bool:
    """Whether the first key encrypted this token, so that older keys are not needed for it."""
    try:
        _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS[:1])).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def fingerprint(text: str, *, purpose: str) -> str:
    """A keyed hash (64 hex digits) by which equal values are found without decrypting anything; "" for the empty text.

    The key is settings.FINGERPRINT_KEY. `purpose` keeps the same text in two columns from looking alike.
    """
    if not text:
        return ""
    return hmac.new(settings.FINGERPRINT_KEY.encode(), f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()


class _OnlyEmpty(Exact):
    """`field=""`. Any other value would be encrypted anew, match nothing, and look like an answer."""

    def get_prep_lookup(self) -> Any:
        if self.rhs != "":
            raise TypeError("an encrypted field cannot be searched: only compare it with the empty text")
        return self.rhs


class EncryptedTextField(models.TextField):
    """Text that is encrypted in the database and plain in Python; empty stays empty. It cannot be searched."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "exact":
            return _OnlyEmpty
        if lookup_name != "isnull":
            raise TypeError(f"an encrypted field has no lookup {lookup_name!r}")
        return super().get_lookup(lookup_name)


class EncryptedJSONField(EncryptedTextField):
    """A JSON value (object, list, text, whole number) encrypted as one token."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        text = super().from_db_value(value, expression, connection)
        return json.loads(text) if text else {}

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(json.dumps(value, ensure_ascii=False, sort_keys=True)) if value else ""

    def value_to_string(self, obj: Any) -> str:
        return json.dumps(self.value_from_object(obj), ensure_ascii=False)


def mask(text: str, keep: int = 3) -> str:
    """The last `keep` characters, the others as dots: what staff see before an unmasking is logged."""
    kept = text[len(text) - keep :] if len(text) > keep else ""
    return "•" * (len(text) - len(kept)) + kept
