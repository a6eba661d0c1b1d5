"""Addresses that are secrets do not stand in any log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from microfund.site.logs import HIDDEN, LineFormatter, without_secrets

SECRET = "aZ0-_" * 8
#: Parts of addresses with such a name are secrets, except for a picture's.
NAMES = {"token", "key"}
PUBLIC = {"businesses:social_card"}


def secret_addresses(resolver: URLResolver, space: str = "") -> Iterator[tuple[str, list[str]]]:
    """The name and the arguments of every address with a part that is called as a secret is."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from secret_addresses(pattern, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        elif isinstance(pattern, URLPattern):
            regex = pattern.pattern.regex
            if NAMES & set(regex.groupindex):
                yield f"{space}{pattern.name}", sorted(regex.groupindex, key=regex.groupindex.__getitem__)


def addresses() -> list[str]:
    found = {}
    for name, parts in secret_addresses(get_resolver()):
        if name not in PUBLIC:
            found[name] = reverse(name, args=[SECRET if part in NAMES else 7 for part in parts])
    return sorted(found.values())


def test_every_secret_part_of_an_address_is_known_to_the_logs() -> None:
    found = addresses()
    assert len(found) >= 7
    for address in found:
        assert SECRET in address and SECRET not in without_secrets(address), address


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (f"GET /ja/gifts/{SECRET}/documents/7/ HTTP/1.1", f"GET /ja/gifts/{HIDDEN}/documents/7/ HTTP/1.1"),
        (
            f'200 "https://x.example/me/calendar/{SECRET}.ics" "Mozilla"',
            f'200 "https://x.example/me/calendar/{HIDDEN}" "Mozilla"',
        ),
        (f"/accounts/login/?next=/gifts/{SECRET}/you/&a=1", f"/accounts/login/?next=/gifts/{HIDDEN}/you/&a=1"),
        (f"next={quote(f'/gifts/{SECRET}/you/', safe='')}", f"next=%2Fgifts%2F{HIDDEN}%2Fyou%2F"),
        (f"/follow/{quote(f'{SECRET}:1a:b', safe='')}/", f"/follow/{HIDDEN}/"),
        (
            "/businesses/kelp/follow/asked/ /me/gifts/G-1/card.pdf",
            "/businesses/kelp/follow/asked/ /me/gifts/G-1/card.pdf",
        ),
    ],
)
def test_only_the_secret_is_hidden(line: str, kept: str) -> None:
    assert without_secrets(line) == kept


def test_a_line_of_any_library_and_its_traceback_are_cleaned() -> None:
    form = settings.LOGGING["formatters"]["key_value"]
    assert form["()"] == f"{LineFormatter.__module__}.{LineFormatter.__qualname__}"
    formatter = LineFormatter(**{name: value for name, value in form.items() if name != "()"})
    try:
        raise ValueError(f"/unfollow/{SECRET}/")
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    record = logging.LogRecord("django.request", 40, "x.py", 1, "Not Found: %s", (f"/gifts/{SECRET}/",), caught)
    line = formatter.format(record)
    assert SECRET not in line and line.count(HIDDEN) >= 2
