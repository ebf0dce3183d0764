"""Define events, the types of functions that build and change them, and the ids of the items they are about."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
"""One event as JSON-ready fields; docs/how-it-works describes them."""

Builder = Callable[..., Event | None]
"""Runs in the request: `(event, *signal_args, **signal_kwargs)`. Returns the event, or None to drop it."""

Preprocessor = Callable[[Event], Event | None]
"""Runs in the worker. May change the event it is given; must return it, or None to drop it."""


MAX_ID_BYTES = 255
"""Bytes of an id in a message of AMQP."""


class IdentifiedEvent(Event):
    """An event with its id and a mark for redirects, which are kept outside its fields.

    `event_id` is set once, when the event is built; `has_own_id` is True if its publisher has given it, so that it is
    the same whenever the event is published. `leads_to_content` is True if a redirect that answers the request leads to
    the content itself, for example to object storage.
    """

    def __init__(self, fields: Event, event_id: str | None = None, leads_to_content: bool = False):
        super().__init__(fields)
        self.event_id = event_id or secrets.token_hex(16)
        self.has_own_id = False
        self.leads_to_content = leads_to_content


MAX_EVENT_ID_BYTES = 255
"""Of an event's own id: it is the id of a message, and AMQP's are no longer."""


def short_id(event_id: str) -> str:
    """Return an id that every broker can carry: one that is too long, or no text, gives way to its hash."""
    try:
        if len(event_id.encode()) <= MAX_ID_BYTES:
            return event_id
    except UnicodeEncodeError:  # half a character
        pass
    return hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()


def with_id(event: Event) -> IdentifiedEvent:
    """Return the event with an id: the one in its field `event_id`, else the one that it has, else a new one.

    ValueError if the field is not a text of 1 to 255 bytes.
    """
    identified = event if isinstance(event, IdentifiedEvent) else IdentifiedEvent(event)
    own_id = identified.pop("event_id", None)
    if own_id is not None:
        identified.event_id, identified.has_own_id = _checked_id(own_id), True
    return identified


def _checked_id(own_id: Any) -> str:
    if isinstance(own_id, str) and own_id.isprintable() and 0 < len(own_id.encode()) <= MAX_EVENT_ID_BYTES:
        return own_id
    raise ValueError(f"An event's event_id is wrong: give a text of 1 to {MAX_EVENT_ID_BYTES} bytes, or leave it out.")


def leads_to_content(event: Event) -> IdentifiedEvent:
    """Mark an event as one that counts if the response is a redirect; a builder must return the event returned here."""
    event = with_id(event)
    event.leads_to_content = True
    return event


def hash_id(iso_timestamp: str, event: Event) -> str:
    """Return the document id of an event in a double-click cell.

    Events of the same visitor on the same item in the same cell have the same id, so storing the event twice keeps
    one document.
    """
    identity = str(event["unique_id"]).encode() + str(event.get("visitor_id")).encode()
    return f"{iso_timestamp}-{hashlib.sha1(identity, usedforsecurity=False).hexdigest()}"


def file_unique_id(event: Event) -> str:
    """Return the id of the downloaded file, the same for all downloads of one file."""
    return f"{event['bucket_id']}_{event['file_id']}"


def record_unique_id(event: Event) -> str:
    """Return the id of the viewed record, the same for all views of one record."""
    return f"{event['pid_type']}_{event['pid_value']}"
