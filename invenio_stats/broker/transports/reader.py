"""Read queues over one channel; a transport that can do better than one message after the other has its own class."""

from collections.abc import Iterator, Sequence
from typing import Any

from kombu import Queue as KombuQueue


class Reader:
    """Reads queues over one channel with what every transport of kombu can do."""

    returns_on_close = False
    """Whether closing the channel puts what is not acknowledged back into its place. Else each message has to be
    requeued, and it goes to the end of its queue."""

    def __init__(self, channel: Any):
        """Read over a channel that stays open as long as messages are unacknowledged."""
        self.channel = channel

    def queue(self, name: str, **options: Any) -> Any:
        """Return kombu's queue of a name on this channel."""
        return KombuQueue(name, **options)(self.channel)

    def receive(self, name: str, most: int) -> Iterator[Any]:
        """Yield what waits on a queue, at most so many messages, as fast as the transport can."""
        return self.get(name, most)

    def get(self, name: str, most: int) -> Iterator[Any]:
        """Yield what waits on a queue, taking each message only when it is asked for."""
        return get_each(self.queue(name), most)

    def acknowledge(self, messages: Sequence[Any]) -> None:
        """Tell the broker that these messages are done with."""
        for message in messages:
            message.ack()

    def acknowledge_oldest(self, messages: Sequence[Any]) -> None:
        """Acknowledge messages before which no other of the channel waits for it."""
        self.acknowledge(messages)


def get_each(bound: Any, most: int) -> Iterator[Any]:
    """Get one message after the other, which every transport can."""
    for _ in range(most):
        if (message := bound.get(no_ack=False)) is None:
            return
        yield message
