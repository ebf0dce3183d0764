"""Consume the events of a queue in bounded batches, which the caller acknowledges."""

import hashlib
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, islice
from typing import Any, NamedTuple

from celery.exceptions import SoftTimeLimitExceeded
from invenio_queues.queue import Queue

from invenio_stats.broker.dead_letter_messages import times_postponed
from invenio_stats.broker.messages import EVENTS_PER_MESSAGE, SMALL_NUMBERS, events_in, unpack_events
from invenio_stats.broker.publish import declare
from invenio_stats.broker.transports.amqp_consumer import Delivery
from invenio_stats.broker.transports.basic_reader import Reader
from invenio_stats.broker.transports.drivers import open_reader
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.support.json_codec import decode

logger = logging.getLogger(__name__)

_SMALL_NUMBERS = SMALL_NUMBERS.encode()

BATCH_SIZE = 2000
"""Events in a batch, which are a few megabytes; a few more if its last message has several events. A worker holds three
batches at most."""


class Checkpoint(NamedTuple):
    """The messages of one batch, which are acknowledged together."""

    messages: list[Any]
    rejected: list[tuple[Any, str, str | None]]
    """Message bodies that are not events, each with the reason and the id of its message."""
    postponed: dict[str, int]
    """How many times events were postponed before, by their ids."""


class Inbox:
    """A queue as the indexer reads it: `consume` yields one batch and keeps its delivery tags.

    A batch goes back to the broker unless `acknowledge` is called: by `release`, or by the broker itself if the process
    dies. `checkpoint` closes a batch, so that it can be acknowledged after further batches have been consumed.
    """

    def __init__(self, queue: Queue, size: int = BATCH_SIZE):
        """Read from a queue of invenio-queues, in batches of about `size` events."""
        self._queue = queue
        self._size = size
        self._events_per_message = EVENTS_PER_MESSAGE
        """Average of the messages received last."""
        self._is_full = False
        """Whether as many messages arrived as were requested, so that more may be waiting."""
        self._batch = Checkpoint([], [], {})
        self._checkpoints: deque[Checkpoint] = deque()
        self._prefetched: deque[Any] = deque()
        self._open = ExitStack()
        self._reader: Reader | None = None
        self.has_more = False
        """Whether the last batch was a full one, so that more may be waiting."""

    @property
    def routing_key(self) -> str:
        """Name of the queue."""
        return self._queue.routing_key

    @property
    def source(self) -> Queue:
        """The queue of invenio-queues that is read."""
        return self._queue

    @property
    def is_open(self) -> bool:
        """Whether a channel is open, and so messages may have to be released."""
        return self._reader is not None

    def consume(self, payload: bool = True) -> Iterator[Any]:
        """Yield one batch: the events as they were published, or with payload=False the messages."""
        self.has_more = False  # stays False if the caller does not read the batch to its end
        if not self._prefetched:
            self._fetch()
        taken = 0
        is_last = not self._prefetched
        while not is_last:
            message = self._prefetched[0]
            items = self._events(message) if payload else [message]
            taken += max(1, len(items))
            yield from items[:-1]
            self._batch.messages.append(
                self._prefetched.popleft()
            )  # only before its last event: a caller that stops earlier has not consumed the message
            is_last = taken >= self._size or not self._prefetched
            if is_last:
                self.has_more = bool(self._prefetched) or self._is_full
            yield from items[-1:]

    def peek(self) -> list[dict[str, Any]]:
        """Return the fields of the next batch's events that can be read; the next `consume` yields that batch."""
        self.has_more = False  # otherwise a `run` that consumes nothing would be called again without end
        if not self._prefetched:
            self._fetch()
        events = chain.from_iterable(events_in(_payload_or_none(message)) for message in self._prefetched)
        return [fields for fields in islice(events, self._size + EVENTS_PER_MESSAGE) if isinstance(fields, dict)]

    def checkpoint(self) -> Checkpoint:
        """Close the current batch and return it; closed batches are acknowledged in the order of their closing."""
        batch, self._batch = self._batch, Checkpoint([], [], {})
        self._checkpoints.append(batch)
        return batch

    def acknowledge(self) -> int:
        """Acknowledge the oldest batch; return its number of messages."""
        if not self._checkpoints:
            self.checkpoint()
        messages = self._checkpoints.popleft().messages
        if self._reader is not None:
            self._reader.acknowledge_oldest(messages)
        if not (self._checkpoints or self._batch.messages or self._prefetched):
            self.release()
        return len(messages)

    def release(self) -> None:
        """Return all messages that have not been acknowledged to the broker."""
        try:
            if self._reader is not None and not self._reader.returns_on_close:
                for batch in (*self._checkpoints, self._batch):
                    for message in batch.messages:
                        message.requeue()
                for message in self._prefetched:
                    message.requeue()
            self._open.close()
        except Exception as error:
            # If the connection is closed, the broker has the messages back already.
            facts = {"queue": self.routing_key, "error": type(error).__name__}
            logger.warning("The connection broke; a batch goes back to the queue", extra=facts)
        self._batch = Checkpoint([], [], {})
        self._checkpoints.clear()
        self._prefetched.clear()
        self._open = ExitStack()
        self._reader = None

    def _fetch(self) -> None:
        """Prefetch a batch, over a connection that stays open until all batches are acknowledged.

        The number of events in a message is known only after it has arrived. So as many messages are requested as made
        up a batch the last time, and more if the batch turns out to be small.
        """
        if self._batch.messages or not self._checkpoints:
            self.release()
            declare(self._queue)
        if self._reader is None:
            self._reader = self._open.enter_context(open_reader(self._queue))
        events, self._is_full = 0, True
        while self._is_full and 2 * events <= self._size:
            limit = max(1, (self._size - events) // self._events_per_message)
            messages = list(self._reader.receive(self.routing_key, limit))
            events += sum(map(_max_events, messages))
            self._prefetched.extend(messages)
            self._is_full = len(messages) == limit
            self._events_per_message = (
                max(1, events // len(self._prefetched)) if self._prefetched else EVENTS_PER_MESSAGE
            )

    def _events(self, message: Any) -> list[IdentifiedEvent]:
        """Return the events of a message; a body that has none is added to the rejected ones of the batch."""
        message_id = _message_id(message)
        try:
            content = _payload(message)
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:  # a decoder for another content type may raise anything
            self._batch.rejected.append((message.body, f"not readable: {type(error).__name__}", message_id))
            return []
        times = 0 if isinstance(message, Delivery) and message.is_plain_json else times_postponed(message.headers)
        if times and message_id:
            self._batch.postponed[message_id] = times
        if isinstance(content, dict):
            return [IdentifiedEvent(content, message_id or _id_of(message.body))]
        events = unpack_events(content)
        if events is None:
            self._batch.rejected.append((content, "not an object of fields", message_id))
        return events or []


def _max_events(message: Any) -> int:
    """Return the maximum number of events in a message, without decoding it."""
    return EVENTS_PER_MESSAGE if message.body[:1] in (b"[", "[") else 1


def _id_of(body: Any) -> str:
    """Return an id for an event that was published without one: a hash, which is the same for each delivery."""
    return hashlib.sha256(body if isinstance(body, bytes) else str(body).encode()).hexdigest()[:32]


def _payload(message: Any) -> Any:
    """Return the decoded body. Plain JSON is decoded directly, since kombu's decoder checks each object for a type."""
    if isinstance(message, Delivery) and message.is_plain_json and b'"__type__"' not in message.body:
        return decode(message.body, message.body.endswith(_SMALL_NUMBERS))
    return message.payload


def _message_id(message: Any) -> str | None:
    """Return the id of a message; None if it has none, or one that is no text: other programs write messages, too."""
    try:
        known = (message.message_id if isinstance(message, Delivery) else None) or message.properties["message_id"]
        return known if isinstance(known, str) and known.encode() else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _payload_or_none(message: Any) -> Any:
    try:
        return _payload(message)
    except Exception:  # `consume` rejects this message with the reason
        return None
