"""Find and change stored events by compare-and-set, for operations that correct what was counted."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from invenio_search.utils import prefix_index

from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core import names
from invenio_stats.core.double_clicks import DEFAULT_WINDOW
from invenio_stats.core.events import Event
from invenio_stats.core.mappings import EVENT_FIELDS
from invenio_stats.core.moments import iso_zoned
from invenio_stats.core.periods import Days
from invenio_stats.core.reclassification import StoredClick
from invenio_stats.core.usage_fields import RECORD_KEYS, key_of
from invenio_stats.errors import ClosedIndexError, EngineUnavailableError
from invenio_stats.proxies import current_stats
from invenio_stats.search import aliases
from invenio_stats.search.clauses import Body
from invenio_stats.search.failures import CONFLICT, classify_item, error_type, is_absent
from invenio_stats.search.groups import count_by_index
from invenio_stats.search.indices import add_fields
from invenio_stats.search.multi_get import read
from invenio_stats.search.scan import pages
from invenio_stats.search.versions import Version, build_guard, choose_operation

DOCUMENTS_PER_REQUEST = 500

_NUMBERS = {"record-view": "views", "file-download": "downloads", "search": "searches"}


class EventType(NamedTuple):
    """Where the events of a type are, and how double clicks are found among them."""

    name: str
    alias: str
    window: int
    complete_from: datetime
    """Totals of days before it cannot be counted again."""

    @property
    def number(self) -> str:
        """What the events are called in the log of corrections."""
        return _NUMBERS.get(self.name, self.name)


class Change(NamedTuple):
    """A document to be written over the version that was read, or to be created; without a source, to be deleted."""

    index_name: str
    document_id: str
    source: Event | None
    version: Version | None


def find_event_types(client: Any, now: datetime) -> list[EventType]:
    """Return the configured event types; asks the search engine for their first complete days."""
    found = []
    for name, definition in current_stats.event_definitions.items():
        alias = prefix_index(names.events_alias(name, definition.params.get("prefix", names.EVENTS_PREFIX)))
        totals = prefix_index(names.totals_alias(name))
        day = FirstCompleteDay(client, name).estimate(alias, totals, "day", now)
        found.append(EventType(name, alias, definition.params.get("double_click_window", DEFAULT_WINDOW), day))
    return found


def refresh(client: Any, event_type: EventType) -> None:
    """Make events searchable that were stored a moment ago."""
    client.indices.refresh(index=event_type.alias, ignore_unavailable=True)


def find_indices(client: Any, event_type: EventType, query: Body) -> list[str]:
    """Return the concrete indices with events that match a query: behind the alias, those that do not count are hidden.

    Closed ones are missing: see `check_open`.
    """
    (found,) = count_by_index(client, aliases.indices_of(client, event_type.alias), [query])
    return sorted(found)


def check_open(client: Any, event_type: EventType, days: Days) -> None:
    """Raise ClosedIndexError if a closed index may have events of some days."""
    closed = aliases.closed_indices_of(client, event_type.alias, days)
    if closed:
        raise ClosedIndexError(event_type.name, closed)


def map_fields(client: Any, index: str) -> frozenset[str]:
    """Map the fields that an index of an earlier release lacks; return those that it refuses."""
    return add_fields(client, index, EVENT_FIELDS)


def read_documents(client: Any, addresses: Iterable[tuple[str, str]]) -> Iterator[tuple[StoredClick, Version]]:
    """Yield the newest state of the documents that exist, by index and id, each with its version."""
    for page in pages(addresses, DOCUMENTS_PER_REQUEST):
        found = read(client, [{"_index": index, "_id": document_id} for index, document_id in page])
        for (index, document_id), document in zip(page, found, strict=True):
            if document.get("found"):
                yield StoredClick(index, document_id, document["_source"]), Version.of(document)


def write_changes(client: Any, changes: Sequence[Change], now: datetime) -> Literal["done", "conflict"]:
    """Write and delete; "conflict" if somebody else has changed a document meanwhile: then read all of them again.

    EngineUnavailableError if the engine or an index refuses; what was written stays, and may be written again.
    """
    stamp, outcome = iso_zoned(now), "done"
    for page in pages(changes, DOCUMENTS_PER_REQUEST):
        body = [line for change in page for line in _lines(change, stamp)]
        for item in client.bulk(body=body)["items"]:
            ((operation, result),) = item.items()
            failure = classify_item(result)
            if failure is CONFLICT:
                outcome = "conflict"
            elif failure is not None and not is_absent(operation, result):
                raise EngineUnavailableError(
                    f"The index {result.get('_index')!r} refuses a change of its events ({error_type(result)}). "
                    "Make it writable (if its disk is full, free some space), or wait until its compaction has "
                    "ended, and run the command again."
                )
    return "conflict" if outcome == "conflict" else "done"


def _lines(change: Change, stamp: str) -> Iterator[dict[str, Any]]:
    target = {"_index": change.index_name, "_id": change.document_id, **build_guard(change.version)}
    if change.source is None:
        yield {"delete": target}
        return
    yield {choose_operation(change.version): target}
    yield {**change.source, "updated_timestamp": stamp}


def record_of(source: Event) -> str:
    """Return the record that an event is about; without one, the thing that it is about."""
    return key_of(source, RECORD_KEYS) or str(source.get("unique_id") or "")
