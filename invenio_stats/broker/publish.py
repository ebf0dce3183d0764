"""Publish: events to their queue, confirmed by the broker, or to the spool; never at the cost of the request."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue

from invenio_stats.broker.messages import Batch
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.outgoing import parts
from invenio_stats.core.events import Event, IdentifiedEvent


def publish(
    queue: Queue, events: Iterable[Event], prepare: Callable[[IdentifiedEvent], IdentifiedEvent] = lambda event: event
) -> None:
    """Put events on a queue as one batch, as `prepare` returns them, persistent, each with its id.

    More than `MAX_SINGLE_MESSAGES` share messages. Returns when the broker has confirmed them, or when they are in the
    spool because it is away. EventsRefusedError when the spool cannot take them either. An event of which no message
    can be made costs itself only: its error, EncodeError if it is not JSON, is raised when all others are published.
    """
    batch = Batch(queue.routing_key, prepare, events)
    first_part = next(parts(batch), None)  # a salt store that hangs, say, is none of the broker's faults
    if first_part:
        outbox().send(queue, batch)
    if batch.error is not None:
        raise batch.error


def declare(queue: Queue) -> None:
    """Declare a queue with its exchange, once in each process.

    A broker cannot read, count or empty a queue that is not there.
    """
    declared: Any = vars(queue).get("declared_by")
    if declared != os.getpid():
        with open_channel(queue) as channel:
            KombuQueue(queue.routing_key, exchange=queue.exchange, routing_key=queue.routing_key)(channel).declare()
        vars(queue)["declared_by"] = os.getpid()
