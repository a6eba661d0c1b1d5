"""Reads of what funds promise in kind."""

from __future__ import annotations

from investments.models import Fund

from .models import Offer


def offers_of(fund: Fund) -> list[Offer]:
    """The promised rewards of a fund, those for the fewest units first."""
    return list(Offer.objects.filter(fund=fund))
