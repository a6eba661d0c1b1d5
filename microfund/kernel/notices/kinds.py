"""Every kind of mail, declared with a sample of it: what is not declared cannot be queued.

A sample makes rows of made-up people and calls the very function that mails about such rows. `preview` lets it do so in
a transaction that is rolled back, with every mail collected instead of sent, so what staff see is what is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import translation

from .compose import Mail, collecting


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail to look at. `code` is that of pages.md 2.6, `when` and `to` are words for staff; `make(language)` writes
    to made-up people who read that language. `name` tells apart the samples of one kind; `pick` says which of its mails
    is meant where `make` brings about several."""

    name: str
    kind: str
    code: str
    when: Any
    to: Any
    make: Callable[[str], None]
    pick: int = 0


_samples: dict[str, Sample] = {}


def declare(
    kind: str, code: str, when: Any, to: Any, make: Callable[[str], None], *, name: str = "", pick: int = 0
) -> None:
    """Declare a kind of mail with a sample; again with another `name` for another case of it. Called in
    AppConfig.ready()."""
    name = name or kind
    _samples[name] = Sample(name, kind, code, when, to, make, pick)


def samples() -> list[Sample]:
    """All samples in the order of their codes: E2 before E10, those without a code last."""
    return sorted(_samples.values(), key=lambda own: (not own.code, int(own.code[1:] or 0) if own.code else 0))


def sample(name: str) -> Sample:
    """Raises LookupError for an unknown one."""
    return _samples[name]


def require(kind: str) -> None:
    """Raises LookupError for a kind that was not declared: staff could not look at it before it is sent."""
    if not any(own.kind == kind for own in _samples.values()):
        raise LookupError(f"no sample of the mail {kind!r} is declared (microfund/kernel/notices/kinds.py)")


def preview(own: Sample, language: str) -> Mail:
    """The mail of a sample in a language; nothing stays of what was made for it. Raises LookupError if its function
    wrote no such mail."""
    with translation.override(language), collecting() as found, transaction.atomic():
        own.make(language)
        transaction.set_rollback(True)
    return [mail for kind, mail in found if kind == own.kind][own.pick]
