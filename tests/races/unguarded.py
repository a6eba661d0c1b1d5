"""The site with its guard taken out, for the control: units are counted by a read, then a write.

RIVALS requests wait for one another between the two, so that the gap is not left to luck. The guard and the CHECK that
would still hold are taken out of the database by the test.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from microfund.wsgi import application

from investments.offerings.models import FundCounter  # isort: skip
from investments.orders import reserve  # isort: skip

__all__ = ["application"]

_guarded = reserve.place
_together = threading.Barrier(int(os.environ["RIVALS"]), timeout=120)


def _read_then_write(*, values: dict[str, Any], **more: Any) -> reserve.Placed:
    left = FundCounter.objects.get(pk=values["fund_id"]).available
    _together.wait()
    if left < values["units"]:
        return reserve.Placed(None, None, "fund")
    return _guarded(values=values, **more)


reserve.place = _read_then_write
