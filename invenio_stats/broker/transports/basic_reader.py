"""Read queues over one channel, message by message; transports that can read batches have a subclass."""

from collections.abc import Iterator, Sequence
from typing import Any

from kombu import Queue as KombuQueue


class Reader:
    """Reads queues over one channel with the operations that every transport of kombu has."""

    returns_on_close = False
    """Whether closing the channel returns unacknowledged messages to their places in the queue. Otherwise each message
    must be requeued, which moves it to the end."""

    def __init__(self, channel: Any):
        """Read over a channel, which must stay open until all messages are acknowledged."""
        self.channel = channel

    def queue(self, name: str, **options: Any) -> Any:
        """Return kombu's queue object for a name, bound to this channel."""
        return KombuQueue(name, **options)(self.channel)

    def declare(self, name: str, exchange: Any) -> None:
        """Declare a queue and its exchange, so that the queue can be read."""
        self.queue(name, exchange=exchange, routing_key=name).declare()

    def receive(self, name: str, limit: int) -> Iterator[Any]:
        """Yield at most `limit` messages of a queue, fetched in batches if the transport can do that."""
        return self.get(name, limit)

    def get(self, name: str, limit: int) -> Iterator[Any]:
        """Yield at most `limit` messages of a queue; each is fetched only when it is needed."""
        return get_each(self.queue(name), limit)

    def peek(self, name: str, limit: int) -> list[Any] | None:
        """Return the payloads of at most `limit` messages, which stay in the queue; None if a transport cannot."""
        if not self.returns_on_close:
            return None
        return [message.payload for message in self.get(name, limit)]  # closing the channel returns them

    def acknowledge(self, messages: Sequence[Any]) -> None:
        """Acknowledge messages."""
        for message in messages:
            message.ack()

    def acknowledge_oldest(self, messages: Sequence[Any]) -> None:
        """Acknowledge the oldest unacknowledged messages of the channel."""
        self.acknowledge(messages)


def get_each(bound: Any, limit: int) -> Iterator[Any]:
    """Yield messages with a request for each, which every transport supports."""
    for _ in range(limit):
        if (message := bound.get(no_ack=False)) is None:
            return
        yield message
