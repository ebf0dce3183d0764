"""Group the event types that expire together, with the aggregations that have to hold their events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.intervals import starts
from invenio_stats.core.retention import group_types
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.operations.inventory import known_event_types
from invenio_stats.proxies import current_stats
from invenio_stats.search import aliases


@dataclass(frozen=True)
class EventSource:
    """Where the raw events of one type are."""

    event_type: str
    alias: str
    suffix: str

    def find_indices(self, client: Any) -> list[str]:
        """Return the indices behind the alias."""
        return aliases.indices_of(client, self.alias)

    def past_names(self, oldest: datetime, until: datetime) -> set[str]:
        """Return the names that only events before a day are written to, if indices are not by day or month."""
        if "%Y" not in self.suffix and "%G" not in self.suffix:  # without a year, a name comes again
            return set()
        written = {names.events_index(self.alias, day, self.suffix) for day in starts(oldest, until, "day")}
        return written - {names.events_index(self.alias, until, self.suffix)}


@dataclass(frozen=True)
class Group:
    """Event types that aggregations count together."""

    sources: list[EventSource]
    aggregators: list[Any] = field(default_factory=list)

    @property
    def event_types(self) -> list[str]:
        """The names of the event types."""
        return [source.event_type for source in self.sources]

    @property
    def name(self) -> str:
        """Name of what runs on these event types share."""
        return f"{names.EXPIRY}{'+'.join(self.event_types)}"


def find_groups() -> list[Group]:
    """Return the configured event types in groups, with all their aggregations, also those of automated traffic."""
    together = [definition.event_types for definition in current_stats.aggregations.values()]
    return [_make_group(members) for members in group_types(known_event_types(), together)]


def _make_group(event_types: Iterable[str]) -> Group:
    sources = [_source_of(event_type) for event_type in event_types]
    known = {source.event_type for source in sources}
    counting = [
        name for name, definition in current_stats.aggregations.items() if known.intersection(definition.event_types)
    ]
    return Group(sources, [aggregator for name in counting for aggregator in make_aggregators(name).values()])


def _source_of(event_type: str) -> EventSource:
    definition = current_stats.event_definitions.get(event_type)
    params = {} if definition is None else definition.params
    alias = prefix_index(names.events_alias(event_type, params.get("prefix", names.EVENTS_PREFIX)))
    return EventSource(event_type, alias, params.get("suffix", names.DAILY_SUFFIX))
