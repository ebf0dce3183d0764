"""Read the number of messages on a queue and the age of the oldest, without removing any."""

from datetime import datetime
from typing import Any

from amqp.exceptions import NotFound
from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue
from kombu.exceptions import ChannelError

from invenio_stats.broker.dead_letter_messages import POSTPONED
from invenio_stats.broker.dead_letters import MOST_LOOKED_AT, DeadLetterFilter, count, dead_name, look
from invenio_stats.broker.messages import events_in
from invenio_stats.broker.publish import declare
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.drivers import open_reader
from invenio_stats.core.moments import parse


def depth(queue: Queue) -> int:
    """Return the number of messages on a queue."""
    declare(queue)
    return _depth(queue, queue.routing_key)


def dead(queue: Queue) -> int:
    """Return the number of dead letters of a queue."""
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
    """Return the timestamp of the oldest event on a queue; None if the queue is empty or the transport is not AMQP.

    Only AMQP can read a message without removing it.
    """
    declare(queue)
    with open_reader(queue) as reader:  # closing the reader puts the message back in its place
        if not reader.returns_on_close:
            return None
        message = next(reader.get(queue.routing_key, 1), None)
        try:
            return parse(events_in(message.payload)[0]["timestamp"]) if message else None
        except (ValueError, KeyError, TypeError):
            return None  # not an event: processing will dead-letter it


def oldest_dead(queue: Queue, limit: int) -> str | None:
    """Return when the oldest of the first dead letters was rejected; None without one, or if it cannot be seen.

    As with `oldest`, only AMQP lets one look.
    """
    if not dead(queue):
        return None
    with open_reader(queue) as reader:
        if not reader.returns_on_close:
            return None
    found = look(queue, DeadLetterFilter(limit=limit))
    return min((dead_letter.rejected for dead_letter in found if dead_letter.rejected), key=parse, default=None)


def peek(queue: Queue, name: str, limit: int) -> list[Any] | None:
    """Return the payloads of the oldest messages of a queue, which stay there; None if the transport cannot."""
    if not _depth(queue, name):
        return []
    with open_reader(queue) as reader:
        return reader.peek(name, limit)


def _depth(queue: Queue, name: str) -> int:
    with open_channel(queue) as channel:
        try:
            declared = KombuQueue(name, channel=channel).queue_declare(passive=True)
        except (NotFound, ChannelError):
            return 0  # the queue has not been used yet
        return int(declared.message_count)
