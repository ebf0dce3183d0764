"""Inspect: how much waits on a queue, and since when, without taking anything away."""

from datetime import datetime

from amqp.exceptions import NotFound
from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue
from kombu.exceptions import ChannelError

from invenio_stats.broker.dead_letter_messages import POSTPONED
from invenio_stats.broker.dead_letters import MOST_LOOKED_AT, DeadLetterFilter, count, dead_name
from invenio_stats.broker.messages import events_in
from invenio_stats.broker.publish import declare
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.readers import open_reader
from invenio_stats.core.moments import parse


def depth(queue: Queue) -> int:
    """Return how many messages wait."""
    declare(queue)
    return _depth(queue, queue.routing_key)


def dead(queue: Queue) -> int:
    """Return how many dead letters there are."""
    return _depth(queue, dead_name(queue))


def postponed(queue: Queue) -> int | None:
    """Return how many dead letters come back by themselves; None if the broker cannot show it, or there are many.

    As with `oldest`, only AMQP lets one look; and it takes seconds to look at more than `MOST_LOOKED_AT`.
    """
    if not (waiting := dead(queue)):
        return 0
    with open_reader(queue) as reader:
        if not reader.returns_on_close or waiting > MOST_LOOKED_AT:
            return None
    return count(queue, DeadLetterFilter(reason=POSTPONED))


def oldest(queue: Queue) -> datetime | None:
    """Return the moment of the event that waits longest; None when nothing waits, or the broker cannot show it.

    Only AMQP lets one look at a message and leave it where it is.
    """
    declare(queue)
    with open_reader(queue) as reader:  # closing it gives the message back to its place
        if not reader.returns_on_close:
            return None
        message = next(reader.get(queue.routing_key, 1), None)
        try:
            return parse(events_in(message.payload)[0]["timestamp"]) if message else None
        except (ValueError, KeyError, TypeError):
            return None  # a message that is no event; processing will say so


def _depth(queue: Queue, name: str) -> int:
    with open_channel(queue) as channel:
        try:
            found = KombuQueue(name, channel=channel).queue_declare(passive=True)
        except (NotFound, ChannelError):
            return 0  # a queue that was never needed
        return int(found.message_count)
