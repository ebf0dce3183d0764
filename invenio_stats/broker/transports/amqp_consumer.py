"""Read the messages that an AMQP broker pushes, directly from their frames.

A worker needs only body and id of each message. py-amqp and kombu decode everything else, too, which takes twice as
long as all further processing of the event; here other properties are decoded only on demand.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from struct import Struct
from typing import Any

import amqp
from amqp.exceptions import UnexpectedFrame
from amqp.serialization import PROPERTY_CLASSES
from kombu.serialization import loads

from invenio_stats.broker.transports import amqp_redelivery
from invenio_stats.broker.transports.amqp_frames import BASIC, BODY, HEADER, METHOD, message_id_of, read_ahead
from invenio_stats.broker.transports.basic_reader import Reader

_WAIT_SECONDS = 0.5
"""Time-out for a message that the broker has counted."""
_BASIC_DELIVER = 60
_METHOD_IDS = Struct(">HH")
_DELIVERY_TAG = Struct(">Q")
_BODY_SIZE = Struct(">4xQ")
_HEADER_BYTES = 12
"""Bytes of a header frame before the properties."""
_FRAME_HEADER = Struct(">BHI")
_FRAME_END = 0xCE


class AmqpReader(Reader):
    """Reads queues of an AMQP broker, which pushes messages and keeps them until they are acknowledged."""

    returns_on_close = True

    def receive(self, name: str, limit: int) -> Iterator[Any]:
        """Let the broker push a batch, with a hundred times fewer round trips than `get` for each message.

        The prefetch count is the number of messages waited for, so none is in flight when the consumer is cancelled.
        """
        bound = self.queue(name)
        expected = min(bound.queue_declare(passive=True).message_count, limit)
        if not expected:
            return self.get(name, limit)
        deliveries = Deliveries(self.channel)
        self.channel.basic_qos(0, expected, False)
        consumer = self.channel.basic_consume(name, callback=deliveries.take)
        deliveries.wait_for(expected, _WAIT_SECONDS)  # may be fewer, if another worker took some
        self.channel.basic_cancel(consumer)
        arrived = self._without_worn(name, deliveries.arrived)
        # The count may leave out messages that were published a moment ago: get these one by one.
        return chain(arrived, self.get(name, limit - len(arrived)))

    def get(self, name: str, limit: int) -> Iterator[Any]:
        """Yield at most `limit` messages, each fetched when it is needed; copies of worn ones come at the end."""
        bound = self.queue(name)
        while limit > 0:
            if (message := bound.get(no_ack=False)) is None:
                return
            if self._without_worn(name, [message]):
                yield message
                limit -= 1

    def _without_worn(self, name: str, messages: list[Any]) -> list[Any]:
        """Return the messages without those that the broker may soon drop: their copies are on the queue."""
        worn = [message for message in messages if not _is_plain(message) and amqp_redelivery.is_worn(message)]
        if not worn:
            return messages
        replaced = set(map(id, amqp_redelivery.replace(self.channel, name, worn)))
        return [message for message in messages if id(message) not in replaced]

    def acknowledge_oldest(self, messages: Sequence[Any]) -> None:
        """Acknowledge messages with a single request, which covers all messages before the last one."""
        if messages:
            messages[-1].ack(multiple=True)


def _is_plain(message: Any) -> bool:
    return isinstance(message, Delivery) and message.is_plain_json


class Delivery:
    """One message, with those attributes of kombu's messages that are used here."""

    __slots__ = ("_channel", "_properties", "_tag", "body", "is_plain_json", "message_id")

    def __init__(self, channel: amqp.Channel, tag: int, properties: bytes, body: bytes):
        """Keep the parts of the message, without decoding them."""
        self._channel, self._tag, self._properties = channel, tag, properties
        self.body = body
        self.message_id = message_id_of(properties)
        self.is_plain_json = self.message_id is not None
        """Whether it is written as in `amqp_frames`: JSON, without headers."""

    @property
    def properties(self) -> dict[str, Any]:
        """All properties, decoded at each call."""
        properties: dict[str, Any] = PROPERTY_CLASSES[BASIC](self._properties, 0)[0]
        return properties

    @property
    def headers(self) -> Any:
        """The headers, as kombu's messages have them."""
        return self.properties.get("application_headers")

    @property
    def payload(self) -> Any:
        """The body, decoded by its content type."""
        properties = self.properties
        return loads(self.body, properties.get("content_type"), properties.get("content_encoding"))

    def ack(self, multiple: bool = False) -> None:
        """Acknowledge the message, and with `multiple` all messages before it."""
        self._channel.basic_ack(self._tag, multiple=multiple)

    def requeue(self) -> None:
        """Return the message to the queue."""
        self._channel.basic_reject(self._tag, requeue=True)


class Deliveries:
    """Collects the messages that arrive on one channel after a consumer was registered."""

    def __init__(self, channel: amqp.Channel):
        """Collect from a channel."""
        self.arrived: list[Delivery] = []
        self._channel = channel
        self._tag: int | None = None
        """Delivery tag of the message that is being read; None between two messages."""
        self._properties, self._missing = b"", 0
        self._parts: list[bytes] = []

    def take(self, message: amqp.Message) -> None:
        """Add a message that py-amqp has read while it was waiting for another frame."""
        self.arrived.append(
            Delivery(self._channel, message.delivery_tag, message._serialize_properties(), message.body)
        )

    def wait_for(self, count: int, seconds: float) -> None:
        """Read until `count` messages have arrived, or no frame has arrived for `seconds`."""
        connection, number = self._channel.connection, self._channel.channel_id
        transport = connection.transport
        with transport.having_timeout(seconds), read_ahead(transport) as is_buffered:
            while len(self.arrived) < count:
                try:
                    frame = transport.read_frame()
                except TimeoutError:
                    if self._tag is None:
                        return
                    raise
                if frame[1] != number or not self._is_part(frame[0], frame[2]):
                    connection.on_inbound_frame(frame)
                elif is_buffered:
                    taken = self._take_frames(transport._read_buffer, number)
                    transport._read_buffer = transport._read_buffer[taken:]

    def _take_frames(self, buffer: bytes, number: int) -> int:
        """Read the message frames at the start of a buffer; return their length in bytes.

        It stops at the first incomplete or other frame, which py-amqp reads.
        """
        offset, end = 0, len(buffer)
        while end - offset > _FRAME_HEADER.size:
            kind, channel, size = _FRAME_HEADER.unpack_from(buffer, offset)
            start = offset + _FRAME_HEADER.size
            stop = start + size
            if (
                stop >= end
                or channel != number
                or buffer[stop] != _FRAME_END
                or not self._is_part(kind, buffer[start:stop])
            ):
                break
            offset = stop + 1
        return offset

    def _is_part(self, kind: int, content: bytes) -> bool:
        """Read one frame; return False if it does not belong to a message."""
        if kind == METHOD:
            if _METHOD_IDS.unpack_from(content) != (BASIC, _BASIC_DELIVER):
                return False
            (self._tag,) = _DELIVERY_TAG.unpack_from(content, 5 + content[4])  # after the consumer tag
            return True
        if self._tag is None:
            return False
        if kind == HEADER:
            (self._missing,) = _BODY_SIZE.unpack_from(content)
            self._properties, self._parts = content[_HEADER_BYTES:], []
        elif kind == BODY:
            self._parts.append(content)
            self._missing -= len(content)
        else:
            raise UnexpectedFrame(f"A frame of type {kind} arrived in the middle of a message.")
        if self._missing <= 0:
            self.arrived.append(Delivery(self._channel, self._tag, self._properties, b"".join(self._parts)))
            self._tag = None
        return True
