"""What an address may hold where it names a thing: anything else is no address of ours and answers 404 unasked."""

from __future__ import annotations

from django.urls.converters import StringConverter


class Sha256Converter(StringConverter):
    """A SHA-256 as 64 lower-case hexadecimal digits."""

    regex = "[0-9a-f]{64}"
