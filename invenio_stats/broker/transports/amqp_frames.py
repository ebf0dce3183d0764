"""Frames: a batch of messages as AMQP 0-9-1 puts it on the wire, made in one piece.

py-amqp makes and sends every message by itself, and looks at the socket before each: a batch takes six times as long.
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
_AROUND = 8
"""Bytes that a frame takes beside what is in it."""

_BYTES_AT_ONCE = 65_536
"""Bytes that are read at once; py-amqp reads each frame in three pieces."""

# The properties that follow, one bit each: content type and encoding, headers, delivery mode, message id.
_PROPERTIES = pack(">H", 0x8000 | 0x4000 | 0x2000 | 0x1000 | 0x0080)
_PERSISTENT = b"\x02"


def publishing(channel: int, exchange: str, messages: Sequence[Outgoing], most: int) -> bytes:
    """Return the frames that publish messages: JSON, persistent, and returned where no queue takes them.

    :param most: bytes that a frame may take, as broker and client have agreed.
    """
    return b"".join(part for one in messages for part in _frames(channel, exchange, one, most))


def message_id_of(properties: bytes) -> str | None:
    """Return the id of a message from its properties as they are on the wire; None unless they are as we write them."""
    try:
        return properties[len(_PLAIN) + 1 :].decode() if properties.startswith(_PLAIN) else None
    except UnicodeDecodeError:
        return None


@contextmanager
def reading_ahead(transport: Any) -> Iterator[bool]:
    """Have the transport read as much as there is into its own buffer; give whether that can be done."""
    if not isinstance(transport, amqp.transport.TCPTransport):
        yield False
        return
    receive = transport._quick_recv
    transport._quick_recv = lambda size: receive(max(size, _BYTES_AT_ONCE))
    try:
        yield True
    finally:
        transport._quick_recv = receive


def _frames(channel: int, exchange: str, message: Outgoing, most: int) -> Iterator[bytes]:
    body = message.body.encode()
    properties = (_with_headers(message.headers) if message.headers else _PLAIN) + _short(message.message_id)
    yield _method(channel, exchange, message.queue)
    yield _frame(HEADER, channel, pack(">HHQ", BASIC, 0, len(body)) + properties)
    room = most - _AROUND
    for start in range(0, len(body), room):
        yield _frame(BODY, channel, body[start : start + room])


@lru_cache(maxsize=256)
def _method(channel: int, exchange: str, queue: str) -> bytes:
    where = b"".join((b"\x00\x00", _short(exchange), _short(queue), bytes([_MANDATORY])))
    return _frame(METHOD, channel, pack(">HH", BASIC, _PUBLISH) + where)


def _with_headers(headers: Mapping[str, Any]) -> bytes:
    return b"".join(
        (_PROPERTIES, _short("application/json"), _short("utf-8"), dumps("F", [dict(headers)]), _PERSISTENT)
    )


def _short(text: str) -> bytes:
    written = text.encode()
    return bytes([len(written)]) + written


def _frame(kind: int, channel: int, content: bytes) -> bytes:
    return b"".join((pack(">BHI", kind, channel, len(content)), content, b"\xce"))


_PLAIN = _with_headers({})
