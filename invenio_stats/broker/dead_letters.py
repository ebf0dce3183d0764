"""Dead letters: events that can never be stored wait in a queue of their own, each with its reason."""

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from invenio_queues.queue import Queue

from invenio_stats.broker.confirmed import deliver
from invenio_stats.broker.messages import outgoing

_AT_ONCE = 500
_SECONDS = 10.0

DeadLetter = tuple[Any, str]
"""What was to be stored, and why it cannot be."""


def dead_name(queue: Queue) -> str:
    """Return the name of the queue of dead letters that belongs to a queue."""
    return f"{queue.routing_key}-dead"


def bury(queue: Queue, letters: Iterable[DeadLetter]) -> None:
    """Put what cannot be stored into the queue `<name>-dead`, confirmed, with `reason` and `buried` as headers."""
    buried = datetime.now(timezone.utc).isoformat(timespec="seconds")
    messages = [outgoing(dead_name(queue), body, {"reason": reason, "buried": buried}) for body, reason in letters]
    for first in range(0, len(messages), _AT_ONCE):
        deliver(queue.connection_pool, None, messages[first : first + _AT_ONCE], _SECONDS)
