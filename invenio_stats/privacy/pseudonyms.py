"""Pseudonymize events: replace personal data by keyed hashes, the country and the class of the user agent."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import current_app, has_request_context, request

from invenio_stats.core import agent_classes
from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.core.events import Event
from invenio_stats.core.moments import parse
from invenio_stats.core.visitors import PERSONAL_FIELDS, Visitor, key, session_identity, visitor_identity
from invenio_stats.privacy.geoip import country_database, country_of
from invenio_stats.privacy.salts import existing_salt_of, is_own
from invenio_stats.privacy.user_agents.cache import describe, note

AnyEvent = TypeVar("AnyEvent", bound=Event)

SaltOf = Callable[[datetime], str]
"""Returns the salt of the day of a moment."""


def is_pseudonymized(event: Mapping[str, Any]) -> bool:
    """Return True if an event already has its visitor's key or the class of its user agent."""
    return "visitor_id" in event or "agent_class" in event


class Pseudonymizer:
    """Replaces the personal data of events, in place, by the visitor's keys, the country and the user-agent class.

    The keys are hashes under the salt of the event's day. In the first `window` seconds of a day the event also gets
    its key under the previous day's salt, so that a double click across midnight is recognised; it is left out if that
    salt no longer exists. An event without a visitor gets no keys.

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
        self._keys: dict[Any, dict[str, Any]] = {}
        """Keys of the current visitor, by hour."""

    def __call__(self, event: AnyEvent) -> AnyEvent:
        """Pseudonymize one event in place, and return it."""
        if _has_whole_referrer(event):
            referrer = event["referrer"]
            event["referrer"] = self._call_once(_reduce_referrer, referrer) if isinstance(referrer, str) else None
        if not _has_person(event):
            return event
        has_agent = "user_agent" in event
        kept = {"user_id": event["user_id"]} if self._keep_user_id and "user_id" in event else {}
        visitor = Visitor(*[_text(event.pop(field, None)) for field in PERSONAL_FIELDS])
        if self._visitor != (visitor, has_agent):
            self._set_visitor(visitor, has_agent)
        event.update(self._visitor_fields)
        event.update(kept)
        try:
            moment = parse(event["timestamp"])
        except (KeyError, ValueError):
            return event  # No usable timestamp, so no key: the worker will dead-letter the event with the reason.
        if any(visitor):
            event.update(self._keys_at(moment, visitor))
        return event

    def _set_visitor(self, visitor: Visitor, has_agent: bool) -> None:
        """Make a visitor the current one; forgets the keys of the previous one."""
        agent = self._call_once(_agent_fields, visitor.user_agent or "") if has_agent else {"agent_class": "unknown"}
        self._visitor, self._keys = (visitor, has_agent), {}
        self._visitor_fields = {"country": country_of(visitor.ip_address, self._call_once(country_database)), **agent}

    def _keys_at(self, moment: datetime, visitor: Visitor) -> dict[str, Any]:
        day, yesterday = moment.date(), None
        if moment.hour * 3600 + moment.minute * 60 + moment.second < self._window:
            yesterday = existing_salt_of(day - timedelta(days=1))
        hour = (day, moment.hour, yesterday)
        if hour not in self._keys:
            salt = self._call_once(_salt_of_day, self._salt_of, day)
            agent_class = self._visitor_fields["agent_class"]
            self._keys[hour] = _keys(visitor, agent_class, moment, salt, yesterday and yesterday.value)
        return self._keys[hour]

    def _call_once(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the result of a function, called only once for the same arguments."""
        call = (function, *arguments)
        if call not in self._known:
            self._known[call] = function(*arguments)
        return self._known[call]


def is_done(event: Mapping[str, Any]) -> bool:
    """Return True if a pseudonymizer would not change an event, as with most events that a worker gets."""
    return not (_has_whole_referrer(event) or _has_person(event))


def _has_person(event: Mapping[str, Any]) -> bool:
    return not (is_pseudonymized(event) or event.keys().isdisjoint(PERSONAL_FIELDS))


def _has_whole_referrer(event: Mapping[str, Any]) -> bool:
    referrer = event.get("referrer")
    return bool(referrer) and not _is_host(referrer)


def referrer_host(referrer: Any, own_host: str | None = None) -> str | None:
    """Return the host of a referrer; 'internal' for `own_host`, None if the referrer has no readable host.

    Path and query are never kept: they may tell what the visitor searched for.
    """
    if not isinstance(referrer, str) or not referrer:
        return None
    if _is_host(referrer):
        return referrer[:255]  # already reduced to its host
    try:
        host = urlsplit(referrer).hostname
    except ValueError:
        return None
    if host is None:
        return None
    return "internal" if own_host and host == own_host.lower() else host[:255]


def _is_host(referrer: Any) -> bool:
    return isinstance(referrer, str) and len(referrer) < 256 and "/" not in referrer and ":" not in referrer


def _reduce_referrer(referrer: str) -> str | None:
    return referrer_host(referrer, _own_host())


def _own_host() -> str | None:
    if has_request_context():
        return request.host.partition(":")[0]
    return current_app.config.get("SITE_HOSTNAME")


def _agent_fields(text: str) -> dict[str, Any]:
    agent = describe(text)
    note(agent)
    return {
        "agent_class": agent.agent_class,
        "agent_id": agent.agent_id,
        "lists_version": agent.lists_version,
        "is_robot": agent_classes.is_robot(agent.agent_class),
        "is_machine": agent_classes.is_machine(agent.agent_class),
    }


def _salt_of_day(salt_of: SaltOf, day: date) -> tuple[str, bool]:
    """Return the salt of a day, and whether it is a local one because the salt store is not available."""
    return salt_of(parse(day)), is_own(day)


def _keys(
    visitor: Visitor, agent_class: str, moment: datetime, salt: tuple[str, bool], salt_before: str | None
) -> dict[str, Any]:
    """Return the keys of a visitor in the hour of a moment; with `salt_before`, also the key under that salt."""
    value, is_local = salt
    identity, session = visitor_identity(visitor), session_identity(visitor, moment)
    kind = "" if agent_classes.is_person(agent_class) else f"|{agent_class}"  # never in the same cell as a person
    keys: dict[str, Any] = {
        "visitor_id": key(value, f"{identity}{kind}"),
        "unique_session_id": key(value, f"{session}{kind}"),
    }
    if salt_before is not None:
        keys["previous_visitor_id"] = key(salt_before, f"{identity}{kind}")
    if is_local:
        keys["is_local_salt"] = True
    return keys


def _text(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)
