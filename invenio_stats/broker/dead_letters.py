"""Dead letters: events that can never be stored wait in a queue of their own, each with its reason."""

from collections.abc import Iterable
from typing import Any

from invenio_queues.queue import Queue
from kombu import Producer
from kombu import Queue as KombuQueue

DeadLetter = tuple[Any, str]
"""What was to be stored, and why it cannot be."""


def dead_name(queue: Queue) -> str:
    """Return the name of the queue of dead letters that belongs to a queue."""
    return f"{queue.routing_key}-dead"


def bury(queue: Queue, letters: Iterable[DeadLetter]) -> None:
    """Put what cannot be stored into the queue `<name>-dead`, with the reason in the header `reason`."""
    letters = list(letters)
    if not letters:
        return
    with queue.connection_pool.acquire(block=True) as connection, connection.channel() as channel:
        dead = KombuQueue(dead_name(queue), durable=True)(channel)
        dead.declare()
        producer = Producer(channel)
        for body, reason in letters:
            producer.publish(
                body,
                routing_key=dead.name,
                delivery_mode="persistent",
                headers={"reason": reason},
                message_id=getattr(body, "event_id", None),
            )
