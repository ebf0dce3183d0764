"""Store events that can never be indexed as dead letters in a separate queue, each with its reason."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import islice
from types import MappingProxyType
from typing import Any

from invenio_queues.queue import Queue

from invenio_stats.broker.dead_letter_messages import (
    POSTPONED,
    DeadLetter,
    DeadLetterFilter,
    RejectedEvent,
    dead_name,
    dead_stand_in,
    from_message,
    requeue,
    to_message,
)
from invenio_stats.broker.delivery import RefusedMessage, deliver_all
from invenio_stats.broker.publish import declare, declare_existing_or_new
from invenio_stats.broker.transports.basic_reader import Reader
from invenio_stats.broker.transports.drivers import open_reader
from invenio_stats.broker.transports.outgoing import Outgoing, Unconfirmed

__all__ = (
    "ALL",
    "DeadLetterFilter",
    "RejectedEvent",
    "DeadLetter",
    "reject",
    "count",
    "dead_name",
    "look",
    "purge",
    "replay",
    "replay_due",
    "summary",
)

ALL = DeadLetterFilter()

MOST_LOOKED_AT = 20_000
"""Letters among which a run looks for postponed ones; RabbitMQ shows them in some seconds."""
_DEAD_LETTERS_PER_BATCH = 500
_CONFIRM_SECONDS = 10.0

OnBatch = Callable[[int], Any]
"""Called with the number of dead letters of each batch."""


def reject(
    queue: Queue, dead_letters: Iterable[RejectedEvent], postponed: Mapping[str, int] = MappingProxyType({})
) -> None:
    """Put events that cannot be stored into the queue `<name>-dead`, with `reason` and `rejected` as headers.

    `postponed` says by event id how many times an event was postponed before: each time it waits for longer.

    Returns when the broker has confirmed all of them, so that the original messages can be acknowledged. It accepts
    events of any content: one that could not be dead-lettered would be redelivered for ever.
    """
    rejected = datetime.now(timezone.utc).isoformat(timespec="seconds")
    messages = [to_message(queue, event, rejected, postponed) for event in dead_letters]
    refused = _deliver(queue, None, messages)  # the body and its headers may be more than the broker takes
    if lost := _deliver(queue, None, [dead_stand_in(refusal) for refusal in refused]):
        raise Unconfirmed(f"The broker does not even take stand-ins of {len(lost)} dead letters.")


def count(queue: Queue, wanted: DeadLetterFilter = ALL) -> int:
    """Return the number of matching dead letters; it is fast unless the filter must read them."""
    if wanted.is_selective:
        return sum(1 for _dead_letter in look(queue, wanted))
    with _open_reader(queue) as reader:
        waiting = _waiting(reader, queue)
    return waiting if wanted.limit is None else min(waiting, wanted.limit)


def look(queue: Queue, wanted: DeadLetterFilter = ALL, on_batch: OnBatch | None = None) -> Iterator[DeadLetter]:
    """Yield the matching dead letters of a queue without removing them.

    With AMQP they stay at the broker. With other transports each is taken and returned at the end; if the process is
    killed meanwhile, the transport may lose them.
    """
    with _open_reader(queue) as reader, _open_messages(reader, queue, on_batch) as messages:
        yield from (dead_letter for dead_letter, _message in _match(messages, wanted))


def summary(dead_letters: Iterable[DeadLetter]) -> dict[str, dict[str, Any]]:
    """Return the number of dead letters by reason, and when the oldest and the newest were rejected."""
    reasons: dict[str, dict[str, Any]] = {}
    for dead_letter in dead_letters:
        line = reasons.setdefault(
            dead_letter.reason, {"count": 0, "oldest": dead_letter.rejected, "newest": dead_letter.rejected}
        )
        line["count"] += 1
        moments = [moment for moment in (line["oldest"], line["newest"], dead_letter.rejected) if moment is not None]
        line["oldest"], line["newest"] = min(moments, default=None), max(moments, default=None)
    return reasons


def replay(
    queue: Queue,
    wanted: DeadLetterFilter = ALL,
    on_batch: OnBatch | None = None,
    most_looked_at: int | None = None,
) -> int:
    """Put matching dead letters back on their original queue with their ids; return their number.

    A dead letter is removed when the broker has confirmed its new message. A process killed in between leaves it in one
    of the two queues, or in both with the same id. Events that are rejected again meanwhile are not replayed again.
    """

    def send(dead_letters: list[tuple[DeadLetter, Any]]) -> list[Any]:
        requeued = [(requeue(queue, dead_letter, message), message) for dead_letter, message in dead_letters]
        refused = _deliver(queue, queue.exchange, [outgoing for outgoing, _message in requeued])
        staying = {id(refusal.message) for refusal in refused}
        return [message for outgoing, message in requeued if id(outgoing) not in staying]

    declare(queue)  # also its exchange, which a new broker does not have yet
    return _take(queue, wanted, send, on_batch, most_looked_at)


def replay_due(queue: Queue, now: datetime) -> int:
    """Put postponed letters back whose time has come, of the oldest `MOST_LOOKED_AT`; return how many."""
    wanted = DeadLetterFilter(reason=POSTPONED, due=now)
    return replay(queue, wanted, most_looked_at=MOST_LOOKED_AT)


def purge(queue: Queue, wanted: DeadLetterFilter = ALL, on_batch: OnBatch | None = None) -> int:
    """Delete matching dead letters permanently; return their number."""
    return _take(queue, wanted, lambda dead_letters: [message for _dead_letter, message in dead_letters], on_batch)


def _take(
    queue: Queue,
    wanted: DeadLetterFilter,
    work: Callable[[list[tuple[DeadLetter, Any]]], list[Any]],
    on_batch: OnBatch | None,
    most_looked_at: int | None = None,
) -> int:
    # Work before acknowledging: a batch that fails, or a killed process, leaves its dead letters in the queue.
    taken = 0
    with _open_reader(queue) as reader, _open_messages(reader, queue) as messages:
        matching = _match(islice(messages, most_looked_at), wanted)
        while batch := list(islice(matching, _DEAD_LETTERS_PER_BATCH)):
            done = work(batch)
            reader.acknowledge(done)
            taken += len(done)
            if on_batch is not None:
                on_batch(len(done))
    return taken


def _match(messages: Iterable[Any], wanted: DeadLetterFilter) -> Iterator[tuple[DeadLetter, Any]]:
    dead_letters = ((from_message(message), message) for message in messages)
    return islice(
        ((dead_letter, message) for dead_letter, message in dead_letters if wanted.matches(dead_letter)), wanted.limit
    )


@contextmanager
def _open_reader(queue: Queue) -> Iterator[Reader]:
    """Open a reader of the dead letters, whose queue exists from now on."""
    declare_existing_or_new(queue, dead_name(queue))
    with open_reader(queue) as reader:
        yield reader


@contextmanager
def _open_messages(reader: Reader, queue: Queue, on_batch: OnBatch | None = None) -> Iterator[Iterator[Any]]:
    """Give the messages that are in the queue now; those that the block does not acknowledge go back.

    With AMQP the broker puts them back in their places when the channel is closed, before it confirms the closing, so
    that none is kept in memory here: there may be a million. Returned one by one, they might not be back in the queue
    yet when the next call counts them.
    """
    held: list[Any] = []

    def messages() -> Iterator[Any]:
        for number, message in enumerate(reader.get(dead_name(queue), _waiting(reader, queue)), start=1):
            if not reader.returns_on_close:
                held.append(message)
            yield message
            if on_batch is not None and number % _DEAD_LETTERS_PER_BATCH == 0:
                on_batch(_DEAD_LETTERS_PER_BATCH)

    try:
        yield messages()
    finally:
        for message in held:
            if not message.acknowledged:
                message.requeue()


def _waiting(reader: Reader, queue: Queue) -> int:
    return int(reader.queue(dead_name(queue)).queue_declare(passive=True).message_count)


def _deliver(queue: Queue, exchange: Any, messages: list[Outgoing]) -> list[RefusedMessage]:
    """Deliver messages; return those that the broker will never take."""
    size = _DEAD_LETTERS_PER_BATCH
    parts = (messages[first : first + size] for first in range(0, len(messages), size))
    pool = queue.connection_pool
    return [refusal for part in parts for refusal in deliver_all(pool, exchange, part, seconds=_CONFIRM_SECONDS)]
