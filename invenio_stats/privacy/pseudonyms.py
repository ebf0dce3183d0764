"""Pseudonymize events: replace personal data by keyed hashes, the country and the class of the user agent."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any, TypeVar

from flask import current_app, has_app_context, has_request_context, request

from invenio_stats.core import agent_classes
from invenio_stats.core.addresses import canonical_address
from invenio_stats.core.customers import Customers
from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.core.events import Event
from invenio_stats.core.moments import parse
from invenio_stats.core.referrers import host_of_request, is_host, referrer_host
from invenio_stats.core.visitors import (
    PERSONAL_FIELDS,
    Visitor,
    is_raw,
    is_without_visitor,
    key,
    session_identity,
    visitor_identity,
)
from invenio_stats.privacy.geoip import country_database, country_of
from invenio_stats.privacy.salts import existing_salt_of, is_own
from invenio_stats.privacy.user_agents.cache import describe, note
from invenio_stats.proxies import current_stats, unwrap

AnyEvent = TypeVar("AnyEvent", bound=Event)

SaltOf = Callable[[datetime], str]
"""Returns the salt of the day of a moment."""


_DERIVED_FIELDS = (
    "visitor_id",
    "unique_session_id",
    "previous_visitor_id",
    "is_local_salt",
    "agent_class",
    "agent_id",
    "lists_version",
)
"""What is derived from a person's fields; in an event that still has these, others have put it there."""


class Pseudonymizer:
    """Replaces the personal data of events, in place, by the visitor's keys, country, institution and user-agent class.

    The keys are hashes under the salt of the event's day. In the first `window` seconds of a day the event also gets
    its key under the previous day's salt, so that a double click across midnight is recognised; it is left out if that
    salt no longer exists. An event without a visitor gets no keys, nor does one with its own id whose day has no salt
    any more.

    Create one for each batch: it caches personal data, and the look-ups that the events of a batch share.
    """

    def __init__(self, salt_of: SaltOf, window: int = DEFAULT_WINDOW, keep_user_id: bool = False):
        """Pseudonymize with these salts.

        :param keep_user_id: keep `user_id` in the event, for event types whose preprocessors do not include
            `anonymize_user` because they count by user.
        """
        self._window = window
        self._keep_user_id = keep_user_id
        self._salt_of = salt_of
        self._known: dict[Any, Any] = {}
        self._visitor: tuple[Visitor, bool] | None = None
        self._visitor_fields: dict[str, Any] = {}
        """Country and user-agent fields of the current visitor."""
        self._institution: str | None = None
        """Customer id of the current visitor, by the address."""
        self._keys: dict[Any, dict[str, Any]] = {}
        """Keys of the current visitor, by hour."""

    def __call__(self, event: AnyEvent) -> AnyEvent:
        """Pseudonymize one event in place, and return it."""
        raw = is_raw(event)
        if _has_referrer_to_reduce(event, raw):
            event["referrer"] = self._reduced(event["referrer"])
        if not raw:
            return event
        without_visitor = is_without_visitor(event)
        has_agent = "user_agent" in event and not without_visitor
        kept = {"user_id": event["user_id"]} if self._keep_user_id and "user_id" in event else {}
        visitor = self._take_visitor(event)
        for field in _DERIVED_FIELDS:
            event.pop(field, None)
        if self._visitor != (visitor, has_agent):
            self._set_visitor(visitor, has_agent)
        event.update(self._visitor_fields)
        event.update(kept)
        if self._institution is not None and event.get("institution") is None:
            event["institution"] = self._institution
        try:
            moment = parse(event["timestamp"])
        except (KeyError, ValueError):
            return event  # No usable timestamp, so no key: the worker will dead-letter the event with the reason.
        if any(visitor) and not (getattr(event, "has_own_id", False) and _is_without_salt(moment.date())):
            event.update(self._keys_at(moment, visitor))
        return event

    def _take_visitor(self, event: Event) -> Visitor:
        """Remove the person's fields from an event, and return them."""
        visitor = Visitor(*[_text(event.pop(field, None)) for field in PERSONAL_FIELDS])
        address = visitor.ip_address
        canonical = address and self._call_once(canonical_address, address)
        return visitor if canonical == address else visitor._replace(ip_address=canonical)

    def _set_visitor(self, visitor: Visitor, has_agent: bool) -> None:
        """Make a visitor the current one; forgets the keys of the previous one."""
        agent = self._call_once(_agent_fields, visitor.user_agent or "") if has_agent else {"agent_class": "unknown"}
        self._visitor, self._keys = (visitor, has_agent), {}
        self._visitor_fields = {"country": country_of(visitor.ip_address, self._call_once(country_database)), **agent}
        self._institution = self._call_once(_customers).find_id(visitor.ip_address)

    def _keys_at(self, moment: datetime, visitor: Visitor) -> dict[str, Any]:
        day, yesterday = moment.date(), None
        if moment.hour * 3600 + moment.minute * 60 + moment.second < self._window:
            yesterday = existing_salt_of(day - timedelta(days=1)) if day > date.min else None
        hour = (day, moment.hour, yesterday)
        if hour not in self._keys:
            salt = self._call_once(_salt_of_day, self._salt_of, day)
            self._keys[hour] = _keys(visitor, moment, salt, yesterday and yesterday.value)
        return self._keys[hour]

    def _reduced(self, referrer: Any) -> str | None:
        return self._call_once(_reduced_referrer, referrer) if isinstance(referrer, str) else None

    def _call_once(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the result of a function, called only once for the same arguments."""
        call = (function, *arguments)
        if call not in self._known:
            self._known[call] = function(*arguments)
        return self._known[call]


def is_done(event: Mapping[str, Any]) -> bool:
    """Return True if a pseudonymizer would not change an event, as with most events that a worker gets."""
    raw = is_raw(event)
    return not (raw or _has_referrer_to_reduce(event, raw))


def stored_referrer(referrer: Any) -> str | None:
    """Return the referrer of an event as it may be stored: a host, 'internal', or None."""
    return referrer if isinstance(referrer, str) and is_host(referrer) else referrer_host(referrer, _own_hosts())


def _has_referrer_to_reduce(event: Mapping[str, Any], raw: bool) -> bool:
    """Return True if the referrer is not a host yet: a client may have written a word without a scheme into it."""
    referrer = event.get("referrer")
    return referrer is not None and (raw or not (isinstance(referrer, str) and is_host(referrer)))


def _reduced_referrer(referrer: str) -> str | None:
    return referrer_host(referrer, _own_hosts())


def _customers() -> Customers:
    """Return the customers of the current application; none without an application that has statistics."""
    known = has_app_context() and "invenio-stats" in current_app.extensions
    return unwrap(current_stats).customers if known else Customers()


def _own_hosts() -> set[str]:
    """Return the host of the current request, and the one that the instance is configured with."""
    configured = current_app.config.get("SITE_HOSTNAME") if has_app_context() else None
    hosts = (request.host if has_request_context() else None, configured)
    return {name for host in hosts if host and (name := host_of_request(host))}


def _agent_fields(text: str) -> dict[str, Any]:
    agent = describe(text)
    note(agent)
    return {
        "agent_class": agent.agent_class,
        "agent_id": agent.agent_id,
        "lists_version": agent.lists_version,
        "is_robot": agent.is_robot,
        "is_machine": agent_classes.is_machine(agent.agent_class),
    }


def _is_without_salt(day: date) -> bool:
    """Return True if the salt of a day is gone, or would be one that was made much later than the day.

    An event with its own id gets no keys then: they would be others whenever it is published, as its document would.
    """
    return day < datetime.now(timezone.utc).date() - timedelta(days=1)


def _salt_of_day(salt_of: SaltOf, day: date) -> tuple[str, bool]:
    """Return the salt of a day, and whether it is a local one because the salt store is not available."""
    return salt_of(parse(day)), is_own(day)


def _keys(visitor: Visitor, moment: datetime, salt: tuple[str, bool], salt_before: str | None) -> dict[str, Any]:
    """Return the keys of a visitor in the hour of a moment; with `salt_before`, also the key under that salt.

    They do not tell the class of the agent, which may turn out to be another one: the cells of double clicks do.
    """
    value, is_local = salt
    identity, session = visitor_identity(visitor), session_identity(visitor, moment)
    keys: dict[str, Any] = {
        "visitor_id": key(value, str(identity)),
        "unique_session_id": key(value, str(session)),
    }
    if salt_before is not None:
        keys["previous_visitor_id"] = key(salt_before, str(identity))
    if is_local:
        keys["is_local_salt"] = True
    return keys


def visitor_key_of_user(user_id: str, salt: str) -> str:
    """Return the key that a user has under a salt."""
    return key(salt, user_id)


def _text(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)
