"""One message on its way to a broker, whatever its transport, or to the spool."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_EVENTS_AT_ONCE = 100
"""Events whose messages are sent in one go."""


class Outgoing(NamedTuple):
    """One message for a queue: JSON, persistent, with the id of its event, or of the first of several, as its own."""

    queue: str
    message_id: str
    body: str
    headers: Mapping[str, Any] = {}
    events: int = 1

    def to_json(self) -> str:
        """Write it down, for the spool."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Outgoing":
        """Read what `to_json` wrote; TypeError or ValueError for anything else."""
        message = cls(*json.loads(text))
        if not all(map(isinstance, message, (str, str, str, dict, int))):
            raise TypeError("It has fields of other types.")
        return message


def parts(messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Yield messages as they are sent, some at a time: the broker takes a part while the next is made."""
    first = 0
    while head := messages[first : first + 1]:
        part = messages[first : first + max(1, _EVENTS_AT_ONCE // head[0].events)]
        yield part
        first += len(part)
