"""Verify the totals of an aggregation against a recount of its raw events, without writing anything."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple

from invenio_stats.aggregations import StatAggregator, UsageBreakdownAggregator
from invenio_stats.core.intervals import Interval, after, floor
from invenio_stats.core.moments import utc
from invenio_stats.operations.verification.breakdowns import BreakdownComparison
from invenio_stats.operations.verification.closed_indices import find_closed
from invenio_stats.operations.verification.comparison import Comparison, Difference, OnInterval
from invenio_stats.totals import breakdowns
from invenio_stats.totals.attributes import numbers_of, overrides, recount_of, store_of
from invenio_stats.totals.complete_days import estimate_day
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.usage_recount import UsageRecount

Reason = Literal["closed", "incomplete", "not_started", "not_due"]
"""closed: an index is closed that may have events or totals of the interval; incomplete: the interval begins before the
first complete day; not_started and not_due: it is outside of the limits that the aggregation's class sets."""

_MAX_YEAR = 9999


class Skipped(NamedTuple):
    """Intervals that cannot be compared."""

    reason: Reason
    limit: datetime | None
    """The first complete day, or the lower or upper limit of the aggregation; None for closed indices."""
    starts: list[datetime]


@dataclass
class Verification:
    """A comparison of one aggregation's totals between two dates."""

    name: str
    interval: Interval
    comparison: Comparison | BreakdownComparison | None
    """None if the aggregation cannot be compared: it has a custom `agg_iter`, or closed indices may hide events of any
    interval."""
    starts: list[datetime]
    """Starts of the intervals that have events or totals and can be compared."""
    skipped: list[Skipped]
    closed: list[str] = field(default_factory=list)
    """The closed indices of its events and totals: what is there is not compared."""
    found: int = 0
    """Number of differences found."""

    @property
    def totals(self) -> int:
        """Return the number of totals compared."""
        return self.comparison.totals if self.comparison else 0

    @property
    def others(self) -> int:
        """Return the number of totals of other aggregations that were read, and not compared."""
        return self.comparison.others if self.comparison else 0

    def differences(self, on_interval: OnInterval | None = None) -> Iterator[Difference]:
        """Compare, and yield the differences, interval by interval."""
        if self.comparison is not None:
            for difference in self.comparison.differences(self.starts, on_interval):
                self.found += 1
                yield difference


def is_verifiable(aggregator: Any) -> bool:
    """Return True if the totals of an aggregator can be compared with a recount: it counts in one of our ways."""
    if not isinstance(aggregator, StatAggregator):
        return False
    return isinstance(aggregator, UsageBreakdownAggregator) or not overrides(aggregator, "agg_iter")


def prepare(aggregator: Any, first: datetime | None = None, last: datetime | None = None) -> Verification:
    """Find the intervals between two dates, both included, that have events or totals; nothing is compared yet.

    An interval that contains one of the dates is compared as a whole. Searches pass over closed indices, so intervals
    that may have events or totals there are left out.
    """
    interval: Interval = getattr(aggregator, "interval", "day")
    if not is_verifiable(aggregator):
        return Verification(aggregator.name, interval, None, [], [])
    closed = find_closed(aggregator)
    if closed.hides_all:
        return Verification(aggregator.name, interval, None, [], [], closed.indices)
    recount = recount_of(aggregator)
    comparison: Comparison | BreakdownComparison
    if isinstance(aggregator, UsageBreakdownAggregator):
        comparison = _compare_breakdowns(aggregator, recount)
    else:
        comparison = Comparison(recount, store_of(aggregator), interval, numbers_of(aggregator))
    comparison.refresh()
    starts = comparison.starts(*range_edges(first, last, interval))
    hidden = [start for start in starts if closed.hides(start)]
    starts, skipped = _exclude(aggregator, sorted(set(starts).difference(hidden)))
    if hidden:
        skipped.insert(0, Skipped("closed", None, hidden))
    return Verification(aggregator.name, interval, comparison, starts, skipped, closed.indices)


def _compare_breakdowns(aggregator: UsageBreakdownAggregator, recount: Recount | None) -> BreakdownComparison:
    now = utc(datetime.now(timezone.utc))
    return BreakdownComparison(
        breakdowns.recount_of_breakdowns(aggregator, recount) if isinstance(recount, UsageRecount) else None,
        breakdowns.store_of_breakdowns(aggregator),
        floor(now, "day"),
        estimate_day(aggregator, now),
    )


def range_edges(
    first: datetime | None, last: datetime | None, interval: Interval
) -> tuple[datetime | None, datetime | None]:
    """Return start and end (exclusive) of the intervals that contain two dates; hours are extended to whole days."""
    whole: Interval = "day" if interval == "hour" else interval
    start = None if first is None else floor(first, whole)
    return start, None if last is None or utc(last).year == _MAX_YEAR else after(last, whole)


def _exclude(aggregator: StatAggregator, starts: Iterable[datetime]) -> tuple[list[datetime], list[Skipped]]:
    kept, skipped = list(starts), []
    for reason, limit, is_included in _limits(aggregator):
        out = [start for start in kept if not is_included(start)]
        if out:
            skipped.append(Skipped(reason, limit, out))
            kept = [start for start in kept if is_included(start)]
    return kept, skipped


def _limits(aggregator: StatAggregator) -> Iterator[tuple[Reason, datetime, Callable[[datetime], bool]]]:
    day = estimate_day(aggregator, datetime.now(timezone.utc))
    yield "incomplete", day, lambda start: start >= day
    # A subclass may start later than at the oldest event, and end earlier than now.
    begins = overrides(aggregator, "_get_oldest_event_timestamp")
    oldest = aggregator._get_oldest_event_timestamp() if begins else None
    if oldest is not None:
        begin = floor(oldest, aggregator.interval)
        yield "not_started", begin, lambda start: start >= begin
    if isinstance(aggregator, UsageBreakdownAggregator):
        end = breakdowns.end_of_finished_days(aggregator, datetime.now(timezone.utc))
        yield "not_due", end, lambda start: start < end
    if overrides(aggregator, "_upper_limit"):
        upper = utc(aggregator._upper_limit(None))
        if upper < datetime.now(timezone.utc):
            limit = after(upper, aggregator.interval)
            yield "not_due", limit, lambda start: start < limit
