"""Beat wakes this; what is due is in the rows."""

from celery import shared_task

from . import services


@shared_task(name="schedule.run_due")
def run_due(cadence: str) -> None:
    """Run the sweeps of one cadence for today."""
    services.run_due(cadences=[cadence], always_record=cadence == "day")
