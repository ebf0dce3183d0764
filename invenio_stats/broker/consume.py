"""Consume: the events of a queue in bounded batches, acknowledged when the reader says so."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from invenio_queues.queue import Queue

from invenio_stats.broker.publish import declare
from invenio_stats.core.events import BornEvent

logger = logging.getLogger(__name__)

BATCH_SIZE = 1000


class Inbox:
    """A queue as the indexer reads it: `consume` hands out one batch and keeps its delivery tags.

    What was handed out goes back to the broker unless `acknowledge` is called: with `release`, or by
    the broker itself when the process dies.
    """

    def __init__(self, queue: Queue, size: int = BATCH_SIZE):
        """Read from a queue of invenio-queues, at most `size` messages at a time."""
        self._queue = queue
        self._size = size
        self._messages: list[Any] = []
        self._open = ExitStack()
        self.rejected: list[tuple[Any, str]] = []
        """Bodies of the batch that are no events, each with the reason."""
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

    def consume(self, payload: bool = True) -> Iterator[Any]:
        """Yield one batch: the events as they were published, or with payload=False the messages."""
        self.release()
        self.has_more = False
        declare(self._queue)
        connection = self._open.enter_context(self._queue.connection_pool.acquire(block=True))
        bound = self._queue.queue.bind(self._open.enter_context(connection.channel()))
        while len(self._messages) < self._size:
            message = bound.get(no_ack=False)
            if message is None:
                return
            self._messages.append(message)
            if not payload:
                yield message
            elif (event := self._event(message)) is not None:
                yield event
        self.has_more = True

    def acknowledge(self) -> None:
        """Tell the broker that the batch is done with."""
        for message in self._messages:
            message.ack()
        self._close()

    def release(self) -> None:
        """Give the batch back to the broker, unless it has been acknowledged."""
        try:
            for message in self._messages:
                message.requeue()
        except Exception:
            # A connection that is gone has given its messages back already.
            logger.warning("A batch went back with its connection", exc_info=True, extra={"queue": self.routing_key})
        self._close()

    def _close(self) -> None:
        self._messages, self.rejected = [], []
        self._open.close()

    def _event(self, message: Any) -> BornEvent | None:
        try:
            fields = message.payload
        except Exception as error:  # whatever the decoder of a foreign content type raises
            self.rejected.append((message.body, f"not readable: {type(error).__name__}"))
            return None
        if not isinstance(fields, dict):
            self.rejected.append((fields, "not an object of fields"))
            return None
        return BornEvent(fields, message.properties.get("message_id"))
