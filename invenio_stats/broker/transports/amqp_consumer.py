"""Deliveries: the messages that a broker pushes, read as they come off the wire.

A worker wants of each its body and id. py-amqp and kombu look at everything else too, which takes twice as long as all
that is done with the event afterwards; here that is done where somebody asks.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from struct import Struct
from typing import Any

import amqp
from amqp.exceptions import UnexpectedFrame
from amqp.serialization import PROPERTY_CLASSES
from kombu.serialization import loads

from invenio_stats.broker.transports.amqp_frames import BASIC, BODY, HEADER, METHOD, message_id_of, reading_ahead
from invenio_stats.broker.transports.reader import Reader, get_each

_PATIENCE = 0.5
"""Seconds that are waited for a message which the broker has said to have."""
_DELIVER = 60
_SIGNATURE = Struct(">HH")
_TAG = Struct(">Q")
_SIZE = Struct(">4xQ")
_HEAD = 12
"""Bytes of a header before the properties."""
_FRAME = Struct(">BHI")
_END = 0xCE


class AmqpReader(Reader):
    """Reads queues of an AMQP broker, which pushes messages and keeps those that are not acknowledged."""

    returns_on_close = True

    def receive(self, name: str, most: int) -> Iterator[Any]:
        """Have the broker push a batch: a hundred times fewer round trips than getting one by one.

        No more is asked for than is waited for, so nothing is in flight when the consumer is cancelled.
        """
        bound = self.queue(name)
        expected = min(bound.queue_declare(passive=True).message_count, most)
        if not expected:
            return get_each(bound, most)
        deliveries = Deliveries(self.channel)
        self.channel.basic_qos(0, expected, False)
        consumer = self.channel.basic_consume(name, callback=deliveries.take)
        deliveries.wait_for(expected, _PATIENCE)  # they may be fewer: another worker was quicker
        self.channel.basic_cancel(consumer)
        # The broker counts before it is done with what has just been published: the rest is asked for one by one.
        return chain(deliveries.arrived, get_each(bound, most - len(deliveries.arrived)))

    def acknowledge_oldest(self, messages: Sequence[Any]) -> None:
        """Acknowledge messages with one of AMQP's, which says that all before it are done with too."""
        if messages:
            messages[-1].ack(multiple=True)


class Delivery:
    """One message, with what kombu's have of it that is used here."""

    __slots__ = ("_channel", "_properties", "_tag", "body", "is_ours", "message_id")

    def __init__(self, channel: amqp.Channel, tag: int, properties: bytes, body: bytes):
        """Hold what has come, undecoded."""
        self._channel, self._tag, self._properties = channel, tag, properties
        self.body = body
        self.message_id = message_id_of(properties)
        self.is_ours = self.message_id is not None
        """Whether it is a message as we write them: JSON, without headers."""

    @property
    def properties(self) -> dict[str, Any]:
        """All properties."""
        found: dict[str, Any] = PROPERTY_CLASSES[BASIC](self._properties, 0)[0]
        return found

    @property
    def headers(self) -> Any:
        """The headers, as kombu's messages have them."""
        return self.properties.get("application_headers")

    @property
    def payload(self) -> Any:
        """The body as it was published, whatever its content type."""
        properties = self.properties
        return loads(self.body, properties.get("content_type"), properties.get("content_encoding"))

    def ack(self, multiple: bool = False) -> None:
        """Tell the broker that it is done with, and with `multiple` all before it."""
        self._channel.basic_ack(self._tag, multiple=multiple)

    def requeue(self) -> None:
        """Give it back."""
        self._channel.basic_reject(self._tag, requeue=True)


class Deliveries:
    """What comes on one channel after a consumer was registered."""

    def __init__(self, channel: amqp.Channel):
        """Listen on a channel."""
        self.arrived: list[Delivery] = []
        self._channel = channel
        self._tag: int | None = None
        """Of the message that is coming; None between two."""
        self._properties, self._missing = b"", 0
        self._parts: list[bytes] = []

    def take(self, message: amqp.Message) -> None:
        """Take a message that py-amqp has read, waiting for something else."""
        self.arrived.append(
            Delivery(self._channel, message.delivery_tag, message._serialize_properties(), message.body)
        )

    def wait_for(self, count: int, seconds: float) -> None:
        """Read until so many have arrived, or nothing has come for some seconds."""
        connection, number = self._channel.connection, self._channel.channel_id
        transport = connection.transport
        with transport.having_timeout(seconds), reading_ahead(transport) as is_buffered:
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
        """Take the frames of messages that a buffer begins with; return how many bytes they are.

        The first that is not whole, or anything else, is left to py-amqp.
        """
        offset, end = 0, len(buffer)
        while end - offset > _FRAME.size:
            kind, channel, size = _FRAME.unpack_from(buffer, offset)
            start = offset + _FRAME.size
            stop = start + size
            if stop >= end or channel != number or buffer[stop] != _END or not self._is_part(kind, buffer[start:stop]):
                break
            offset = stop + 1
        return offset

    def _is_part(self, kind: int, content: bytes) -> bool:
        """Take one frame; return whether it is of a message."""
        if kind == METHOD:
            if _SIGNATURE.unpack_from(content) != (BASIC, _DELIVER):
                return False
            (self._tag,) = _TAG.unpack_from(content, 5 + content[4])  # behind the consumer's tag
            return True
        if self._tag is None:
            return False
        if kind == HEADER:
            (self._missing,) = _SIZE.unpack_from(content)
            self._properties, self._parts = content[_HEAD:], []
        elif kind == BODY:
            self._parts.append(content)
            self._missing -= len(content)
        else:
            raise UnexpectedFrame(f"A frame of type {kind} came in the middle of a message.")
        if self._missing <= 0:
            self.arrived.append(Delivery(self._channel, self._tag, self._properties, b"".join(self._parts)))
            self._tag = None
        return True
