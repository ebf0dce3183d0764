"""Find and create the indices for the documents of an export, by the current configuration."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.core import names
from invenio_stats.core.mappings import Field
from invenio_stats.core.moments import BEGINNING, parse, parse_calendar
from invenio_stats.core.usage_fields import FORMER_IDS, ids_of
from invenio_stats.operations.archive.manifest import Part
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.privacy.user_agents import catalog
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.processors import MAX_AHEAD
from invenio_stats.proxies import current_stats
from invenio_stats.search.indices import add_fields, create_index
from invenio_stats.totals.total_indices import ensure_totals_index

Source = dict[str, Any]

_BODIES = {"agents": catalog.BODY, "bookmarks": BookmarkAPI.MAPPINGS, "ingest": ingest_counters.BODY}


class Target:
    """The indices for the documents of one file."""

    def __init__(self, client: Any, part: Part, fields: Mapping[str, Field], now: datetime):
        """Take the file and the mapped `fields` of the index that it was exported from."""
        self._client = client
        self._part = part
        self._fields = fields
        self._now = now
        definition = current_stats.event_definitions.get(part.event_type or "")
        params: Mapping[str, Any] = definition.params if definition else {}
        self._suffix = params.get("suffix", names.DAILY_SUFFIX)
        self._own_fields = params.get("fields")
        self._alias = prefix_index(names.events_alias(part.event_type or "", params.get("prefix", names.EVENTS_PREFIX)))
        self._refused: dict[str, frozenset[str]] = {}

    def index_of(self, source: Source) -> str:
        """Return the index of a document (or the day's alias).

        ValueError for what cannot be one of its kind: an event or total without timestamp or of the future, a total
        with a count that is no number of events, a bookmark without date, and the progress of a rebuild.
        """
        if self._part.kind in ("events", "totals", "automated"):
            moment = parse(source.get("timestamp", ""))
            if not BEGINNING <= moment <= self._now + MAX_AHEAD:
                raise ValueError("outside of the time of events")
        if self._part.kind in ("totals", "automated"):
            _check_counts(source)
        if self._part.kind == "events":
            return names.events_index(self._alias, moment, self._suffix)
        if self._part.kind == "bookmarks":
            if str(source.get("aggregation_type", names.REBUILD)).startswith(names.REBUILD):
                raise ValueError("a bookmark of no aggregation")
            parse_calendar(source.get("date", ""))
        return str(prefix_index(self._part.index))

    def ensure(self, index: str, source: Source) -> Source:
        """Create the index of a document if it is missing; return the document without the fields that it rejects."""
        if index not in self._refused:
            self._refused[index] = self._ensure(index, source)
        refused = self._refused[index]
        return {name: value for name, value in source.items() if name not in refused} if refused else source

    def replace(self, stored: Mapping[str, Any], source: Source) -> Source:
        """Return a document as it replaces a stored one: an event keeps the ids that it may have been counted for."""
        if self._part.kind != "events":
            return source
        former_ids = ids_of(stored).union(stored.get(FORMER_IDS, ()), source.get(FORMER_IDS, ())) - ids_of(source)
        return {**source, FORMER_IDS: sorted(former_ids)} if former_ids else source

    def _ensure(self, index: str, source: Source) -> frozenset[str]:
        kind, refused = self._part.kind, frozenset[str]()
        if kind == "events":
            moment = parse(source["timestamp"])
            refused = ensure_events_index(self._client, self._alias, moment, self._suffix, self._own_fields, self._now)
        elif kind in ("totals", "automated", "usage"):
            alias = names.automated_alias if kind == "automated" else names.totals_alias
            ensure_totals_index(self._client, index, prefix_index(alias(str(self._part.event_type))))
        else:
            create_index(self._client, index, _BODIES[kind])
        return refused | add_fields(self._client, index, self._fields)


def _check_counts(total: Source) -> None:
    """Raise ValueError if a count of a total is no number of events."""
    for name in {"count", "unique_count"} & total.keys():
        value = total[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0 or value % 1:
            raise ValueError(f"{name} is no number of events")
