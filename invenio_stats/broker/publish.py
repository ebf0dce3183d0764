"""Publish: events to their queue, confirmed by the broker, or to the spool; never at the cost of the request."""

import os
from collections.abc import Iterable
from typing import Any

from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue

from invenio_stats.broker.channels import open_channel
from invenio_stats.broker.messages import outgoing
from invenio_stats.broker.outbox import outbox
from invenio_stats.core.events import Event, born


def publish(queue: Queue, events: Iterable[Event]) -> None:
    """Put events on a queue as one batch, persistent, each with its id as message id.

    Returns when the broker has confirmed them, or when they are in the spool because it is away. EventsRefusedError
    when the spool cannot take them either; EncodeError for an event that is not JSON.
    """
    messages = [outgoing(queue.routing_key, born(event)) for event in events]
    if messages:
        outbox().send(queue, messages)


def declare(queue: Queue) -> None:
    """Declare a queue with its exchange, once in each process.

    A broker cannot read, count or empty a queue that is not there.
    """
    declared: Any = vars(queue).get("declared_by")
    if declared != os.getpid():
        with open_channel(queue) as channel:
            KombuQueue(queue.routing_key, exchange=queue.exchange, routing_key=queue.routing_key)(channel).declare()
        vars(queue)["declared_by"] = os.getpid()
