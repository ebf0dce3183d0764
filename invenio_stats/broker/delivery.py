"""Deliver messages to the broker, and find those that it will never take."""

import json
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from kombu import Exchange

from invenio_stats.broker.messages import split
from invenio_stats.broker.transports.drivers import deliver
from invenio_stats.broker.transports.outgoing import MessageRefusedError, Outgoing
from invenio_stats.core.events import short_id

logger = logging.getLogger(__name__)


class RefusedMessage(NamedTuple):
    """A message that the broker will never take, and why."""

    message: Outgoing
    reason: str
    """The type of its error, which quotes nothing."""


def deliver_all(
    pool: Any, exchange: Exchange | None, messages: Sequence[Outgoing], **options: float
) -> list[RefusedMessage]:
    """Deliver messages of one queue; return those that the broker will never take.

    One that is too large, say, must not hold up the others: the batch is halved until it is found, and the events of
    a message that has several go one by one. Raises what `deliver` raises when the broker is away.
    """
    try:
        deliver(pool, exchange, messages, **options)
    except MessageRefusedError as error:
        refused = list(messages)
        if len(refused) == 1:
            singles = split(refused[0])
            if len(singles) < 2:
                return [RefusedMessage(refused[0], error.reason)]
            refused = singles
        half = len(refused) // 2
        parts = (refused[:half], refused[half:])
        return [refusal for part in parts for refusal in deliver_all(pool, exchange, part, **options)]
    return []


def stand_in(refused: RefusedMessage, queue: str, headers: dict[str, Any]) -> Outgoing:
    """Return a message that tells of one that the broker will never take: what it had, and how large, but no value."""
    message = refused.message
    logger.error(
        "The broker never takes a message; it is rejected",
        extra={"queue": message.queue, "reason": refused.reason, "bytes": len(message.body)},
    )
    body = {"withheld": refused.reason, "bytes": len(message.body), "fields": _sizes(message.body)}
    return Outgoing(queue, short_id(message.message_id), json.dumps(body), headers, message.events)


def _sizes(body: str) -> dict[str, int]:
    """Return how many characters the largest fields of an event take; nothing of what is no event."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(event, dict):
        return {}
    sizes = {str(name)[:100]: len(json.dumps(value)) for name, value in event.items()}
    return dict(sorted(sizes.items(), key=lambda size: -size[1])[:20])
