"""Keep the messages of a quorum queue that are delivered again and again: RabbitMQ drops them after some deliveries.

A quorum queue counts how often each message came back, because a worker died, the search engine was away or somebody
only looked at it. RabbitMQ 4 drops a message that has come back 20 times. A new copy is counted from zero.
"""

import logging
from collections.abc import Iterable
from typing import Any

import amqp
from amqp.exceptions import MessageNacked

logger = logging.getLogger(__name__)

MAX_RETURNS = 5
"""Returns of a message before it is replaced by a copy: far below the broker's limit, so that several readers at once,
or processes that are killed, do not reach it."""

_COUNTS = ("x-delivery-count", "x-acquired-count")
"""Headers in which the broker writes its counts; other types of queues have none."""
_CONFIRM_SECONDS = 10.0


def is_worn(message: Any) -> bool:
    """Return True if a message has come back so often that the broker may soon drop it."""
    count = (message.headers or {}).get(_COUNTS[0])
    return isinstance(count, int) and count >= MAX_RETURNS


def replace(channel: amqp.Channel, queue: str, messages: Iterable[Any]) -> list[Any]:
    """Put copies at the end of the queue, and acknowledge the messages whose copy is confirmed; return these.

    If the broker takes no copy, because the queue is full, the other messages stay as they are. A process killed in
    between leaves a message and its copy; they have one id, so that they are one event.
    """
    replaced: list[Any] = []
    try:
        with channel.connection.channel() as publisher:
            for message in messages:
                copy = _copy(message)
                publisher.basic_publish_confirm(copy, routing_key=queue, confirm_timeout=_CONFIRM_SECONDS)
                message.ack()
                replaced.append(message)
    except (MessageNacked, TimeoutError, amqp.AMQPError) as error:
        facts = {"queue": queue, "error": type(error).__name__}
        logger.warning("Messages that have come back often are not copied", extra=facts)
    return replaced


def _copy(message: Any) -> amqp.Message:
    properties = dict(message.properties)
    headers = properties.get("application_headers") or {}
    properties["application_headers"] = {key: headers[key] for key in headers if key not in _COUNTS}
    return amqp.Message(message.body, **properties)
