"""What the rest of the house may hear about rewards: ids and plain values, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class CycleOpened:
    """A cycle has opened: whoever has an entitlement may claim it."""

    cycle_id: int
    at: datetime


@dataclass(frozen=True)
class CycleEnding:
    """A cycle closes within a week; who has not claimed is reminded."""

    cycle_id: int
    at: datetime


@dataclass(frozen=True)
class CycleClosed:
    """A cycle is closed: its owner can pack what was claimed."""

    cycle_id: int
    at: datetime


@dataclass(frozen=True)
class ParcelsSent:
    """Parcels of a batch were given to a carrier: those sent by this act."""

    batch_id: int
    act: str
    at: datetime


@dataclass(frozen=True)
class ParcelFailed:
    """A parcel came back, was lost or arrived damaged; the investor is asked."""

    entitlement_id: int
    at: datetime


@dataclass(frozen=True)
class LetterPublished:
    """An owner has thanked the holders of a fund; each of them has a letter."""

    letter_id: int
    at: datetime


@dataclass(frozen=True)
class VisitMade:
    """A visit can be booked; the holders are told."""

    visit_id: int
    at: datetime


@dataclass(frozen=True)
class VisitChanged:
    """A visit has another time or place; who has booked is told."""

    visit_id: int
    at: datetime


@dataclass(frozen=True)
class VisitCalledOff:
    """A visit was called off; who has booked or waits is told why."""

    visit_id: int
    at: datetime


@dataclass(frozen=True)
class VisitSoon:
    """A visit is three days away; who has booked is reminded."""

    visit_id: int
    at: datetime


@dataclass(frozen=True)
class SeatsFree:
    """Somebody on the waiting list of a visit has got seats."""

    booking_id: int
    at: datetime
