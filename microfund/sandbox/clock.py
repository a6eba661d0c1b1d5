"""The sandbox's own clock: real, set to an instant (standing still or running on), or moved forward."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta, timezone

from .store import Store

JST = timezone(timedelta(hours=9), "JST")
"""Business time of the provider's konbini deadlines and of the bank. Japan has no daylight saving time."""


class Clock:
    """Seconds since the epoch as the provider and the bank see them. The setting survives a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        saved = store.get_meta("clock")
        self._state: dict[str, float | str] = json.loads(saved) if saved else {"mode": "real"}

    def now(self) -> int:
        """The present second."""
        return int(self._exact())

    def today(self) -> date:
        """The business date in Japan."""
        return business_date(self.now())

    def set(self, at: datetime | None, *, ticking: bool = False) -> None:
        """Set to an aware instant (standing still unless ``ticking``); ``None`` returns to real time."""
        if at is None:
            self._save({"mode": "real"})
        elif ticking:
            self._save({"mode": "ticking", "at": at.timestamp(), "since": time.time()})
        else:
            self._save({"mode": "still", "at": at.timestamp()})

    def advance(self, seconds: float) -> None:
        """Move by ``seconds`` (negative moves back); a clock that runs keeps running."""
        target = self._exact() + seconds
        if self._state["mode"] == "still":
            self._save({"mode": "still", "at": target})
        else:
            self._save({"mode": "ticking", "at": target, "since": time.time()})

    def describe(self) -> dict[str, object]:
        """What the control API shows."""
        now = self.now()
        return {
            "mode": self._state["mode"],
            "now": now,
            "at": datetime.fromtimestamp(now, UTC).isoformat(),
            "business_date": business_date(now).isoformat(),
        }

    def _exact(self) -> float:
        mode = self._state["mode"]
        if mode == "still":
            return float(self._state["at"])
        if mode == "ticking":
            return float(self._state["at"]) + time.time() - float(self._state["since"])
        return time.time()

    def _save(self, state: dict[str, float | str]) -> None:
        self._state = state
        self._store.set_meta("clock", json.dumps(state))


def business_date(at: int) -> date:
    """The date in Japan of a second since the epoch."""
    return datetime.fromtimestamp(at, JST).date()


def end_of_business_day(day: date) -> int:
    """23:59:59 of that day in Japan, as seconds since the epoch."""
    return int(datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=JST).timestamp())
