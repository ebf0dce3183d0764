"""Find the indices of raw events, and the oldest event of each type."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.completeness.configured import known_event_types
from invenio_stats.core import names
from invenio_stats.core.intervals import starts
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


def event_sources() -> list[EventSource]:
    """Return where the raw events of all known types are."""
    return [source_of(event_type) for event_type in known_event_types()]


def source_of(event_type: str) -> EventSource:
    """Return where the raw events of a type are."""
    definition = current_stats.event_definitions.get(event_type)
    params = {} if definition is None else definition.params
    alias = prefix_index(names.events_alias(event_type, params.get("prefix", names.EVENTS_PREFIX)))
    return EventSource(event_type, alias, params.get("suffix", names.DAILY_SUFFIX))


def find_oldest_events(client: Any) -> dict[str, datetime]:
    """Return the oldest raw event of each event type that has any, counted or not."""
    found = {source.event_type: aliases.oldest(client, source.find_indices(client)) for source in event_sources()}
    return {event_type: oldest for event_type, oldest in found.items() if oldest is not None}
