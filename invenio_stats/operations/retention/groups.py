"""Group the event types that expire together, with the aggregations that have to hold their events."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from invenio_stats.completeness.configured import known_event_types
from invenio_stats.core import names
from invenio_stats.core.retention import group_types
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.operations.monitoring.raw_events import EventSource, source_of
from invenio_stats.proxies import current_stats


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
    sources = [source_of(event_type) for event_type in event_types]
    known = {source.event_type for source in sources}
    counting = [
        name for name, definition in current_stats.aggregations.items() if known.intersection(definition.event_types)
    ]
    return Group(sources, [aggregator for name in counting for aggregator in make_aggregators(name).values()])
