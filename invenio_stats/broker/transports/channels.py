"""Open channels on pooled connections, and reconnect if the broker has closed a connection."""

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from invenio_queues.queue import Queue
from kombu import Queue as KombuQueue

_processes: "weakref.WeakKeyDictionary[Any, int]" = weakref.WeakKeyDictionary()
"""The process that opened a connection of py-amqp."""
_inherited: list[Any] = []
"""Connections of the parent of this process, kept so that they are never closed here."""


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
        _disown_inherited(connection)
        yield connection
    finally:
        _note_process(connection)
        connection.release()


def bind_existing(channel: Any, exchange: Any, name: str) -> None:
    """Bind a queue that has other properties than ours would have, such as another type: an operator has made it.

    Raises the transport's errors if it does not exist, or if it is the exchange that has other properties.
    """
    queue = KombuQueue(name, exchange=exchange, routing_key=name)(channel)
    queue.queue_declare(passive=True)
    if exchange is not None:
        queue.exchange.declare()
        queue.queue_bind()


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


def _note_process(connection: Any) -> None:
    if connection._connection is not None and connection.transport.driver_type == "amqp":
        _processes.setdefault(connection._connection, os.getpid())


def _disown_inherited(connection: Any) -> None:
    """Make a connection reconnect if it is the parent's, whose socket and delivery tags this process must not use."""
    parents = connection._connection
    if parents is None or connection.transport.driver_type != "amqp":
        return
    if _processes.get(parents, os.getpid()) != os.getpid():
        # Not closed: that would end the parent's conversation with the broker on the socket that both have.
        _inherited.append(parents)
        connection._connection = connection._default_channel = None
        connection.declared_entities.clear()
