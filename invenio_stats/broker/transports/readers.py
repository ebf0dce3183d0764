"""Open the reader for the transport of a queue; this is the only place that chooses one."""

from collections.abc import Iterator
from contextlib import contextmanager

from invenio_queues.queue import Queue

from invenio_stats.broker.transports.amqp_consumer import AmqpReader
from invenio_stats.broker.transports.channels import open_channel
from invenio_stats.broker.transports.reader import Reader
from invenio_stats.broker.transports.redis import RedisReader

_READERS: dict[str, type[Reader]] = {"amqp": AmqpReader, "redis": RedisReader}
"""Reader classes by kombu's driver type; for any other transport it is `Reader`."""


@contextmanager
def open_reader(queue: Queue) -> Iterator[Reader]:
    """Open a reader over a new channel; raises the transport's errors if that fails."""
    with open_channel(queue) as channel:
        driver = channel.connection.client.transport.driver_type
        yield _READERS.get(driver, Reader)(channel)
