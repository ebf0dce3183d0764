"""Pack events into messages, and unpack the events of a message."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import orjson
from kombu.exceptions import EncodeError
from kombu.utils.json import JSONEncoder

from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core.events import Event, IdentifiedEvent, short_id, with_id

_ENCODER = JSONEncoder()
"""Kombu's encoder; its serializer creates a new one for every message."""

_SCALARS = frozenset((str, int, bool, type(None)))
_SCALARS_OR_LIST = _SCALARS | {list}

MAX_SINGLE_MESSAGES = 10
"""Up to this many events published together get a message each, as other programs that read a queue expect it."""

EVENTS_PER_MESSAGE = 25
"""Events in one message if more are published together. A message costs the broker as much as all other processing of
an event before it is stored. With twenty-five events in a message, only a twenty-fifth of that cost is left; and two
thousand such messages, which a worker may receive before it knows how many events they have, are about 20 MB."""

SMALL_NUMBERS = "\t\n"
"""Blanks after the text of a message that orjson has written: its whole numbers have at most 64 bits, so its reader
need not look for longer ones."""


class Batch(Sequence[Outgoing]):
    """The messages for some events, encoded when they are read, so that sending and encoding overlap.

    An event of which none can be made is left out; `error` is the first reason.
    """

    def __init__(self, queue: str, prepare: Callable[[IdentifiedEvent], IdentifiedEvent], events: Iterable[Event]):
        """Create messages for a queue from the events that `prepare` returns."""
        self.error: Exception | None = None
        all_events = list(events)
        self._queue, self._prepare, self._remaining = queue, prepare, iter(all_events)
        self._size = EVENTS_PER_MESSAGE if len(all_events) > MAX_SINGLE_MESSAGES else 1
        self._messages: list[Outgoing] = []

    def __getitem__(self, index: Any) -> Any:
        """Return one message or a slice; no message is encoded twice, or before it is needed."""
        self._make_until(index.stop if isinstance(index, slice) else index + 1)
        return self._messages[index]

    def __len__(self) -> int:
        """Return the number of messages; this encodes all of them."""
        self._make_until(sys.maxsize)
        return len(self._messages)

    def _make_until(self, stop: int) -> None:
        while len(self._messages) < stop and (part := list(islice(self._remaining, self._size))):
            written = [event for event in map(self._write, part) if event is not None]
            if not written:
                continue
            texts = [event.text for event in written]
            body = texts[0] if self._size == 1 else f"[{','.join(texts)}]"
            if all(event.by_orjson for event in written):
                body += SMALL_NUMBERS
            self._messages.append(Outgoing(self._queue, written[0].event_id, body, events=len(written)))

    def _write(self, event: Event) -> "_Written | None":
        """Return an event as it is in a message; None, noted in `error`, if it cannot be in one."""
        try:
            ready = self._prepare(with_id(event))
            event_id = short_id(ready.event_id)
            return _Written(event_id, *_json(ready if self._size == 1 else [event_id, ready], ready))
        except Exception as error:  # of whatever kind: it must not pass for one of the broker's, nor stop the others
            self.error = self.error or error
            return None


class _Written(NamedTuple):
    """One event in a message."""

    event_id: str
    text: str
    """The event as JSON, or in a shared message the pair of its id and it."""
    by_orjson: bool


def events_in(content: Any) -> list[Any]:
    """Return the events in a decoded message body: several events, or a list with the body itself."""
    return unpack_events(content) or [content]


def unpack_events(content: Any) -> list[IdentifiedEvent] | None:
    """Return the events in the decoded body of a message with several events; None for any other body."""
    if not isinstance(content, list) or not content or not all(map(_is_pair, content)):
        return None
    return [IdentifiedEvent(fields, event_id) for event_id, fields in content]


def split(message: Outgoing) -> list[Outgoing]:
    """Return a message for each event of one that has several; the message itself if it has one, or none at all."""
    events = unpack_events(json.loads(message.body)) if message.events > 1 else None
    if events is None:
        return [message]
    headers = message.headers
    return [Outgoing(message.queue, short_id(event.event_id), _ENCODER.encode(event), headers) for event in events]


def _is_pair(part: Any) -> bool:
    return isinstance(part, list) and len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], dict)


def _json(content: Any, event: Event) -> tuple[str, bool]:
    """Return an event, or the pair of its id and it, as kombu writes it, and whether orjson has written it.

    EncodeError if it is not JSON.
    """
    if _has_plain_values(event):
        with suppress(TypeError):  # unpaired surrogates, integers of more than 64 bits
            return orjson.dumps(content).decode(), True
    try:
        return _ENCODER.encode(content), False
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(str(error)) from error


def _has_plain_values(event: Event) -> bool:
    """Return True if all values of an event are JSON types, so that kombu would not add type information."""
    values = event.values()
    kinds = set(map(type, values))
    return kinds <= _SCALARS or (
        kinds <= _SCALARS_OR_LIST and all(set(map(type, value)) <= _SCALARS for value in values if type(value) is list)
    )
