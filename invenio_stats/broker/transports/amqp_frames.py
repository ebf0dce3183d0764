"""Encode a batch of messages as AMQP 0-9-1 frames in one piece.

py-amqp encodes and sends every message separately, and checks the socket before each, which takes six times as long.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from struct import pack
from typing import Any

import amqp
from amqp.serialization import dumps

from invenio_stats.broker.transports.outgoing import Outgoing

METHOD, HEADER, BODY = 1, 2, 3
BASIC, _PUBLISH = 60, 40
_MANDATORY = 1
_FRAME_OVERHEAD_BYTES = 8
"""Bytes of a frame in addition to its content."""

_READ_BYTES = 65_536
"""Bytes requested from the socket in one call; py-amqp reads each frame in three calls."""

# One bit for each of the properties that follow: content type and encoding, headers, delivery mode, message id.
_PROPERTY_FLAGS = pack(">H", 0x8000 | 0x4000 | 0x2000 | 0x1000 | 0x0080)
_PERSISTENT = b"\x02"


def build_publish_frames(channel: int, exchange: str, messages: Sequence[Outgoing], frame_max: int) -> bytes:
    """Return the frames that publish messages: JSON, persistent, and returned by the broker if no queue takes them.

    :param frame_max: maximum bytes in a frame, as negotiated with the broker.
    """
    return b"".join(part for message in messages for part in _frames(channel, exchange, message, frame_max))


def message_id_of(properties: bytes) -> str | None:
    """Return the id of a message from its encoded properties; None unless they are written as in this module."""
    try:
        return (
            properties[len(_DEFAULT_PROPERTIES) + 1 :].decode() if properties.startswith(_DEFAULT_PROPERTIES) else None
        )
    except UnicodeDecodeError:
        return None


@contextmanager
def read_ahead(transport: Any) -> Iterator[bool]:
    """Let the transport read all available bytes into its own buffer; yields False if it has no such buffer."""
    if not isinstance(transport, amqp.transport.TCPTransport):
        yield False
        return
    receive = transport._quick_recv
    transport._quick_recv = lambda size: receive(max(size, _READ_BYTES))
    try:
        yield True
    finally:
        transport._quick_recv = receive


def _frames(channel: int, exchange: str, message: Outgoing, frame_max: int) -> Iterator[bytes]:
    body = message.body.encode()
    properties = (_encode_properties(message.headers) if message.headers else _DEFAULT_PROPERTIES) + _short_string(
        message.message_id
    )
    yield _publish_method(channel, exchange, message.queue)
    yield _frame(HEADER, channel, pack(">HHQ", BASIC, 0, len(body)) + properties)
    max_body = frame_max - _FRAME_OVERHEAD_BYTES
    for start in range(0, len(body), max_body):
        yield _frame(BODY, channel, body[start : start + max_body])


@lru_cache(maxsize=256)
def _publish_method(channel: int, exchange: str, queue: str) -> bytes:
    arguments = b"".join((b"\x00\x00", _short_string(exchange), _short_string(queue), bytes([_MANDATORY])))
    return _frame(METHOD, channel, pack(">HH", BASIC, _PUBLISH) + arguments)


def _encode_properties(headers: Mapping[str, Any]) -> bytes:
    return b"".join(
        (
            _PROPERTY_FLAGS,
            _short_string("application/json"),
            _short_string("utf-8"),
            dumps("F", [dict(headers)]),
            _PERSISTENT,
        )
    )


def _short_string(text: str) -> bytes:
    written = text.encode()
    return bytes([len(written)]) + written


def _frame(kind: int, channel: int, content: bytes) -> bytes:
    return b"".join((pack(">BHI", kind, channel, len(content)), content, b"\xce"))


_DEFAULT_PROPERTIES = _encode_properties({})
