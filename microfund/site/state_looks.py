"""How states look: a tone and a shape for each, so that no state is told by colour alone.

Words come from the models; this table holds the rest. Unknown states are shown quiet rather than refused: a page must
not fall over because a state is new.
"""

from typing import NamedTuple


class Look(NamedTuple):
    """``tone`` is a CSS suffix (empty, gold, sea, moss, error); ``shape`` is a drawing in elements/state_badge.html."""

    tone: str
    shape: str


QUIET = Look("", "ring")

_WAITING = Look("gold", "half")
_RUNNING = Look("sea", "disc")
_GOOD = Look("moss", "check")
_BAD = Look("error", "cross")
_CARE = Look("error", "triangle")
_OVER = Look("", "square")
_ACTION = Look("gold", "triangle")

LOOKS: dict[str, dict[str, Look]] = {
    "fund": {
        "draft": QUIET,
        "in_review": Look("", "half"),
        "scheduled": Look("sea", "ring"),
        "open": _WAITING,
        "closed": _RUNNING,
        "operating": Look("moss", "disc"),
        "matured": _GOOD,
        "settled": Look("", "check"),
        "failed": _OVER,
        "wound_up": _OVER,
    },
    "order": {
        "draft": QUIET,
        "reserved": Look("gold", "ring"),
        "awaiting_payment": _WAITING,
        "paid": _RUNNING,
        "confirmed": _GOOD,
        "expired": _OVER,
        "cancelled": Look("", "cross"),
        "failed": _OVER,
        "refunded": Look("", "check"),
    },
    "identity": {"unverified": QUIET, "submitted": _WAITING, "verified": _GOOD, "rejected": _BAD},
    "payment": {
        "created": QUIET,
        "open": QUIET,
        "processing": _WAITING,
        "paid": _GOOD,
        "succeeded": _GOOD,
        "failed": _BAD,
        "expired": _OVER,
    },
    "refund": {
        "requested": Look("gold", "ring"),
        "requires_action": _ACTION,
        "pending": _WAITING,
        "succeeded": _GOOD,
        "paid_by_bank": _GOOD,
        "charged_back": _OVER,
        "failed": _CARE,
        "cancelled": _OVER,
    },
    "dispute": {
        "inquiry": QUIET,
        "closed": _OVER,
        "open": _CARE,
        "needs_response": _CARE,
        "under_review": _WAITING,
        "won": _GOOD,
        "lost": _BAD,
    },
    "period": {
        "scheduled": QUIET,
        "report_due": _ACTION,
        "reported": _WAITING,
        "accepted": Look("sea", "half"),
        "calculated": Look("sea", "half"),
        "approved": _RUNNING,
        "funded": _RUNNING,
        "paying": _RUNNING,
        "paid": _GOOD,
        "wound_up": _OVER,
    },
    "payout": {
        "nothing": _OVER,
        "waits": Look("gold", "ring"),
        "carried": Look("", "half"),
        "waiting": Look("", "half"),
        "in_run": _WAITING,
        "part": _WAITING,
        "sent": _RUNNING,
        "paid": _GOOD,
        "returned": _CARE,
        "unclaimed": _CARE,
        "written_off": _OVER,
        "in_kind": _GOOD,
        "give_back": _GOOD,
    },
    "reward": {
        "claimable": _ACTION,
        "claimed": _WAITING,
        "passed_on": _WAITING,
        "packing": Look("sea", "half"),
        "shipped": _RUNNING,
        "delivered": _GOOD,
        "returned": _CARE,
        "substituted": _GOOD,
        "declined": _OVER,
        "expired": _OVER,
        "carried": Look("", "half"),
        "withdrawn": _OVER,
        "moved": Look("", "half"),
        "compensated": _OVER,
    },
    "gift": {
        "unpaid": QUIET,
        "open": _WAITING,
        "declined": _ACTION,
        "accepted": _GOOD,
        "kept": Look("", "check"),
        "ended": _OVER,
    },
    "post": {
        "draft": QUIET,
        "scheduled": _WAITING,
        "published": _GOOD,
        "withdrawn": _OVER,
    },
    "business": {
        "draft": QUIET,
        "in_review": _WAITING,
        "submitted": _WAITING,
        "published": _GOOD,
        "withdrawn": _OVER,
    },
}


def look_of(family: str, state: str) -> Look:
    """The look of ``state`` in ``family`` (fund, order, identity, payment, refund, dispute, period, payout, gift,
    post, business)."""
    return LOOKS.get(family, {}).get(state, QUIET)
