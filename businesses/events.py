"""What the rest of the house may hear about a business (architecture.md section 4): ids and plain values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class PostPublished:
    """News can be read; followers are told."""

    post_id: int
    at: datetime


@dataclass(frozen=True)
class ProposalReviewed:
    """Staff have looked at texts for the page of a business: `state` is "published" or "returned"."""

    proposal_id: int
    state: str
    at: datetime
