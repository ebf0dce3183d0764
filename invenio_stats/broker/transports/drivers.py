"""Choose the reader and the publisher for the transport of a queue; no other module chooses one."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import amqp
from invenio_queues.queue import Queue
from kombu import Connection, Exchange
from kombu.exceptions import LimitExceeded, OperationalError

from invenio_stats.broker.transports import amqp_publisher, basic_publisher, redis
from invenio_stats.broker.transports.amqp_consumer import AmqpReader
from invenio_stats.broker.transports.basic_reader import Reader
from invenio_stats.broker.transports.channels import borrow_connection, open_channel
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.broker.transports.redis import RedisReader

Publisher = Callable[[Connection, Connection, Exchange | None, Sequence[Outgoing], float], None]
"""Publishes messages: `(connection, model, exchange, messages, deadline)`.

`connection` is borrowed from a pool, which created it from `model`; `deadline` is a time of `time.monotonic`.
"""

_READERS: dict[str, type[Reader]] = {"amqp": AmqpReader, "redis": RedisReader}
"""Reader classes by kombu's driver type; for any other transport it is `Reader`."""
_PUBLISHERS: dict[str, Publisher] = {"amqp": amqp_publisher.publish, "redis": redis.publish}
"""Publishers by kombu's driver type; for any other transport it is that of `basic_publisher`."""

_TIMEOUT_SECONDS = 0.4
"""Time that a request waits for the broker, including the connection; a hundred times as long as a broker needs."""


@contextmanager
def open_reader(queue: Queue) -> Iterator[Reader]:
    """Open a reader over a new channel; raises the transport's errors if that fails."""
    with open_channel(queue) as channel:
        driver = channel.connection.client.transport.driver_type
        yield _READERS.get(driver, Reader)(channel)


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
        publish = _PUBLISHERS.get(connection.transport.driver_type, basic_publisher.publish)
        publish(connection, pool.connection, exchange, messages, deadline)


def failure_types(connection: Any = None) -> tuple[type[BaseException], ...]:
    """Return the exceptions that a failure of the broker may raise, for all transports and that of a connection."""
    own_types = (*connection.connection_errors, *connection.channel_errors) if connection is not None else ()
    return (OSError, EOFError, OperationalError, LimitExceeded, amqp.AMQPError, *own_types)
