"""A real broker and a worker in this process, so that a proof decides which message is lost, doubled or late.

The broker is the house's own of files, or Redis where REDIS_TEST_URL names one; the worker runs the product's tasks,
one message at a time.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from unittest import mock

from celery import Celery
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from kombu import Connection

from microfund.celery import app as site
from microfund.kernel.embedded import celery_broker_settings


class Queue:
    """One queue of one broker. `handled` counts messages that a worker took, `lost` those that were thrown away."""

    def __init__(self, app: Celery, connection: Connection) -> None:
        self.app = app
        self.handled = 0
        self.lost = 0
        self._channel = connection.default_channel
        self._name = app.conf.task_default_queue
        self._channel.queue_declare(self._name, durable=True)

    def take(self) -> tuple[str, list[object]] | None:
        """The oldest message as task and arguments, gone from the broker; None when there is none."""
        message = self._channel.basic_get(self._name, no_ack=True)
        if message is None:
            return None
        body = message.body if isinstance(message.body, str) else bytes(message.body).decode()
        return message.properties["headers"]["task"] if "headers" in message.properties else message.headers[
            "task"
        ], json.loads(body)[0]

    def empty(self) -> int:
        """Throw all messages away; how many there were."""
        number = 0
        while self.take() is not None:
            number += 1
        self.lost += number
        return number

    def work(self, *, at: datetime, times: int = 1, empty_before: int = 0) -> None:
        """Do what is asked until nothing is left, each message `times` times, with the clock standing at `at`.

        Before the `empty_before`-th message since the beginning, that one and all behind it are thrown away.
        """
        with mock.patch.object(timezone, "now", lambda: at):
            while (message := self.take()) is not None:
                self.handled += 1
                if self.handled == empty_before:
                    self.lost += 1
                    self.empty()
                    continue
                name, arguments = message
                for _time in range(times):
                    site.tasks[name].run(*arguments)


@contextmanager
def queue(folder: Path, url: str = "") -> Iterator[Queue]:
    """A queue of this test alone, to which the product's `send_soon` sends."""
    site.loader.import_default_modules()
    app = Celery("proof", set_as_current=False)
    own = (
        {"broker_url": url, "broker_transport_options": settings.REDIS_BROKER_OPTIONS}
        if url
        else celery_broker_settings(folder)
    )
    app.conf.update(**own, task_default_queue=f"proof-{uuid.uuid4().hex}", task_publish_retry=False)
    app.set_current()
    try:
        with override_settings(CELERY_TASK_ALWAYS_EAGER=False), app.connection_for_read() as connection:
            found = Queue(app, connection)
            yield found
            found.empty()
            connection.default_channel.queue_delete(app.conf.task_default_queue)
    finally:
        site.set_current()
        app.close()


@contextmanager
def no_broker() -> Iterator[None]:
    """A broker that is away: nothing listens at its address."""
    app = Celery("proof", set_as_current=False)
    app.conf.update(
        broker_url="redis://127.0.0.1:1/0",
        broker_transport_options=settings.REDIS_BROKER_OPTIONS,
        task_publish_retry=settings.CELERY_TASK_PUBLISH_RETRY,
    )
    app.set_current()
    try:
        with override_settings(CELERY_TASK_ALWAYS_EAGER=False):
            yield
    finally:
        site.set_current()
        app.close()
