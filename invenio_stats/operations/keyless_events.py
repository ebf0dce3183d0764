"""Count the events without an item, which the usage of items leaves out, by day."""

from invenio_stats.aggregations import StatAggregator
from invenio_stats.core.intervals import after
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.search import clauses
from invenio_stats.totals.attributes import event_types_of, recount_of
from invenio_stats.totals.usage_recount import UsageRecount

REASON = "without_item"


def count(aggregator: StatAggregator) -> None:
    """Set the counters of the days that the last run of an aggregation has counted; they never become lower."""
    usage = aggregator.usage
    if usage is None or not usage.reports_keyless or not aggregator.counted:
        return
    recount = recount_of(aggregator)
    if not isinstance(recount, UsageRecount):
        return
    days = set(aggregator.counted)
    where = clauses.between(min(days), after(max(days), aggregator.interval))
    numbers = recount.count_keyless(where).values()
    lines = [
        ingest_counters.Line(start.date(), event_type, REASON, number)
        for event_type, by_interval in zip(event_types_of(aggregator), numbers, strict=True)
        for start, number in by_interval.items()
        if start in days
    ]
    if lines:
        ingest_counters.keep(aggregator.client, aggregator.name, lines)
