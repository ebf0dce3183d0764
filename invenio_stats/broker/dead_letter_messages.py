"""Convert dead letters to messages and back, and filter them."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from invenio_queues.queue import Queue
from kombu.serialization import dumps

from invenio_stats.broker.delivery import RefusedMessage, stand_in
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core import names
from invenio_stats.core.events import IdentifiedEvent, short_id
from invenio_stats.core.moments import parse
from invenio_stats.core.postponing import is_due

_MAX_DEPTH = 20
_NONE: Mapping[str, int] = {}

POSTPONED = "postponed"
"""How the reason of a dead letter begins that is put back onto its queue by itself after a while."""

RejectedEvent = tuple[Any, str] | tuple[Any, str, str | None]
"""An event, the reason why it cannot be stored, and the id of its message if the event has no id."""


class DeadLetter(NamedTuple):
    """The contents of a dead letter."""

    message_id: str
    reason: str
    rejected: str | None
    """Time of the rejection in UTC; None if the message does not have it."""
    event: Any
    """The event as it was published; None if it cannot be decoded."""
    postponed: int = 0
    """How many times its index has refused it; 0 if it does not come back by itself."""


class DeadLetterFilter(NamedTuple):
    """A filter for dead letters. An empty filter matches all."""

    reason: str | None = None
    """Match only dead letters whose reason begins with this text."""
    limit: int | None = None
    """Maximal number of dead letters, in the order of the queue; `matches` does not check it."""
    before: datetime | None = None
    """Match only dead letters rejected before this moment; those without a date do not match."""
    due: datetime | None = None
    """Only those that are postponed, and to be tried again at this moment."""

    @property
    def is_selective(self) -> bool:
        """Whether dead letters must be read to know if they match."""
        return self.reason is not None or self.before is not None or self.due is not None

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return True if a dead letter has the reason and the date of the filter; `limit` is not checked."""
        if self.reason is not None and not dead_letter.reason.startswith(self.reason):
            return False
        if self.due is not None and not _is_due(dead_letter, self.due):
            return False
        return self.before is None or (dead_letter.rejected is not None and parse(dead_letter.rejected) < self.before)


def dead_name(queue: Queue) -> str:
    """Return the name of the dead-letter queue of a queue."""
    return names.dead_letters(queue.routing_key)


def dead_stand_in(refused: RefusedMessage) -> Outgoing:
    """Return the dead letter of a message that the broker will never take.

    The message may be a dead letter itself: then it keeps its headers, and so its reason.
    """
    name = refused.message.queue
    if names.is_dead_letters(name):
        return stand_in(refused, name, dict(refused.message.headers))
    moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return stand_in(refused, names.dead_letters(name), {"reason": refused.reason, "rejected": moment})


def to_message(
    queue: Queue, dead_letter: RejectedEvent, rejected: str, postponed: Mapping[str, int] = _NONE
) -> Outgoing:
    """Return the message of a dead letter; values that cannot be JSON are replaced by the name of their type.

    `postponed` says by event id how many times an event was postponed before.
    """
    body, reason, *known = dead_letter
    try:
        _type, _encoding, text = dumps(body, serializer="json")
    except Exception:  # a preprocessor may have added any object
        _type, _encoding, text = dumps(_to_json_types(body), serializer="json")
    message_id = short_id(next(filter(None, known), None) or _id_of(body, text))
    headers: dict[str, Any] = {"reason": reason, "rejected": rejected}
    if reason.startswith(POSTPONED):
        headers[POSTPONED] = postponed.get(message_id, 0) + 1
    return Outgoing(dead_name(queue), message_id, text, headers)


def from_message(message: Any) -> DeadLetter:
    """Return the dead letter of a message; missing or invalid parts get their default."""
    headers = message.headers or {}
    try:
        event = message.payload
    except Exception:  # the decoder of another content type may raise any error
        event = None
    message_id = message.properties.get("message_id") or ""
    reason, rejected = str(headers.get("reason", "unknown")), _moment(headers.get("rejected"))
    return DeadLetter(message_id, reason, rejected, event, times_postponed(headers))


def times_postponed(headers: Any) -> int:
    """Return how many times the event of a message was postponed, by the headers of the message."""
    times = headers.get(POSTPONED) if isinstance(headers, Mapping) else None
    return times if isinstance(times, int) else 0


def _is_due(dead_letter: DeadLetter, now: datetime) -> bool:
    if not dead_letter.reason.startswith(POSTPONED) or dead_letter.rejected is None:
        return False
    return is_due(parse(dead_letter.rejected), dead_letter.postponed, now)


def requeue(queue: Queue, dead_letter: DeadLetter, message: Any) -> Outgoing:
    """Return the message that puts a dead letter back on its original queue, with the event's id."""
    body = message.body
    text = body if isinstance(body, str) else bytes(body).decode("utf-8", "replace")
    headers = {POSTPONED: dead_letter.postponed} if dead_letter.postponed else {}
    return Outgoing(queue.routing_key, dead_letter.message_id, text, headers)


def _moment(text: Any) -> str | None:
    try:
        parse(text)
    except (ValueError, TypeError):
        return None
    return str(text)


def _id_of(body: Any, text: str) -> str:
    """Return the event's id, or a hash of the text, which is the same after a redelivery, if it has none."""
    if isinstance(body, IdentifiedEvent):
        return body.event_id
    if isinstance(body, Mapping) and isinstance(body.get("event_id"), str):
        return str(body["event_id"])  # a document that the search engine has rejected
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _to_json_types(value: Any, depth: int = 0) -> Any:
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return {str(key): _to_json_types(child, depth + 1) for key, child in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_to_json_types(child, depth + 1) for child in value]
    try:
        dumps(value, serializer="json")
    except Exception:  # serializing an object may raise any error
        return f"({type(value).__name__})"
    return value
