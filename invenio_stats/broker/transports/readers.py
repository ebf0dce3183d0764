"""Open a reader of the kind that fits a queue's transport: here, and nowhere else, it is chosen."""

from collections.abc import Iterator
from contextlib import contextmanager

from invenio_queues.queue import Queue

from invenio_stats.broker.transports.amqp_consumer import AmqpReader
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.reader import Reader
from invenio_stats.broker.transports.redis import RedisReader

_READERS: dict[str, type[Reader]] = {"amqp": AmqpReader, "redis": RedisReader}
"""By the driver that kombu names; every other transport is read with what kombu can do everywhere."""


@contextmanager
def open_reader(queue: Queue) -> Iterator[Reader]:
    """Give a reader over a channel of its own; raises what the transport raises when there is none to be had."""
    with open_channel(queue) as channel:
        driver = channel.connection.client.transport.driver_type
        yield _READERS.get(driver, Reader)(channel)
