"""The process that carries the demo's events and mails beside its story: all is carried, and nothing fails unheard."""

import os
import signal
from dataclasses import dataclass
from datetime import datetime

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox import services as outbox
from microfund.kernel.outbox.models import Delivery, Event
from microfund.site.seed import carrier

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Happened:
    number: int
    at: datetime


def told(event: Happened) -> None:
    """Writes a mail, but not of number 13."""
    if event.number == 13:
        raise ValueError("thirteen")
    Notice.objects.create(
        key=f"told:{event.number}",
        kind="told",
        recipient="somebody@example.jp",
        language="en",
        subject="It happened",
        text="It happened.",
        html="<p>It happened.</p>",
        happened_at=event.at,
    )


@pytest.fixture(autouse=True)
def _subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_subscribers", {})
    monkeypatch.setattr(outbox, "_kinds", {})
    outbox.subscribe(Happened, told)


def happen(number: int) -> None:
    outbox.publish(Happened(number, timezone.now()), key=str(number), at=timezone.now())


def test_what_happened_is_delivered_and_mailed_when_the_block_ends() -> None:
    with carrier.Carrier() as beside:
        for number in range(3):
            happen(number)
            beside.day_is_over()
    assert Delivery.objects.count() == 3
    assert set(Notice.objects.values_list("key", "state")) == {(f"told:{number}", "sent") for number in range(3)}


def test_what_the_next_day_may_rest_on_is_delivered_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier, "AWAITED", carrier.Q(kind="Happened"))
    with carrier.Carrier() as beside:
        happen(1)
        beside.day_is_over()
        assert Event.objects.get().done_at is not None


def test_an_event_that_fails_ends_the_story_with_its_reason() -> None:
    with pytest.raises(CommandError, match=r"Happened:13: ValueError: thirteen"), carrier.Carrier() as beside:
        happen(13)
        beside.day_is_over()


def test_a_process_that_was_killed_ends_the_story() -> None:
    with pytest.raises(CommandError, match="has ended"), carrier.Carrier() as beside:
        assert beside._process.pid
        os.kill(beside._process.pid, signal.SIGKILL)
        happen(1)
        beside.day_is_over()
