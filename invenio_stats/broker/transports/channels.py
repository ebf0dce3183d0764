"""Open channels on pooled connections, and reconnect if the broker has closed a connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from invenio_queues.queue import Queue


@contextmanager
def open_channel(queue: Queue) -> Iterator[Any]:
    """Open a channel to the broker of a queue; raises the transport's errors if that fails.

    It is for workers and commands; web requests publish over a channel that is kept open.
    """
    with borrow_connection(queue.connection_pool) as connection:
        channel = _channel(connection)
        try:
            yield channel
        finally:
            if connection.connected:
                channel.close()


@contextmanager
def borrow_connection(pool: Any, seconds: float | None = None) -> Iterator[Any]:
    """Get a connection from a pool, and release it after the block, also after an error.

    The pool's own context manager closes the connection after an error, and the next user of it, such as
    invenio-queues, would fail.
    """
    connection = pool.acquire(block=True, timeout=seconds)
    try:
        yield connection
    finally:
        connection.release()


def _channel(connection: Any) -> Any:
    """Return a new channel; a dead connection is replaced once."""
    try:
        connection.connect()  # it may have been closed when it was released to the pool
        return connection.channel()
    except connection.connection_errors:
        drop(connection)
        connection.connect()
        return connection.channel()


def drop(connection: Any) -> None:
    """Drop the transport of a connection without closing it properly, because a broker that hangs would not respond."""
    dead = connection._connection  # `connection.connection` would reconnect if the socket has failed already
    if hasattr(dead, "collect"):
        dead.collect()
