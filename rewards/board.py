"""How far seasons are: every entitlement counted once, by where it stands (pages.md O7 and S7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet

from businesses.models import Business

from .holds import stopped
from .models import TO_PACK, Cycle, Entitlement

#: Where a state is counted. Whatever state is added to entitlements gets a place here.
PLACES: dict[str, str] = {
    "claimable": "claimable",
    **dict.fromkeys(TO_PACK, "to_pack"),
    "packing": "packing",
    "shipped": "sent",
    "delivered": "sent",
    "returned": "came_back",
    "substituted": "replaced",
    **dict.fromkeys(("declined", "expired", "carried", "withdrawn"), "not_taken"),
    "moved": "moved",
    "compensated": "compensated",
}
#: What has not left the house.
_WAITS = Q(state__in=(*TO_PACK, "packing"))
#: Of what staff and owners still have something to do or to wait for.
_UNDER_WAY = ("claimable", *TO_PACK, "packing", "returned")


@dataclass(slots=True)
class Standing:
    """Entitlements by where they stand; together they are `total`. `stopped` is what of `to_pack` may not leave now,
    `late` what should have left the house by now and has not."""

    total: int = 0
    claimable: int = 0
    to_pack: int = 0
    packing: int = 0
    sent: int = 0
    came_back: int = 0
    replaced: int = 0
    not_taken: int = 0
    moved: int = 0
    compensated: int = 0
    stopped: int = 0
    late: int = 0

    @property
    def may_be_packed(self) -> int:
        """What a batch that is made now would hold."""
        return self.to_pack - self.stopped


def _counted(rows: QuerySet[Entitlement], key: str, *, on: date) -> dict[int, Standing]:
    """The standing of every value of `key`; one query."""
    found: dict[int, Standing] = {}
    counts = (
        rows.annotate(
            is_late=ExpressionWrapper(_WAITS & Q(cycle__dispatch_by__lt=on), BooleanField()),
            is_stopped=ExpressionWrapper(stopped(), BooleanField()),
        )
        .values(key, "state", "is_late", "is_stopped")
        .annotate(count=Count("pk"))
        .order_by()
    )
    for row in counts:
        own, place, count = found.setdefault(row[key], Standing()), PLACES[row["state"]], row["count"]
        setattr(own, place, getattr(own, place) + count)
        own.total += count
        own.late += count if row["is_late"] else 0
        own.stopped += count if row["is_stopped"] and place == "to_pack" else 0
    return found


def standings(cycles: Iterable[Cycle], *, on: date) -> dict[int, Standing]:
    """The standing of each cycle, by its id."""
    pks = [cycle.pk for cycle in cycles]
    found = _counted(Entitlement.objects.filter(cycle__in=pks), "cycle_id", on=on)
    return {pk: found.get(pk, Standing()) for pk in pks}


def by_business(*, on: date) -> list[tuple[Business, Standing]]:
    """The standing of every business of which something can be claimed or waits, what is latest first."""
    key = "cycle__offer__fund__business_id"
    found = _counted(Entitlement.objects.filter(state__in=_UNDER_WAY), key, on=on)
    businesses = Business.objects.in_bulk(list(found))
    rows = [(businesses[pk], own) for pk, own in found.items()]
    return sorted(rows, key=lambda row: (-row[1].late, -row[1].total, row[0].slug))
