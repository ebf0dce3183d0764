"""Identify visitors and sessions by COUNTER's rules, and derive their pseudonyms."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from invenio_stats.core.moments import utc


class Visitor(NamedTuple):
    """The identifying properties of a request's visitor; None for those that are not known."""

    user_id: str | None = None
    session_id: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None


PERSONAL_FIELDS = Visitor._fields
"""The fields of an event that identify a person; a pseudonymized event has none of them."""


_RAW_FIELDS = ("ip_address", "user_agent", "session_id")
"""Fields that a pseudonymized event never has; event types that count by user may keep `user_id`."""


def has_personal_data(event: Mapping[str, Any]) -> bool:
    """Return True if an event has an address, an agent's text or a session's id, whatever else it has.

    Such an event is not pseudonymized yet, and never stored.
    """
    return any(field in event for field in _RAW_FIELDS)


def is_raw(event: Mapping[str, Any]) -> bool:
    """Return True if an event has yet to be pseudonymized.

    A user's id alone beside a visitor's key or an agent's class is not raw: an event type that counts by user keeps it.
    """
    if has_personal_data(event):
        return True
    return "user_id" in event and "visitor_id" not in event and "agent_class" not in event


def is_without_visitor(event: Mapping[str, Any]) -> bool:
    """Return True if a raw event was never anybody's: a job has published it, for example, without a request."""
    return all(event.get(field) is None for field in PERSONAL_FIELDS)


def visitor_identity(visitor: Visitor) -> str | None:
    """Return the identity of a visitor: the user, else the session, else address and user agent; None without any.

    The identity does not contain the hour: a double click may cross it (COUNTER 5.1, 7.2).
    """
    if visitor.user_id:
        return visitor.user_id
    if visitor.session_id:
        return visitor.session_id
    if visitor.ip_address or visitor.user_agent:
        return f"{visitor.ip_address}|{visitor.user_agent}"
    return None


def session_identity(visitor: Visitor, moment: datetime) -> str | None:
    """Return the identity of a session: its own id, else visitor and hour (COUNTER 5.1, 7.3); None without any.

    The day's salt adds the date to it.
    """
    if visitor.session_id:
        return visitor.session_id
    identity = visitor_identity(visitor)
    at = utc(moment)
    return None if identity is None else f"{identity}|{_hour(at.date(), at.hour)}"


@lru_cache(maxsize=100)
def _hour(day: date, hour: int) -> str:
    return f"{day.isoformat().replace('-', '')}{hour:02}"


def key(salt: str, identity: str) -> str:
    """Return the pseudonym of an identity under a day's salt; of any text, so that no error ever quotes the two."""
    return hashlib.sha224(f"{salt}{identity}".encode("utf-8", "surrogatepass")).hexdigest()
