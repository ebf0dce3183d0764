"""Pack events into messages, and unpack them."""

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

import orjson
from kombu.exceptions import EncodeError
from kombu.utils.json import JSONEncoder

from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core.events import Event, IdentifiedEvent, with_id

_ENCODER = JSONEncoder()
"""Kombu's, as its serializer makes one for every message."""

_PLAIN = frozenset((str, int, bool, type(None)))
_PLAIN_OR_LIST = _PLAIN | {list}

MAX_SINGLE_MESSAGES = 10
"""So many events, published at once, still have a message each, as other programs that read a queue expect it."""

EVENTS_PER_MESSAGE = 25
"""Events in one message where more are published at once. A message costs the broker as much as all else that is done
with an event before it is stored; of twenty-five events there is a twenty-fifth of that left to save, and two thousand
such messages, which a worker may be sent before it knows what they are, are some 20 MB."""

SMALL_NUMBERS = "\t\n"
"""Blanks after the text of a message that orjson has written: its whole numbers have at most 64 bits, so its reader
need not look for longer ones."""


class Batch(Sequence[Outgoing]):
    """The messages of events, which are made when they are asked for: the broker takes the first meanwhile.

    An event of which none can be made is left out; `error` is the first reason.
    """

    def __init__(self, queue: str, prepare: Callable[[IdentifiedEvent], IdentifiedEvent], events: Iterable[Event]):
        """Make messages for a queue of the events as `prepare` returns them."""
        self.error: Exception | None = None
        given = list(events)
        self._queue, self._prepare, self._waiting = queue, prepare, iter(given)
        self._size = EVENTS_PER_MESSAGE if len(given) > MAX_SINGLE_MESSAGES else 1
        self._made: list[Outgoing] = []

    def __getitem__(self, where: Any) -> Any:
        """Return one message or a slice; none is made twice, and none that comes after."""
        self._make_until(where.stop if isinstance(where, slice) else where + 1)
        return self._made[where]

    def __len__(self) -> int:
        """Return how many there are; they are all made then."""
        self._make_until(sys.maxsize)
        return len(self._made)

    def _make_until(self, stop: int) -> None:
        while len(self._made) < stop and (part := list(islice(self._waiting, self._size))):
            written = [one for one in map(self._write, part) if one is not None]
            if not written:
                continue
            texts = [one.text for one in written]
            body = texts[0] if self._size == 1 else f"[{','.join(texts)}]"
            if all(one.by_orjson for one in written):
                body += SMALL_NUMBERS
            self._made.append(Outgoing(self._queue, written[0].event_id, body, events=len(written)))

    def _write(self, event: Event) -> "_Written | None":
        """Return an event as it is in a message; None, noted in `error`, if it cannot be in one."""
        try:
            ready = self._prepare(with_id(event))
            return _Written(ready.event_id, *_json(ready if self._size == 1 else [ready.event_id, ready], ready))
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
    """Return what a message carries, by its decoded body: several events, or the body itself."""
    return unpacked(content) or [content]


def unpacked(content: Any) -> list[IdentifiedEvent] | None:
    """Return the events of a message that has several, by its decoded body; None where that is something else."""
    if not isinstance(content, list) or not content or not all(map(_is_pair, content)):
        return None
    return [IdentifiedEvent(fields, event_id) for event_id, fields in content]


def _is_pair(part: Any) -> bool:
    return isinstance(part, list) and len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], dict)


def _json(thing: Any, event: Event) -> tuple[str, bool]:
    """Return an event, or the pair of its id and it, as kombu writes it, and whether orjson has written it.

    EncodeError if it is not JSON.
    """
    if _is_plain(event):
        with suppress(TypeError):  # half characters, numbers of more than 64 bits
            return orjson.dumps(thing).decode(), True
    try:
        return _ENCODER.encode(thing), False
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(str(error)) from error


def _is_plain(event: Event) -> bool:
    """Say whether an event has nothing of which kombu would write the type, or that is not JSON."""
    values = event.values()
    kinds = set(map(type, values))
    return kinds <= _PLAIN or (
        kinds <= _PLAIN_OR_LIST and all(set(map(type, one)) <= _PLAIN for one in values if type(one) is list)
    )
