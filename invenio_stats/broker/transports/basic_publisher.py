"""Publish over any transport of kombu, message by message; transports with a faster way have their own publisher."""

from collections.abc import Sequence
from typing import Any

from kombu import Connection, Exchange, Producer
from kombu import Queue as KombuQueue

from invenio_stats.broker.transports.outgoing import MessageRefusedError, Outgoing


def publish(
    connection: Connection, model: Connection, exchange: Exchange | None, messages: Sequence[Outgoing], deadline: float
) -> None:
    """Publish messages one by one, each with its declaration, which is remembered for a connection only.

    Raises the transport's errors. The transports have no common time-out, so `deadline` is not checked.
    """
    connection.ensure_connection(max_retries=0)
    with connection.channel() as channel:
        producer = Producer(channel, exchange=exchange)
        name = messages[0].queue
        declaration = KombuQueue(name, exchange=exchange or Exchange(""), routing_key=name)
        try:
            for message in messages:
                producer.publish(message.body, declare=[declaration], **publish_options(message))
        except ValueError as error:
            raise MessageRefusedError(error) from error


def publish_options(message: Outgoing) -> dict[str, Any]:
    """Return the arguments with which kombu publishes the body of a message."""
    return {
        "routing_key": message.queue,
        "message_id": message.message_id,
        "headers": dict(message.headers),
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "delivery_mode": "persistent",
    }
