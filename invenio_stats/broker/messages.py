"""Messages: events as they travel and as they wait on disk."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kombu.exceptions import EncodeError
from kombu.utils.json import JSONEncoder

from invenio_stats.core.events import BornEvent, Event

_ENCODER = JSONEncoder()
"""Kombu's, as its serializer makes one for every message."""

AT_ONCE = 100
"""Messages that are made and sent in one go."""


class Outgoing(NamedTuple):
    """One message for a queue: JSON, persistent, with the event's id as its own."""

    queue: str
    message_id: str
    body: str
    headers: Mapping[str, Any] = {}

    def to_json(self) -> str:
        """Write it down, for the spool."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Outgoing":
        """Read what `to_json` wrote."""
        return cls(*json.loads(text))


class Batch(Sequence[Outgoing]):
    """Messages that are made when they are asked for: the broker takes the first while the others are made.

    It ends before the first message that cannot be made, and `error` says why.
    """

    def __init__(self, make: Callable[[Event], Outgoing], events: Iterable[Event]):
        """Make one message of each event."""
        self.error: Exception | None = None
        self._make, self._events = make, list(events)
        self._made: list[Outgoing] = []

    def __getitem__(self, where: Any) -> Any:
        """Return one message or a slice; none is made twice, and none that comes after."""
        self._make_until(where.stop if isinstance(where, slice) else where + 1)
        return self._made[where]

    def __len__(self) -> int:
        """Return how many there are; they are all made then."""
        self._make_until(None)
        return len(self._made)

    def _make_until(self, stop: int | None) -> None:
        try:
            for event in self._events[len(self._made) : stop]:
                self._made.append(self._make(event))
        except Exception as error:  # of whatever kind: it must not pass for one of the broker's
            self.error, self._events = error, []


def outgoing(queue: str, event: Any, headers: Mapping[str, Any] | None = None) -> Outgoing:
    """Return the message of an event; EncodeError for what is not JSON."""
    try:
        body = _ENCODER.encode(event)
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(str(error)) from error
    message_id = event.event_id if isinstance(event, BornEvent) else ""
    return Outgoing(queue, message_id, body, headers or {})
