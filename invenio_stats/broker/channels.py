"""Channels: one on a pooled connection, which is opened anew when the broker has closed it meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from invenio_queues.queue import Queue


@contextmanager
def open_channel(queue: Queue) -> Iterator[Any]:
    """Give a channel to the broker of a queue; raises what the transport raises when there is none to be had.

    It is for workers and commands; a request publishes over a channel that is kept.
    """
    with queue.connection_pool.acquire(block=True) as connection:
        channel = _channel(connection)
        try:
            yield channel
        finally:
            if connection.connected:
                channel.close()


def _channel(connection: Any) -> Any:
    """Return a new channel; a connection that turns out to be dead is replaced, once."""
    try:
        connection.connect()  # also one that was closed and went back to the pool
        return connection.channel()
    except connection.connection_errors:
        connection.close()
        connection.connect()
        return connection.channel()
