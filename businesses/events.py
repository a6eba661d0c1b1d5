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


@dataclass(frozen=True)
class QuestionAsked:
    """Somebody has asked a business a question in public; its members are told."""

    question_id: int
    at: datetime


@dataclass(frozen=True)
class QuestionAnswered:
    """A question has its answer; whoever asked or wondered is told."""

    question_id: int
    at: datetime
