"""Beat wakes this; what is due is in the rows."""

from celery import shared_task

from microfund.kernel import jobs

from . import services
from . import travel as travels


@shared_task(name="schedule.run_due")
def run_due(cadence: str) -> None:
    """Run the sweeps of one cadence for today."""
    services.run_due(cadences=[cadence], always_record=cadence == "day")


@shared_task(name=travels.TASK)
def travel() -> None:
    """Play some seconds of a demo's journey, and ask for the next."""
    if travels.go_on():
        jobs.send_soon(travels.TASK)
