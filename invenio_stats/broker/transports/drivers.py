"""Choose the reader and the publisher for the transport of a queue; no other module chooses one."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import amqp
from invenio_queues.queue import Queue
from kombu import Exchange
from kombu.exceptions import LimitExceeded, OperationalError

from invenio_stats.broker.transports.channels import borrow_connection, open_channel
from invenio_stats.broker.transports.outgoing import Outgoing

if TYPE_CHECKING:
    from invenio_stats.broker.transports.basic_reader import Reader


class Transport(NamedTuple):
    """The implementation of a transport, by names in this folder: loaded on first use, by processes that need it."""

    publish: str
    """A function `(connection, model, exchange, messages, deadline)` that publishes messages.

    `connection` is borrowed from a pool, which created it from `model`; `deadline` is a time of `time.monotonic`.
    """
    reader: str
    """A subclass of `Reader`."""
    limits: tuple[str, ...] = ()
    """Options of kombu's connection: the seconds that it waits for the broker at a time."""


_TRANSPORTS = {
    "amqp": Transport("amqp_publisher.publish", "amqp_consumer.AmqpReader", ("read_timeout", "write_timeout")),
    "redis": Transport("redis.publish", "redis.RedisReader", ("socket_timeout", "socket_connect_timeout")),
}
"""Transports by kombu's driver type."""
_OTHER = Transport("basic_publisher.publish", "basic_reader.Reader")
"""For all other driver types."""

_TIMEOUT_SECONDS = 0.4
"""Time that a request waits for the broker, including the connection; a hundred times as long as a broker needs."""


@contextmanager
def open_reader(queue: Queue) -> Iterator["Reader"]:
    """Open a reader over a new channel; raises the transport's errors if that fails."""
    with open_channel(queue) as channel:
        yield _load(_transport_of(channel.connection.client).reader)(channel)


@contextmanager
def limited_pool(pool: Any, seconds: float) -> Iterator[Any]:
    """Make a pool of one new connection, which waits for the broker for so many seconds at a time, and close it.

    A connection of the instance's pool would wait without limit for a broker that hangs, and be missing there.
    """
    model = pool.connection
    limits = dict.fromkeys(_transport_of(model).limits, seconds)
    options = {**(model.transport_options or {}), **limits}
    own = model.clone(connect_timeout=seconds, transport_options=options).Pool(1)
    try:
        yield own
    finally:
        own.force_close_all()


def deliver(
    pool: Any, exchange: Exchange | None, messages: Sequence[Outgoing], seconds: float = _TIMEOUT_SECONDS
) -> None:
    """Publish persistent messages to one queue; over AMQP, return when the broker has confirmed all of them.

    The queue is declared if it does not exist. Raises one of `failure_types(connection)` if the broker is away, rejects
    a message, or does not confirm in time. It is unknown then which messages the broker has, and all of them can be
    sent again: a message that arrives twice is one event, by its id.
    """
    deadline = time.monotonic() + seconds
    with borrow_connection(pool, seconds) as connection:
        _load(_transport_of(connection).publish)(connection, pool.connection, exchange, messages, deadline)


def failure_types(connection: Any = None) -> tuple[type[BaseException], ...]:
    """Return the exceptions that a failure of the broker may raise, for all transports and that of a connection."""
    own_types = (*connection.connection_errors, *connection.channel_errors) if connection is not None else ()
    return (OSError, EOFError, OperationalError, LimitExceeded, amqp.AMQPError, *own_types)


def _transport_of(connection: Any) -> Transport:
    return _TRANSPORTS.get(connection.transport.driver_type, _OTHER)


def _load(name: str) -> Any:
    module, _, attribute = name.partition(".")
    return getattr(import_module(f"{__package__}.{module}"), attribute)
