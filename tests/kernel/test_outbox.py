"""The outbox: written with what it reports, delivered once to each subscriber, failures kept and tried again."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from microfund.kernel.accounts.models import User
from microfund.kernel.outbox import services as outbox
from microfund.kernel.outbox.models import Delivery, Event

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class SomethingHappened:
    number: int
    at: datetime


heard: list[int] = []
broken = threading.Event()


def hear(event: SomethingHappened) -> None:
    """A subscriber with an effect in the database."""
    assert isinstance(event.at, datetime)
    User.objects.create_user(f"heard{event.number}@example.com")
    heard.append(event.number)


def hear_badly(event: SomethingHappened) -> None:
    """A subscriber that fails after its effect while `broken` is set."""
    User.objects.create_user(f"badly{event.number}@example.com")
    if broken.is_set():
        raise ValueError("no")


@pytest.fixture(autouse=True)
def subscribers() -> Iterator[None]:
    heard.clear()
    broken.clear()
    outbox.subscribe(SomethingHappened, hear)
    outbox.subscribe(SomethingHappened, hear_badly)
    yield
    outbox._subscribers.pop("SomethingHappened")


def publish(number: int = 1) -> None:
    at = timezone.now()
    outbox.publish(SomethingHappened(number=number, at=at), key=str(number), at=at)


def test_an_event_reaches_each_subscriber_once() -> None:
    publish()
    publish()
    assert outbox.dispatch() == {"events": 1, "errors": 0}
    assert outbox.dispatch() == {"events": 0, "errors": 0}
    assert heard == [1] and Delivery.objects.count() == 2


def test_an_event_of_a_rolled_back_transaction_was_never_there() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        publish()
        raise RuntimeError
    assert Event.objects.count() == 0


def test_a_failing_subscriber_is_rolled_back_and_tried_again_and_holds_up_no_other() -> None:
    broken.set()
    publish(1)
    assert outbox.dispatch() == {"events": 0, "errors": 1}
    event = Event.objects.get()
    assert event.done_at is None and event.attempts == 1 and event.last_error == "ValueError: no"
    assert heard == [1] and not User.objects.filter(email="badly1@example.com").exists()
    broken.clear()
    Event.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    assert outbox.dispatch() == {"events": 1, "errors": 0}
    assert heard == [1] and User.objects.filter(email="badly1@example.com").count() == 1


def test_eight_dispatchers_at_once_deliver_each_event_once() -> None:
    for number in range(10):
        publish(number)
    barrier = threading.Barrier(8, timeout=120)

    def run() -> None:
        barrier.wait()
        outbox.dispatch()
        connection.close()

    threads = [threading.Thread(target=run) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.dispatch()
    assert sorted(heard) == list(range(10))
    assert Delivery.objects.count() == 20
