"""Forget a user: replace the keys in raw events that could still be computed from the user's id.

A key is a hash of the id and the salt of a day, so it can be found as long as that salt lives. Each key is replaced by
another one, the same for the same key: events that belonged together still do, so every number stays what it was, but
nobody can tell any more to whom they belong. Documents keep their ids: a message that is delivered again finds its own.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from flask import current_app
from flask_babel import gettext as _
from invenio_cache import current_cache
from invenio_search.engine import search

from invenio_stats.core.periods import Days
from invenio_stats.core.visitors import key
from invenio_stats.errors import StatsError
from invenio_stats.operations.monitoring.raw_events import EventSource, event_sources
from invenio_stats.privacy.pseudonyms import visitor_key_of_user
from invenio_stats.privacy.salt_stores import salt_store
from invenio_stats.privacy.salts import existing_salt_of
from invenio_stats.proxies import current_stats
from invenio_stats.search import clauses
from invenio_stats.search.aliases import closed_indices_of
from invenio_stats.search.clauses import Body
from invenio_stats.search.failures import CONFLICT, classify_item, error_type
from invenio_stats.search.multi_get import read
from invenio_stats.search.scan import hits, pages
from invenio_stats.search.versions import build_guard, retry_conflicts, version_of

DAYS_WITH_SALT = 3
"""Days up to today whose salt may still live: it is made some time during its day, and lives for two."""
_DAYS_AHEAD = 1
"""Days after today whose salt a process with a fast clock may have made."""

_KEYS = ("visitor_id", "unique_session_id", "previous_visitor_id")
_ATTEMPTS = 10
_LONGEST_PAUSE_SECONDS = 0.2

_Ref = Mapping[str, str]


class Forgotten(NamedTuple):
    """What was found, and replaced unless it was only asked for."""

    events: int
    days: list[str]
    """Days whose salt exists."""
    event_types_with_ids: list[str]
    """Event types that keep the user's id itself; it is replaced in the events of all days."""
    closed_indices: list[str]
    """Those that may have events of the user, which nobody can see."""


def forget_user(client: Any, user_id: str, now: datetime, is_dry: bool = False) -> Forgotten:
    """Replace the keys of a user; StatsError if the events keep changing, or an index refuses it.

    It can be repeated after any failure.
    """
    salts = _find_salts(now.date())
    keys = {visitor_key_of_user(user_id, salt) for salt in salts.values()}
    with_ids = [name for name, event in current_stats.event_definitions.items() if event.pseudonymization.keeps_user_id]
    sources = event_sources()
    # What was done in the same session before signing in has the key of the session as that of its visitor.
    sessions = {
        found["unique_session_id"]
        for source in sources
        for _ref, found in _find(client, source, _query(source, keys, user_id, with_ids))
        if found.get("unique_session_id")
    }
    found_events = {
        (ref["_index"], ref["_id"]): (ref, found)
        for source in sources
        for ref, found in _find(client, source, _query(source, keys | sessions, user_id, with_ids))
    }
    if not is_dry:
        # Kept until the end, so that a run that was killed is continued with the same keys. Then nobody has it.
        store, secret_name = salt_store(current_cache.cache), _secret_name(user_id)
        if found_events:
            replacement = _Replacement(store.get_or_make(secret_name), keys | sessions, user_id)
            # A run that continues finds sessions by what was done signed in, so that comes last.
            for is_signed_in in (False, True):
                refs = [ref for ref, found in found_events.values() if _is_of(found, keys, user_id) is is_signed_in]
                _replace_all(client, refs, replacement)
        store.delete(secret_name)  # also that of a run which was killed when all was done
    closed = _find_closed(client, sources, min(map(date.fromisoformat, salts), default=None), with_ids)
    return Forgotten(len(found_events), sorted(salts), with_ids, closed)


def _secret_name(user_id: str) -> str:
    """Return the name of the secret beside the salts, which does not tell whom it is for.

    It is of the user, so that a run for another one does not delete it; and not of a day, or a run that is continued
    after midnight would have another one.
    """
    return f"forget-{key(str(current_app.config.get('SECRET_KEY')), user_id)}"


def _find_salts(today: date) -> dict[str, str]:
    days = [today - timedelta(days=number) for number in range(-_DAYS_AHEAD, DAYS_WITH_SALT)]
    found = {day: existing_salt_of(day) for day in days}
    return {day.isoformat(): salt.value for day, salt in found.items() if salt is not None}


def _find_closed(
    client: Any, sources: Sequence[EventSource], first: date | None, with_ids: Collection[str]
) -> list[str]:
    """Return the closed indices of the days whose salt exists, or of all days if their events have the user's id."""
    salted = Days(first or date.max, date.max)
    return [
        index
        for source in sources
        for index in closed_indices_of(client, source.alias, None if source.event_type in with_ids else salted)
    ]


def _query(source: EventSource, keys: Collection[str], user_id: str, with_ids: Collection[str]) -> Body:
    wanted: list[Body] = [{"terms": {"visitor_id": sorted(keys)}}]
    if source.event_type in with_ids:
        wanted.append({"term": {"user_id": user_id}})
    return clauses.any_of(wanted)


def _is_of(event: Mapping[str, Any], keys: Collection[str], user_id: str) -> bool:
    """Return True for an event with one of these keys of a visitor, or the id."""
    return event.get("visitor_id") in keys or str(event.get("user_id")) == user_id


def _find(client: Any, source: EventSource, query: Body) -> Iterator[tuple[_Ref, Mapping[str, Any]]]:
    client.indices.refresh(index=source.alias, ignore_unavailable=True)
    for index in source.find_indices(client):
        for hit in hits(client, index, query, skips_closed=True):
            yield {"_index": hit["_index"], "_id": hit["_id"]}, hit["_source"]


class _Replacement(NamedTuple):
    """How fields are replaced."""

    secret: str
    keys: Collection[str]
    """Keys of the visitor; those of its sessions are replaced beside them."""
    user_id: str

    def apply(self, source: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return an event with other keys; None if it has none of the visitor's any more."""
        if not _is_of(source, self.keys, self.user_id):
            return None
        replaced = {field: key(self.secret, str(source[field])) for field in _KEYS if source.get(field)}
        if str(source.get("user_id")) == self.user_id:
            replaced["user_id"] = key(self.secret, f"user {self.user_id}")
        return {**source, **replaced}


def _replace_all(client: Any, refs: Sequence[_Ref], replacement: _Replacement) -> None:
    for page in pages(refs):
        left = retry_conflicts(
            page, lambda pending: _replace(client, pending, replacement), _ATTEMPTS, _LONGEST_PAUSE_SECONDS
        )
        if left:
            raise StatsError(f"{len(left)} events keep changing. Run the command again.")


def _replace(client: Any, refs: Sequence[_Ref], replacement: _Replacement) -> list[_Ref]:
    """Write over the versions that are read; return what others have changed meanwhile."""
    actions = []
    for ref, found in zip(refs, read(client, refs), strict=True):
        source = replacement.apply(found["_source"]) if found.get("found") else None
        if source is not None:
            guard = build_guard(version_of(found))
            actions.append({"_op_type": "index", **ref, **guard, "_source": source})
    if not actions:
        return []
    _stored, errors = search.helpers.bulk(client, actions, raise_on_error=False)
    failed = [next(iter(error.values())) for error in errors]
    refused = [item for item in failed if classify_item(item) is not CONFLICT]
    if refused:
        raise StatsError(
            _(
                "The index %(index)s refuses a change of its events (%(why)s). Make it writable (if its disk is full, "
                "free some space), and run the command again.",
                index=refused[0]["_index"],
                why=error_type(refused[0]),
            )
        )
    return [{"_index": item["_index"], "_id": item["_id"]} for item in failed]
