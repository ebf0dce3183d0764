"""Events: what they are called, and what makes two of them the same click or the same thing."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
"""One thing that happened, as JSON-ready fields; architecture of the fields: docs/how-it-works."""

Builder = Callable[..., Event | None]
"""Runs in the request: `(event, *signal_args, **signal_kwargs)`. Returns the event, or None to drop it."""

Preprocessor = Callable[[Event], Event | None]
"""Runs in the worker. May change the event it is given; must return it, or None to drop it."""


class IdentifiedEvent(Event):
    """An event with what travels beside its fields, and never in them.

    `event_id` is given at birth and stays; `leads_to_content` says that a redirect which answers the
    request leads to the content itself, as object storage does.
    """

    def __init__(self, fields: Event, event_id: str | None = None, leads_to_content: bool = False):
        super().__init__(fields)
        self.event_id = event_id or secrets.token_hex(16)
        self.leads_to_content = leads_to_content


def with_id(event: Event) -> IdentifiedEvent:
    """Return the event with an id: its own where it has one, else a new one."""
    return event if isinstance(event, IdentifiedEvent) else IdentifiedEvent(event)


def leads_to_content(event: Event) -> IdentifiedEvent:
    """Mark an event as one that counts when the answer is a redirect; a builder returns what it gets from here."""
    event = with_id(event)
    event.leads_to_content = True
    return event


def hash_id(iso_timestamp: str, event: Event) -> str:
    """Return the document id of an event in a double-click cell.

    The same thing by the same visitor in the same cell has the same id, so storing it twice
    stores it once.
    """
    identity = str(event["unique_id"]).encode() + str(event.get("visitor_id")).encode()
    return f"{iso_timestamp}-{hashlib.sha1(identity, usedforsecurity=False).hexdigest()}"


def file_unique_id(event: Event) -> str:
    """Return what makes two downloads downloads of the same file."""
    return f"{event['bucket_id']}_{event['file_id']}"


def record_unique_id(event: Event) -> str:
    """Return what makes two views views of the same record."""
    return f"{event['pid_type']}_{event['pid_value']}"
