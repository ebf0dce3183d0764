"""Pack events into messages, and unpack them."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import orjson
from kombu.exceptions import EncodeError
from kombu.utils.json import JSONEncoder

from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core.events import Event, IdentifiedEvent, short_id, with_id

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


class Batch(Sequence[Outgoing]):
    """The messages of events, which are made when they are asked for: the broker takes the first meanwhile.

    It ends before the first event of which none can be made, and `error` says why.
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
        while len(self._made) < stop and self.error is None:
            ids, texts = [], []
            try:
                for event in islice(self._waiting, self._size):
                    ready = self._prepare(with_id(event))
                    event_id = short_id(ready.event_id)
                    texts.append(_json(ready if self._size == 1 else [event_id, ready], ready))
                    ids.append(event_id)
            except Exception as error:  # of whatever kind: it must not pass for one of the broker's
                self.error = error
            if not texts:
                return
            body = texts[0] if self._size == 1 else f"[{','.join(texts)}]"
            self._made.append(Outgoing(self._queue, ids[0], body, events=len(texts)))


def events_in(content: Any) -> list[Any]:
    """Return what a message carries, by its decoded body: several events, or the body itself."""
    return unpacked(content) or [content]


def unpacked(content: Any) -> list[IdentifiedEvent] | None:
    """Return the events of a message that has several, by its decoded body; None where that is something else."""
    if not isinstance(content, list) or not content or not all(map(_is_pair, content)):
        return None
    return [IdentifiedEvent(fields, event_id) for event_id, fields in content]


def split(message: Outgoing) -> list[Outgoing]:
    """Return a message for each event of one that has several; the message itself if it has one, or none at all."""
    events = unpacked(json.loads(message.body)) if message.events > 1 else None
    if events is None:
        return [message]
    headers = message.headers
    return [Outgoing(message.queue, short_id(one.event_id), _ENCODER.encode(one), headers) for one in events]


def _is_pair(part: Any) -> bool:
    return isinstance(part, list) and len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], dict)


def _json(thing: Any, event: Event) -> str:
    """Return an event, or the pair of its id and it, as kombu writes it; EncodeError for what is not JSON."""
    if _is_plain(event):
        with suppress(TypeError):  # half characters, numbers of more than 64 bits
            return orjson.dumps(thing).decode()
    try:
        return _ENCODER.encode(thing)
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(str(error)) from error


def _is_plain(event: Event) -> bool:
    """Say whether an event has nothing of which kombu would write the type, or that is not JSON."""
    values = event.values()
    kinds = set(map(type, values))
    return kinds <= _PLAIN or (
        kinds <= _PLAIN_OR_LIST and all(set(map(type, one)) <= _PLAIN for one in values if type(one) is list)
    )
