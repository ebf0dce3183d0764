"""Dead letters: events that can never be stored wait in a queue of their own, each with its reason."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, NamedTuple

from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue

from invenio_stats.broker.channels import open_channel
from invenio_stats.broker.confirmed import deliver
from invenio_stats.broker.messages import Outgoing, outgoing
from invenio_stats.core.moments import parse

_AT_ONCE = 500
_SECONDS = 10.0

DeadLetter = tuple[Any, str]
"""What was to be stored, and why it cannot be."""


class Letter(NamedTuple):
    """A dead letter, as one looks at it."""

    message_id: str
    reason: str
    buried: str | None
    """When, in UTC; None for letters of older releases."""
    event: Any
    """As it was published, or what of it could be read."""


def dead_name(queue: Queue) -> str:
    """Return the name of the queue of dead letters that belongs to a queue."""
    return f"{queue.routing_key}-dead"


def bury(queue: Queue, letters: Iterable[DeadLetter]) -> None:
    """Put what cannot be stored into the queue `<name>-dead`, confirmed, with `reason` and `buried` as headers."""
    buried = datetime.now(timezone.utc).isoformat(timespec="seconds")
    _deliver(
        queue,
        None,
        [outgoing(dead_name(queue), body, {"reason": reason, "buried": buried}) for body, reason in letters],
    )


def look(
    queue: Queue, reason: str | None = None, most: int | None = None, before: datetime | None = None
) -> Iterator[Letter]:
    """Yield the dead letters of a queue, and leave them where they are.

    Only those whose reason begins with `reason`, that were buried before a moment, and at most so many.
    """
    with _chosen(queue, reason, most, before) as messages:
        yield from (letter for letter, _message in messages)


def summary(letters: Iterable[Letter]) -> dict[str, dict[str, Any]]:
    """Return by reason how many there are, and when the first and the last were buried."""
    found: dict[str, dict[str, Any]] = {}
    for letter in letters:
        line = found.setdefault(letter.reason, {"count": 0, "oldest": letter.buried, "newest": letter.buried})
        line["count"] += 1
        moments = [moment for moment in (line["oldest"], line["newest"], letter.buried) if moment is not None]
        line["oldest"], line["newest"] = min(moments, default=None), max(moments, default=None)
    return found


def replay(
    queue: Queue,
    reason: str | None = None,
    most: int | None = None,
    before: datetime | None = None,
    on_batch: Callable[[int], Any] | None = None,
) -> int:
    """Put letters back onto the queue they came from, with the ids they had; return how many.

    A letter is taken off when the broker has confirmed its message: whoever is killed meanwhile leaves it in one of the
    two queues, or in both with the same id. What is buried again meanwhile is not taken once more.
    """

    def send(letters: list[tuple[Letter, Any]]) -> None:
        _deliver(
            queue,
            queue.exchange,
            [Outgoing(queue.routing_key, letter.message_id, _text(message)) for letter, message in letters],
        )

    return _take(queue, reason, most, before, send, on_batch)


def purge(
    queue: Queue,
    reason: str | None = None,
    most: int | None = None,
    before: datetime | None = None,
    on_batch: Callable[[int], Any] | None = None,
) -> int:
    """Delete letters for good; return how many."""
    return _take(queue, reason, most, before, lambda letters: None, on_batch)


def _take(
    queue: Queue,
    reason: str | None,
    most: int | None,
    before: datetime | None,
    work: Callable[[list[tuple[Letter, Any]]], None],
    on_batch: Callable[[int], Any] | None,
) -> int:
    taken = 0
    with _chosen(queue, reason, most, before) as messages:
        for first in range(0, len(messages), _AT_ONCE):
            part = messages[first : first + _AT_ONCE]
            work(part)
            for _letter, message in part:
                message.ack()
            taken += len(part)
            if on_batch is not None:
                on_batch(len(part))
    return taken


@contextmanager
def _chosen(
    queue: Queue, reason: str | None, most: int | None, before: datetime | None
) -> Iterator[list[tuple[Letter, Any]]]:
    """Give the letters that are meant, with their messages; those that the block does not acknowledge go back."""
    held: list[Any] = []
    chosen: list[tuple[Letter, Any]] = []
    with open_channel(queue) as channel:
        bound = KombuQueue(dead_name(queue), durable=True)(channel)
        try:
            for _number in range(bound.queue_declare().message_count):  # those that are there now, and no others
                if len(chosen) == most or (message := bound.get(no_ack=False)) is None:
                    break
                held.append(message)
                letter = _letter(message)
                if _is_meant(letter, reason, before):
                    chosen.append((letter, message))
            yield chosen
        finally:
            for message in held:
                if not message.acknowledged:
                    message.requeue()


def _is_meant(letter: Letter, reason: str | None, before: datetime | None) -> bool:
    if reason is not None and not letter.reason.startswith(reason):
        return False
    return before is None or letter.buried is None or parse(letter.buried) < before


def _letter(message: Any) -> Letter:
    headers = message.headers or {}
    try:
        event = message.payload
    except Exception:  # whatever the decoder of a foreign content type raises
        event = None
    message_id = message.properties.get("message_id") or ""
    return Letter(message_id, str(headers.get("reason", "unknown")), headers.get("buried"), event)


def _text(message: Any) -> str:
    return message.body if isinstance(message.body, str) else bytes(message.body).decode("utf-8", "replace")


def _deliver(queue: Queue, exchange: Any, messages: list[Outgoing]) -> None:
    for first in range(0, len(messages), _AT_ONCE):
        deliver(queue.connection_pool, exchange, messages[first : first + _AT_ONCE], _SECONDS)
