"""Find the first day from which an aggregation can be counted anew: the latest of those of its event types."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core import names
from invenio_stats.core.intervals import Interval
from invenio_stats.search.aliases import with_prefix
from invenio_stats.search.multi_get import Found
from invenio_stats.totals.attributes import Aggregator, event_types_of, events_alias_of, store_of


def find_day(aggregator: Aggregator, now: datetime, read_days: Sequence[Found] = ()) -> datetime:
    """Return the day and keep it; `read_days` are the documents at `documents`, if they have just been read."""
    reads: Sequence[Found | None] = read_days or [None] * len(documents(aggregator))
    return max(
        day.kept.find(day.events, day.totals, day.interval, now, read)
        for day, read in zip(_days(aggregator), reads, strict=True)
    )


def estimate_day(aggregator: Aggregator, now: datetime) -> datetime:
    """Return what `find_day` would return, and keep nothing."""
    return max(day.kept.estimate(day.events, day.totals, day.interval, now) for day in _days(aggregator))


def known_day(aggregator: Aggregator) -> datetime | None:
    """Return the day as the last run has found it; None if nothing is known."""
    days = [FirstCompleteDay(aggregator.client, event).get() for event in event_types_of(aggregator)]
    return max((day for day in days if day is not None), default=None)


def documents(aggregator: Aggregator) -> list[Mapping[str, str]]:
    """Return index and id of the documents that hold the first complete days of the event types."""
    return [FirstCompleteDay(aggregator.client, event).document_ref for event in event_types_of(aggregator)]


class _Day(NamedTuple):
    kept: FirstCompleteDay
    events: str
    totals: str
    interval: Interval


def _days(aggregator: Aggregator) -> Iterator[_Day]:
    event_types = event_types_of(aggregator)
    client: Any = aggregator.client
    if len(event_types) == 1:
        alias, totals = events_alias_of(aggregator), store_of(aggregator).alias
        yield _Day(FirstCompleteDay(client, aggregator.event), alias, totals, aggregator.interval)
        return
    for event in event_types:
        # Judged by the totals of the type: those of several types may begin before the first event of this one.
        events, totals = with_prefix(names.events_alias(event)), with_prefix(names.totals_alias(event))
        yield _Day(FirstCompleteDay(client, event), events, totals, aggregator.interval)
