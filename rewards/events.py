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
class CarriedAfterAll:
    """What was carried from a cycle comes with no other: its holders can claim it after all."""

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
class ArrivalAsked:
    """Parcels of a cycle were sent a week ago: their holders are asked whether they arrived, those asked `at`."""

    cycle_id: int
    at: datetime


@dataclass(frozen=True)
class ParcelComplained:
    """A holder says that a parcel did not arrive, or not well; the business answers."""

    entitlement_id: int
    at: datetime


@dataclass(frozen=True)
class ParcelAnswered:
    """The business has said what follows of a parcel that did not arrive well; its holder reads it."""

    entitlement_id: int
    at: datetime


@dataclass(frozen=True)
class RewardReassigned:
    """Staff changed where a reward goes, or what is given: `entitlement_id` is what stands now, `reason` why."""

    entitlement_id: int
    reason: str
    at: datetime


@dataclass(frozen=True)
class RewardsInherited:
    """What a deceased holder could claim has become the heirs' to claim, by an inheritance."""

    inheritance_id: int
    at: datetime


@dataclass(frozen=True)
class CompensationApproved:
    """Money is owed instead of a reward: the business is asked to pay, the holder is told why."""

    compensation_id: int
    at: datetime


@dataclass(frozen=True)
class CompensationPaid:
    """Money instead of a reward was transferred to its holder."""

    compensation_id: int
    at: datetime


@dataclass(frozen=True)
class CompensationLost:
    """What a business owed instead of a reward was written off: the holder and the business are told why."""

    compensation_id: int
    at: datetime


@dataclass(frozen=True)
class VouchersIssued:
    """Who takes a distribution in kind has a voucher for it."""

    distribution_id: int
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
class SeatsBooked:
    """Somebody has booked seats at a visit and has them at once."""

    booking_id: int
    at: datetime


@dataclass(frozen=True)
class SeatsFree:
    """Somebody on the waiting list of a visit has got seats."""

    booking_id: int
    at: datetime
