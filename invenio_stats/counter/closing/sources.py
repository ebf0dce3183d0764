"""Find the aggregations that months are made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from invenio_stats.core import names
from invenio_stats.definitions.aggregators import make_aggregator
from invenio_stats.errors import CounterSetupError
from invenio_stats.proxies import current_stats
from invenio_stats.search.aliases import with_prefix
from invenio_stats.totals.attributes import event_types_of

SEARCH_EVENT = "search"
"""The event type of Searches_Platform."""


class Source(NamedTuple):
    """An aggregation of which a month has the totals of its days."""

    aggregation: str
    alias: str
    """Alias of its totals."""
    aggregator: Any

    @property
    def event_types(self) -> tuple[str, ...]:
        """The event types that it counts."""
        return event_types_of(self.aggregator)


@dataclass(frozen=True)
class Sources:
    """What months are made from."""

    items: Source
    searches: Source | None
    """None if searches are not counted."""

    def __iter__(self) -> Iterator[Source]:
        """Yield those that there are."""
        yield from (source for source in (self.items, self.searches) if source is not None)

    @property
    def event_types(self) -> list[str]:
        """All configured event types that are counted."""
        counted = {event_type for source in self for event_type in source.event_types}
        return sorted(counted & set(current_stats.events))


def find_sources() -> Sources:
    """Return the configured sources; CounterSetupError if one is missing."""
    items = _find(names.ITEM_USAGE)
    if items is None:
        raise CounterSetupError("item-usage-agg")
    searches = _find(names.SEARCHES) if SEARCH_EVENT in current_stats.events else None
    if searches is None and SEARCH_EVENT in current_stats.events:
        raise CounterSetupError("search-agg")
    return Sources(items, searches)


def _find(alias: str) -> Source | None:
    for name, definition in current_stats.aggregations.items():
        if definition.totals_alias == alias and definition.interval == "day":
            return Source(name, with_prefix(alias), make_aggregator(name))
    return None
