"""What differs between two versions of a fund's terms, term by term and line by line (pages.md P4)."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from investments.models import Fund, PolicyProfile, Terms
from microfund.kernel.money import format_money
from microfund.site.templatetags.tomobune import active_language

from .term_rows import term_rows

#: Larger numbers in an address name no version; comparing them costs nothing.
LONGEST_NUMBER = 6


class Change(NamedTuple):
    """A term that differs between two versions; `before` or `after` is empty where the line did not exist."""

    label: str
    before: str
    after: str


def differences(fund: Fund, older: Terms, newer: Terms, policy: PolicyProfile) -> list[Change]:
    """Every term that the two versions state differently, in the order of the terms page."""
    found = [
        Change(new.label, old.value, new.value)
        for old, new in zip(term_rows(fund, older, policy), term_rows(fund, newer, policy), strict=True)
        if old.value != new.value
    ]
    found += _plan(fund, older, newer)
    found += _lines(_("Use of funds"), _uses(fund, older), _uses(fund, newer))
    found += _lines(_("Risk"), _risks(older), _risks(newer))
    return found


def _plan(fund: Fund, older: Terms, newer: Terms) -> Iterator[Change]:
    for place in range(max(len(older.plan_revenue), len(newer.plan_revenue))):
        before, after = (
            format_money(terms.plan_revenue[place], fund.currency) if place < len(terms.plan_revenue) else ""
            for terms in (older, newer)
        )
        if before != after:
            yield Change(_("Planned sales, period %(number)d") % {"number": place + 1}, before, after)


def _uses(fund: Fund, terms: Terms) -> list[str]:
    return [f"{_text(use)}: {format_money(use['amount'], fund.currency)}" for use in terms.uses]


def _risks(terms: Terms) -> list[str]:
    return [_text(risk) for risk in terms.risks]


def _text(texts: dict[str, Any]) -> str:
    wanted = active_language()
    return str(texts.get(wanted) or texts.get("ja" if wanted == "en" else "en") or "")


def _lines(label: str, before: list[str], after: list[str]) -> Iterator[Change]:
    """Lines that were added, left out or put otherwise; those that both have are not repeated."""
    for way, i, j, k, m in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if way == "equal":
            continue
        for place in range(max(j - i, m - k)):
            old = before[i + place] if i + place < j else ""
            new = after[k + place] if k + place < m else ""
            yield Change(label, old, new)


class Comparison(NamedTuple):
    """Two versions side by side. `same` when one version was asked for twice."""

    older: Terms
    newer: Terms
    changes: list[Change]
    same: bool


def comparison(
    fund: Fund, versions: list[Terms], policy: PolicyProfile, *, older: str, newer: str
) -> Comparison | None:
    """The two versions that an address asks for by number, the newest two if it does not or names none; None while
    there is one version only. `versions` is newest first."""
    if len(versions) < 2:
        return None
    first = _named(versions, older) or versions[1]
    second = _named(versions, newer) or versions[0]
    if first.version > second.version:
        first, second = second, first
    same = first.version == second.version
    return Comparison(first, second, [] if same else differences(fund, first, second, policy), same)


def _named(versions: list[Terms], number: str) -> Terms | None:
    if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER):
        return None
    return next((terms for terms in versions if terms.version == int(number)), None)
