"""Define the outgoing message, which is the same for all transports and the spool."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.core import names
from invenio_stats.errors import StatsError

_EVENTS_PER_PART = 100
"""Events whose messages are sent together."""


class Outgoing(NamedTuple):
    """One persistent JSON message for a queue; its id is that of its event, or of the first of several events."""

    queue: str
    message_id: str
    body: str
    headers: Mapping[str, Any] = {}
    events: int = 1

    def to_json(self) -> str:
        """Return the message as JSON, for the spool."""
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Outgoing":
        """Return the message from the result of `to_json`; TypeError or ValueError for any other text.

        The text may be anybody's: a message for a queue that is not one of ours is none.
        """
        try:
            message = cls(*json.loads(text, parse_constant=_refuse_constant))
            json.dumps(message.headers, allow_nan=False)  # 1e999 is infinity, too
        except RecursionError as error:
            raise ValueError("It is nested too deeply.") from error
        if not all(map(isinstance, message, (str, str, str, dict, int))):
            raise TypeError("It has fields of other types.")
        if not names.is_queue(message.queue):
            raise UnknownQueueError
        return message


def _refuse_constant(name: str) -> float:
    """Refuse NaN and infinity: a broker closes the connection that sends them in a header."""
    raise ValueError(f"{name} is no number of JSON.")


class UnknownQueueError(StatsError, ValueError):
    """A message is for a queue that is not one of ours; nothing is published there."""


class MessageRefusedError(StatsError, ValueError):
    """The broker, or the client's library, will never take one of the messages, whatever else happens."""

    def __init__(self, error: Exception):
        """Say why: by the type of an error, whose text may quote the message."""
        self.reason = f"broker: {type(error).__name__}"
        super().__init__(self.reason)


class Unconfirmed(OSError):
    """The broker rejected a message, or has no queue for it even after it was declared."""


def split_into_parts(messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Yield parts of the messages, so that the broker processes one part while the next is encoded."""
    first = 0
    while head := messages[first : first + 1]:
        part = messages[first : first + max(1, _EVENTS_PER_PART // head[0].events)]
        yield part
        first += len(part)
