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
    with borrowed(queue.connection_pool) as connection:
        channel = _channel(connection)
        try:
            yield channel
        finally:
            if connection.connected:
                channel.close()


@contextmanager
def borrowed(pool: Any, seconds: float | None = None) -> Iterator[Any]:
    """Give a connection of a pool, and put it back however the block ends.

    A pool's own `with` closes it on an error, and others that get it then, invenio-queues among them, trip over that.
    """
    connection = pool.acquire(block=True, timeout=seconds)
    try:
        yield connection
    finally:
        connection.release()


def _channel(connection: Any) -> Any:
    """Return a new channel; a connection that turns out to be dead is replaced, once."""
    try:
        connection.connect()  # also one that was closed and went back to the pool
        return connection.channel()
    except connection.connection_errors:
        drop(connection)
        connection.connect()
        return connection.channel()


def drop(connection: Any) -> None:
    """Forget what a connection is connected to, without a farewell: a broker that hangs would not answer it."""
    dead = connection._connection  # `connection.connection` would connect anew where the socket has failed already
    if hasattr(dead, "collect"):
        dead.collect()
