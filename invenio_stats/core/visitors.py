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
"""The fields of an event that name a person; a pseudonymized event has none of them."""


def has_personal_data(event: Mapping[str, Any]) -> bool:
    """Say whether an event has an address or an agent's text; those are never stored."""
    return "ip_address" in event or "user_agent" in event


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
    """Return the pseudonym of an identity under a day's salt."""
    return hashlib.sha224(f"{salt}{identity}".encode()).hexdigest()
