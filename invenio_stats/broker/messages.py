"""Messages: events as they travel and as they wait on disk."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from kombu.exceptions import EncodeError
from kombu.utils.json import JSONEncoder

from invenio_stats.core.events import BornEvent

_ENCODER = JSONEncoder()
"""Kombu's, as its serializer makes one for every message."""


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


def outgoing(queue: str, event: Any, headers: Mapping[str, Any] | None = None) -> Outgoing:
    """Return the message of an event; EncodeError for what is not JSON."""
    try:
        body = _ENCODER.encode(event)
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError(str(error)) from error
    message_id = event.event_id if isinstance(event, BornEvent) else ""
    return Outgoing(queue, message_id, body, headers or {})
