"""Publish a batch of messages over AMQP with publisher confirms, in one round trip.

A confirm alone does not tell that no queue took a message; with `mandatory` the broker returns such a message.
"""

import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from struct import Struct, pack
from struct import error as StructError
from typing import Any

import amqp
from amqp.exceptions import RecoverableConnectionError
from kombu import Connection, Exchange
from kombu import Queue as KombuQueue

from invenio_stats.broker.transports.amqp_frames import BASIC, METHOD, build_publish_frames, read_ahead
from invenio_stats.broker.transports.channels import bind_existing, drop
from invenio_stats.broker.transports.outgoing import MessageRefusedError, Outgoing, Unconfirmed, split_into_parts

_SECONDS_PER_MESSAGE = 0.001
_REFUSALS = (amqp.PreconditionFailed, amqp.FrameSyntaxError, amqp.ContentTooLarge)
"""What a broker answers to a message, 406 (it is too large), 501 or 311; of a declaration 406 says something else."""
_ACK = pack(">HH", BASIC, 80)
_TAG_AND_MULTIPLE = Struct(">Q?")

_channels: "weakref.WeakKeyDictionary[Any, _ConfirmChannel]" = weakref.WeakKeyDictionary()


def publish(
    connection: Connection, model: Connection, exchange: Exchange | None, messages: Sequence[Outgoing], deadline: float
) -> None:
    """Publish messages and return when the broker has confirmed all of them; see `drivers.deliver`."""
    was_connected = connection.connected
    try:
        _send(connection, exchange, messages, deadline)
    except MessageRefusedError:
        drop(connection)  # the broker has closed it, or the channel; a reopened channel would not be in confirm mode
        raise
    except (*connection.connection_errors, amqp.AMQPError) as error:
        drop(connection)
        if not was_connected or isinstance(error, TimeoutError):
            raise
        _send(connection, exchange, messages, deadline)  # the broker had closed the pooled connection


def _send(connection: Any, exchange: Exchange | None, messages: Sequence[Outgoing], deadline: float) -> None:
    channel = _channel(connection, deadline)
    try:
        returned = channel.publish(exchange, messages, deadline)
    except _REFUSALS as error:
        raise MessageRefusedError(error) from error
    except amqp.NotFound:
        # The exchange does not exist, so the broker has closed the channel. If it were reopened, it would not be in
        # confirm mode: replace it, and declare the exchange with the queue below.
        _channels.pop(connection.connection, None)
        channel = _channel(connection, deadline)
        returned = {message.message_id for message in messages}
    if returned:
        deadline += _SECONDS_PER_MESSAGE * len(messages)
        channel = _declare(connection, channel, exchange, messages[0].queue, deadline)
        try:
            is_refused = channel.publish(
                exchange, [message for message in messages if message.message_id in returned], deadline
            )
        except _REFUSALS as error:
            raise MessageRefusedError(error) from error
        if is_refused:
            raise Unconfirmed(f"The broker has no queue {messages[0].queue!r}, though it was declared.")


def _channel(connection: Any, deadline: float) -> "_ConfirmChannel":
    """Return the channel that is kept for a connection; connects and opens a channel if necessary."""
    if not connection.connected:
        before, connection.connect_timeout = connection.connect_timeout, max(0.05, deadline - time.monotonic())
        try:
            connection.ensure_connection(max_retries=0)
        finally:
            connection.connect_timeout = before
    kept = _channels.get(connection.connection)
    if kept is None or not kept.amqp.is_open:
        with _time_limit(connection.connection, deadline):
            kept = _channels[connection.connection] = _ConfirmChannel(connection.connection)
    return kept


@contextmanager
def _time_limit(connection: Any, deadline: float) -> Iterator[None]:
    """Set a time-out for calls that have none of their own: opening a channel, declaring a queue."""
    sock = connection.transport.sock
    before = sock.gettimeout()
    sock.settimeout(max(0.05, deadline - time.monotonic()))
    try:
        yield
    finally:
        if connection.connected:
            sock.settimeout(before)


def _seconds_left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())


class _ConfirmChannel:
    """A channel in confirm mode, used by one thread at a time."""

    def __init__(self, connection: Any):
        self.amqp = connection.channel()
        self.amqp.confirm_select()
        self.amqp.events["basic_ack"].add(self._on_ack)
        self.amqp.events["basic_nack"].add(self._on_nack)
        self.amqp.events["basic_return"].add(self._on_return)
        self._last_tag = 0
        self._unconfirmed: set[int] = set()
        self._refused = 0
        self._returned: set[str] = set()

    def publish(self, exchange: Exchange | None, messages: Sequence[Outgoing], deadline: float) -> set[str]:
        """Send all messages, then wait for all confirms; return the ids of messages that no queue took."""
        self._unconfirmed, self._refused, self._returned = set(), 0, set()
        connection = self.amqp.connection
        if connection is None:
            raise RecoverableConnectionError("The channel was closed meanwhile.")
        transport, name = connection.transport, exchange.name if exchange is not None else ""
        with transport.having_timeout(_seconds_left(deadline)) as sock, read_ahead(transport):
            for part in split_into_parts(messages):
                frames = _written(self.amqp.channel_id, name, part, connection.frame_max)  # first: it may fail
                first, self._last_tag = self._last_tag + 1, self._last_tag + len(part)
                self._unconfirmed.update(range(first, self._last_tag + 1))
                deadline += _SECONDS_PER_MESSAGE * len(part)
                transport.write(frames)
            sock.settimeout(_seconds_left(deadline))
            while self._unconfirmed:
                self._handle_frame(transport.read_frame())
                if self._unconfirmed:
                    sock.settimeout(_seconds_left(deadline))
        if self._refused:
            raise Unconfirmed(f"The broker rejected {self._refused} of {len(messages)} messages.")
        return self._returned

    def _handle_frame(self, frame: tuple[int, int, bytes]) -> None:
        """Process a frame: a confirm is decoded here, which is faster; py-amqp processes all others."""
        kind, channel, content = frame
        if kind == METHOD and channel == self.amqp.channel_id and content[:4] == _ACK:
            self._mark_confirmed(*_TAG_AND_MULTIPLE.unpack_from(content, 4))
        else:
            self.amqp.connection.on_inbound_frame(frame)

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:
        self._mark_confirmed(delivery_tag, multiple)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:
        self._refused += self._mark_confirmed(delivery_tag, multiple)

    def _mark_confirmed(self, delivery_tag: int, multiple: bool) -> int:
        confirmed = (
            {tag for tag in self._unconfirmed if tag <= delivery_tag}
            if multiple
            else self._unconfirmed & {delivery_tag}
        )
        self._unconfirmed -= confirmed
        return len(confirmed)

    def _on_return(self, error: Any, exchange: str, routing_key: str, message: Any) -> None:
        self._returned.add(message.properties.get("message_id", ""))


def _written(channel: int, exchange: str, part: Sequence[Outgoing], frame_max: int) -> bytes:
    try:
        return build_publish_frames(channel, exchange, part, frame_max)
    except (ValueError, StructError) as error:  # an id of more than 255 bytes, or one that is no text
        raise MessageRefusedError(error) from error


def _declare(
    connection: Any, channel: "_ConfirmChannel", exchange: Exchange | None, name: str, deadline: float
) -> "_ConfirmChannel":
    """Declare a queue and its exchange; return the channel to go on with. A queue with other properties stays so."""
    try:
        with _time_limit(connection.connection, deadline):
            KombuQueue(name, exchange=exchange, routing_key=name, channel=channel.amqp).declare()
    except amqp.PreconditionFailed:  # which has closed the channel
        _channels.pop(connection.connection, None)
        channel = _channel(connection, deadline)
        with _time_limit(connection.connection, deadline):
            bind_existing(channel.amqp, exchange, name)
    return channel
