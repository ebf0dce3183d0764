"""Publish: events to their queue, which is declared when it is missing."""

import os
from collections.abc import Iterable
from typing import Any

from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue

from invenio_stats.core.events import Event, born

_RETRY = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
"""A connection that the broker has closed meanwhile is opened anew, once and at once: nobody waits for a
broker that is down. An event that arrives twice for it is one event, by its id."""


def publish(queue: Queue, events: Iterable[Event]) -> None:
    """Put events on a queue over one connection, persistent, each with its id as message id.

    Returns when the broker has them; raises what the transport raises when it cannot be reached.
    """
    batch = [born(event) for event in events]
    if not batch:
        return
    # Declared once in each connection: the SQL transport knows only what was declared in the same one.
    where = KombuQueue(queue.routing_key, exchange=queue.exchange, routing_key=queue.routing_key)
    with queue.create_producer() as producer:
        for event in batch:
            producer.publish(
                event,
                message_id=event.event_id,
                delivery_mode="persistent",
                declare=[where],
                retry=True,
                retry_policy=_RETRY,
            )


def declare(queue: Queue) -> None:
    """Declare a queue with its exchange, once in each process.

    A broker cannot read, count or empty a queue that is not there.
    """
    declared: Any = vars(queue).get("declared_by")
    if declared != os.getpid():
        queue.queue.declare()
        vars(queue)["declared_by"] = os.getpid()
