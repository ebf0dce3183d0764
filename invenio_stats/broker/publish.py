"""Publish events to their queue with the broker's confirmation, or write them to the spool if it is not available."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue

from invenio_stats.broker.messages import Batch
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.outgoing import split_into_parts
from invenio_stats.core.events import Event, IdentifiedEvent


def publish(
    queue: Queue, events: Iterable[Event], prepare: Callable[[IdentifiedEvent], IdentifiedEvent] = lambda event: event
) -> None:
    """Publish events as one batch of persistent messages, after `prepare` was called for each.

    More than `MAX_SINGLE_MESSAGES` events share messages. Returns when the broker has confirmed all of them, or when
    they are in the spool because the broker is not available. EventsRefusedError if the spool cannot store them either.
    An event that cannot be encoded costs itself only: its error, EncodeError if it is not JSON, is raised after all
    other events are published.
    """
    batch = Batch(queue.routing_key, prepare, events)
    # Encode the first part before connecting, so that a salt store that hangs does not use up the time for the broker.
    first_part = next(split_into_parts(batch), None)
    if first_part:
        outbox().send(queue, batch)
    if batch.error is not None:
        raise batch.error


def declare(queue: Queue) -> None:
    """Declare a queue and its exchange, once in each process, because a queue must exist to be read or counted."""
    declared: Any = vars(queue).get("declared_by")
    if declared != os.getpid():
        with open_channel(queue) as channel:
            KombuQueue(queue.routing_key, exchange=queue.exchange, routing_key=queue.routing_key)(channel).declare()
        vars(queue)["declared_by"] = os.getpid()
