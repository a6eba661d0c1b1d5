"""Every story begins in English: a request leaves its language behind in the thread that the client shares."""

from collections.abc import Iterator

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """The language a story starts in."""
    with translation.override("en"):
        yield
