"""Verify: recounts the raw events of an aggregation and compares its totals with that; it writes nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple

from invenio_stats.aggregations import StatAggregator
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.intervals import Interval, after, floor
from invenio_stats.core.moments import utc
from invenio_stats.operations.verification.comparison import Comparison, Difference, OnInterval
from invenio_stats.totals.attributes import check_open, events_alias_of, overrides, recount_of, store_of

Reason = Literal["incomplete", "not_started", "not_due"]
"""The interval begins before the first complete day; before the aggregation's own beginning; after its own end."""

_LAST_YEAR = 9999


class Skipped(NamedTuple):
    """Intervals that cannot be compared."""

    reason: Reason
    limit: datetime
    """The first complete day, or the beginning or end that the aggregation has."""
    starts: list[datetime]


@dataclass
class Verification:
    """One aggregation, ready to be compared between two dates."""

    name: str
    interval: Interval
    comparison: Comparison | None
    """None where the aggregation cannot be compared: it has an `agg_iter` of its own."""
    starts: list[datetime]
    """Of the intervals that hold events or totals and can be compared."""
    skipped: list[Skipped]
    found: int = 0
    """How many differences there were."""

    @property
    def totals(self) -> int:
        """Return how many totals have been compared."""
        return self.comparison.totals if self.comparison else 0

    @property
    def others(self) -> int:
        """Return how many totals of somebody else's were met, which were not compared."""
        return self.comparison.others if self.comparison else 0

    def differences(self, on_interval: OnInterval | None = None) -> Iterator[Difference]:
        """Compare, and yield what differs, interval by interval."""
        if self.comparison is not None:
            for difference in self.comparison.differences(self.starts, on_interval):
                self.found += 1
                yield difference


def is_verifiable(aggregator: Any) -> bool:
    """Say whether we know what an aggregator writes."""
    return isinstance(aggregator, StatAggregator) and not overrides(aggregator, "agg_iter")


def prepare(aggregator: Any, first: datetime | None = None, last: datetime | None = None) -> Verification:
    """Find the intervals between two dates, both included, that hold events or totals; nothing is compared yet.

    An interval that holds one of the dates is compared as a whole.
    """
    interval: Interval = getattr(aggregator, "interval", "day")
    if not is_verifiable(aggregator):
        return Verification(aggregator.name, interval, None, [], [])
    recount = recount_of(aggregator)
    if recount is not None:
        check_open(aggregator)
    measures = ("count", *(aggregator.metric_fields or {}))
    comparison = Comparison(recount, store_of(aggregator), interval, measures)
    comparison.refresh()
    starts, skipped = _sort_out(aggregator, comparison.starts(*range_edges(first, last, interval)))
    return Verification(aggregator.name, interval, comparison, starts, skipped)


def range_edges(
    first: datetime | None, last: datetime | None, interval: Interval
) -> tuple[datetime | None, datetime | None]:
    """Return where the intervals between two dates begin, and where they have ended; of hours it is whole days."""
    whole: Interval = "day" if interval == "hour" else interval
    start = None if first is None else floor(first, whole)
    return start, None if last is None or utc(last).year == _LAST_YEAR else after(last, whole)


def _sort_out(aggregator: StatAggregator, starts: Iterable[datetime]) -> tuple[list[datetime], list[Skipped]]:
    kept, skipped = list(starts), []
    for reason, limit, is_in in _limits(aggregator):
        out = [start for start in kept if not is_in(start)]
        if out:
            skipped.append(Skipped(reason, limit, out))
            kept = [start for start in kept if is_in(start)]
    return kept, skipped


def _limits(aggregator: StatAggregator) -> Iterator[tuple[Reason, datetime, Callable[[datetime], bool]]]:
    kept, now = FirstCompleteDay(aggregator.client, aggregator.event), datetime.now(timezone.utc)
    day = kept.estimate(events_alias_of(aggregator), store_of(aggregator).alias, aggregator.interval, now)
    yield "incomplete", day, lambda start: start >= day
    # A subclass may begin later than with the oldest event, and end earlier than now.
    begins = overrides(aggregator, "_get_oldest_event_timestamp")
    oldest = aggregator._get_oldest_event_timestamp() if begins else None
    if oldest is not None:
        begin = floor(oldest, aggregator.interval)
        yield "not_started", begin, lambda start: start >= begin
    if overrides(aggregator, "_upper_limit"):
        upper = utc(aggregator._upper_limit(None))
        if upper < datetime.now(timezone.utc):
            end = after(upper, aggregator.interval)
            yield "not_due", end, lambda start: start < end
