"""Publish events to their queue with the broker's confirmation, or write them to the spool if it is not available."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from amqp import PreconditionFailed
from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue

from invenio_stats.broker.messages import Batch
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.channels import bind_existing, open_channel
from invenio_stats.broker.transports.drivers import open_reader
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
    """Declare a queue and its exchange, once in each process, because a queue must exist to be read or counted.

    A queue with other properties, such as a quorum queue that an operator has made, is used as it is.
    """
    declared: Any = vars(queue).get("declared_by")
    if declared != os.getpid():
        try:
            with open_reader(queue) as reader:
                reader.declare(queue.routing_key, queue.exchange)
        except PreconditionFailed:  # which has closed the channel
            with open_channel(queue) as channel:
                bind_existing(channel, queue.exchange, queue.routing_key)
        vars(queue)["declared_by"] = os.getpid()


def declare_existing_or_new(queue: Queue, name: str) -> None:
    """Declare a queue without an exchange, at each call; one with other properties stays as it is."""
    with suppress(PreconditionFailed), open_channel(queue) as channel:
        KombuQueue(name, durable=True)(channel).queue_declare()
