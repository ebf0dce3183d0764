"""Consume: the events of a queue in bounded batches, acknowledged when the reader says so."""

import hashlib
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice
from typing import Any, NamedTuple

from invenio_queues.queue import Queue

from invenio_stats.broker.dead_letter_messages import times_postponed
from invenio_stats.broker.messages import EVENTS_PER_MESSAGE, events_in, unpacked
from invenio_stats.broker.publish import declare
from invenio_stats.broker.transports.amqp_consumer import Delivery
from invenio_stats.broker.transports.reader import Reader
from invenio_stats.broker.transports.readers import open_reader
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.support.json_codec import decode

logger = logging.getLogger(__name__)

BATCH_SIZE = 2000
"""Events of a batch, and a few more where its last message has several; a worker holds three batches at most. Two
thousand are a few megabytes."""


class Checkpoint(NamedTuple):
    """What was handed out at once, to be acknowledged at once."""

    messages: list[Any]
    rejected: list[tuple[Any, str, str | None]]
    """Bodies that are no events, each with the reason and the id of its message."""
    postponed: dict[str, int]
    """How many times events were postponed before, by their ids."""


class Inbox:
    """A queue as the indexer reads it: `consume` hands out one batch and keeps its delivery tags.

    What was handed out goes back to the broker unless `acknowledge` is called: with `release`, or by
    the broker itself when the process dies. With `checkpoint` a batch is acknowledged when others have been handed out
    since.
    """

    def __init__(self, queue: Queue, size: int = BATCH_SIZE):
        """Read from a queue of invenio-queues, some `size` events at a time."""
        self._queue = queue
        self._size = size
        self._events_each = EVENTS_PER_MESSAGE
        """Of a message, as they were the last time."""
        self._is_full = False
        """Whether as many messages came as were asked for, so that more may be waiting."""
        self._batch = Checkpoint([], [], {})
        self._checkpoints: deque[Checkpoint] = deque()
        self._ahead: deque[Any] = deque()
        self._open = ExitStack()
        self._reader: Reader | None = None
        self.has_more = False
        """Whether the last batch was a full one, so that more may be waiting."""

    @property
    def routing_key(self) -> str:
        """The queue's name."""
        return self._queue.routing_key

    @property
    def source(self) -> Queue:
        """The queue of invenio-queues that is read."""
        return self._queue

    @property
    def is_open(self) -> bool:
        """Whether there is a channel, and so perhaps messages to give back."""
        return self._reader is not None

    def consume(self, payload: bool = True) -> Iterator[Any]:
        """Yield one batch: the events as they were published, or with payload=False the messages."""
        self.has_more = False  # a run that stops before its batch is at its end has had enough
        if not self._ahead:
            self._fetch()
        taken = 0
        is_last = not self._ahead
        while not is_last:
            message = self._ahead[0]
            things = self._events(message) if payload else [message]
            taken += max(1, len(things))
            yield from things[:-1]
            self._batch.messages.append(self._ahead.popleft())  # not before: who stops here has not had all of it
            is_last = taken >= self._size or not self._ahead
            if is_last:
                self.has_more = bool(self._ahead) or self._is_full
            yield from things[-1:]

    def peek(self) -> list[dict[str, Any]]:
        """Return the fields of the next batch's events, as far as they can be read; `consume` hands it out then."""
        self.has_more = False  # a run that takes nothing of the batch would be called for ever
        if not self._ahead:
            self._fetch()
        events = chain.from_iterable(events_in(_readable(message)) for message in self._ahead)
        return [fields for fields in islice(events, self._size + EVENTS_PER_MESSAGE) if isinstance(fields, dict)]

    def checkpoint(self) -> Checkpoint:
        """Return what was handed out, to be acknowledged later; batches are acknowledged in the order they came."""
        batch, self._batch = self._batch, Checkpoint([], [], {})
        self._checkpoints.append(batch)
        return batch

    def acknowledge(self) -> int:
        """Tell the broker that the oldest batch is done with; return how many messages that were."""
        if not self._checkpoints:
            self.checkpoint()
        messages = self._checkpoints.popleft().messages
        if self._reader is not None:
            self._reader.acknowledge_oldest(messages)
        if not (self._checkpoints or self._batch.messages or self._ahead):
            self.release()
        return len(messages)

    def release(self) -> None:
        """Give what has not been acknowledged back to the broker."""
        try:
            if self._reader is not None and not self._reader.returns_on_close:
                for batch in (*self._checkpoints, self._batch):
                    for message in batch.messages:
                        message.requeue()
                for message in self._ahead:
                    message.requeue()
            self._open.close()
        except Exception as error:
            # A connection that is gone has given its messages back already.
            facts = {"queue": self.routing_key, "error": type(error).__name__}
            logger.warning("A batch went back with its connection", extra=facts)
        self._batch = Checkpoint([], [], {})
        self._checkpoints.clear()
        self._ahead.clear()
        self._open = ExitStack()
        self._reader = None

    def _fetch(self) -> None:
        """Take a batch, over a connection that stays open until all batches are done with.

        How many events are in a message shows when it has come. So it is asked for as many messages as a batch was the
        last time, and for more where it turns out to be small.
        """
        if self._batch.messages or not self._checkpoints:
            self.release()
            declare(self._queue)
        if self._reader is None:
            self._reader = self._open.enter_context(open_reader(self._queue))
        events, self._is_full = 0, True
        while self._is_full and 2 * events <= self._size:
            most = max(1, (self._size - events) // self._events_each)
            found = list(self._reader.receive(self.routing_key, most))
            events += sum(map(_count, found))
            self._ahead.extend(found)
            self._is_full = len(found) == most
            self._events_each = max(1, events // len(self._ahead)) if self._ahead else EVENTS_PER_MESSAGE

    def _events(self, message: Any) -> list[IdentifiedEvent]:
        """Return the events of a message; what is none is noted as rejected."""
        message_id = _message_id(message)
        try:
            content = _payload(message)
        except Exception as error:  # whatever the decoder of a foreign content type raises
            self._batch.rejected.append((message.body, f"not readable: {type(error).__name__}", message_id))
            return []
        times = 0 if isinstance(message, Delivery) and message.is_ours else times_postponed(message.headers)
        if times and message_id:
            self._batch.postponed[message_id] = times
        if isinstance(content, dict):
            return [IdentifiedEvent(content, message_id or _id_of(message.body))]
        events = unpacked(content)
        if events is None:
            self._batch.rejected.append((content, "not an object of fields", message_id))
        return events or []


def _count(message: Any) -> int:
    """Return how many events are in a message, without looking at them: one, or as many as there can be."""
    return EVENTS_PER_MESSAGE if message.body[:1] in (b"[", "[") else 1


def _id_of(body: Any) -> str:
    """Return the id of an event that was born without one: the same when it is delivered again."""
    return hashlib.sha256(body if isinstance(body, bytes) else str(body).encode()).hexdigest()[:32]


def _payload(message: Any) -> Any:
    """Return the body as it was published; plain JSON is read without kombu's look at each object for its types."""
    if isinstance(message, Delivery) and message.is_ours and b'"__type__"' not in message.body:
        return decode(message.body)
    return message.payload


def _message_id(message: Any) -> str | None:
    """Return the id of a message; None if it has none, or one that is no text: other programs write messages, too."""
    try:
        known = (message.message_id if isinstance(message, Delivery) else None) or message.properties["message_id"]
        return known if isinstance(known, str) and known.encode() else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _readable(message: Any) -> Any:
    try:
        return _payload(message)
    except Exception:  # `consume` says which
        return None
