"""Find the closed indices of an aggregation's events and totals, and the intervals that these hide from searches."""

from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.aggregations import UsageBreakdownAggregator
from invenio_stats.core.month_indices import period
from invenio_stats.search.aliases import closed_indices_of, indices_of
from invenio_stats.totals.attributes import events_alias_of, store_of
from invenio_stats.totals.model import TotalKey


class ClosedIndices(NamedTuple):
    """The closed indices of an aggregation, and what they may have."""

    indices: list[str]
    hides_all: bool
    """Whether the names do not tell which intervals have events there, or each interval may be of several indices."""
    event_dates: frozenset[str]
    """The months and days of the events, such as '2026-01' and '2026-01-31'."""
    totals: frozenset[str]
    """The closed indices of totals."""
    store: Any

    def hides(self, start: datetime) -> bool:
        """Return True if events or totals of an interval may be in a closed index."""
        if not self.event_dates.isdisjoint((f"{start:%Y-%m}", f"{start:%Y-%m-%d}")):
            return True
        if not self.totals:
            return False
        name, _document_id = self.store.document_ref(TotalKey(start, ""))
        return name in self.totals or not self.totals.isdisjoint(indices_of(self.store.client, name))


def find_closed(aggregator: Any) -> ClosedIndices:
    """Return the closed indices of an aggregation."""
    client, store = aggregator.client, store_of(aggregator)
    aliases = events_alias_of(aggregator).split(",")
    events = {index: alias for alias in aliases for index in closed_indices_of(client, alias)}
    totals = frozenset(closed_indices_of(client, store.alias))
    covered = [period(alias, index) for index, alias in events.items()]
    return ClosedIndices(
        sorted({*events, *totals}),
        bool(events and not _is_in_one_index(aggregator)) or None in covered or bool(totals and _is_folded(aggregator)),
        frozenset(found.day or found.month for found in covered if found),
        totals,
        store,
    )


def _is_in_one_index(aggregator: Any) -> bool:
    """Return True if the events of an interval are all of one day."""
    return aggregator.interval in ("hour", "day") and not _is_folded(aggregator)


def _is_folded(aggregator: Any) -> bool:
    """Return True for breakdowns, whose days are folded to months."""
    return isinstance(aggregator, UsageBreakdownAggregator)
