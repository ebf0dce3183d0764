"""Compare the day totals of a month with a count of their raw events."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from invenio_search.engine import search as engine

from invenio_stats.core.counter_months import Edges
from invenio_stats.core.intervals import after, starts
from invenio_stats.core.month_indices import period
from invenio_stats.counter.closing.day_totals import Numbers, sum_days
from invenio_stats.counter.closing.sources import Source
from invenio_stats.errors import StatsError
from invenio_stats.search import clauses
from invenio_stats.search.aliases import closed_indices_of, fetch_closed, indices_of
from invenio_stats.search.failures import status_of
from invenio_stats.totals.attributes import events_alias_of, recount_of
from invenio_stats.totals.complete_days import estimate_day
from invenio_stats.totals.usage_recount import UsageRecount

TOTAL, REQUESTS = "total_item_investigations", "total_item_requests"
SEARCHES = "count"


class DayDifference(NamedTuple):
    """A day whose totals are no count of its raw events."""

    day: date
    field: str
    totals: int
    events: int


class RawDays(NamedTuple):
    """What a comparison has told, of the days of a month."""

    differences: list[DayDifference]
    unreadable: list[date]
    """Days whose raw events cannot be read: their index is closed, or has lost a shard."""
    gone: list[date]
    """Days before the first complete day: their raw events are no longer complete, and they are not compared."""
    uncovered: list[date]
    """Days of which there is no index of raw events."""
    closed_totals: list[str]
    """Closed indices of totals of the month, whose numbers are not in the sums."""
    sums: Mapping[date, Numbers]
    """The sums of the totals of each day that has any."""
    keyless: int
    """Raw events that would count, but have no item; those of days that were not read are not among them."""


def compare_days(source: Source, edges: Edges, now: datetime, fields: tuple[str, ...]) -> RawDays:
    """Compare all days of a month; `fields` are the sums to compare: TOTAL and REQUESTS, or SEARCHES."""
    aggregator, client = source.aggregator, source.aggregator.client
    for alias in (events_alias_of(aggregator), source.alias):
        client.indices.refresh(index=alias, ignore_unavailable=True)
    sums = sum_days(client, source.alias, edges, fields)
    first_complete = estimate_day(aggregator, now).date()
    days = [start.date() for start in starts(edges.start, edges.end - timedelta(days=1), "day")]
    gone = [day for day in days if day < first_complete]
    recount = recount_of(aggregator)
    closed = set(_closed_days(source, days)) - set(gone)
    counts = _count_days(recount, edges, closed) if isinstance(recount, UsageRecount) else _Counts({}, set(), 0)
    unreadable = (closed | counts.unreadable) - set(gone)
    differences = [
        DayDifference(day, field, total, events)
        for day in days
        if day not in unreadable and day >= first_complete
        for field in fields
        if (total := sums.get(day, {}).get(field, 0)) != (events := counts.events.get(day, {}).get(field, 0))
    ]
    uncovered, closed_totals = _uncovered_days(source, days), _closed_totals(source, days)
    return RawDays(differences, sorted(unreadable), gone, uncovered, closed_totals, sums, counts.keyless)


class _Counts(NamedTuple):
    events: Mapping[date, Mapping[str, int]]
    """The numbers of events by day, under the name of the sum that has to be equal."""
    unreadable: set[date]
    keyless: int


def _closed_days(source: Source, days: list[date]) -> Iterator[date]:
    client = source.aggregator.client
    for alias in events_alias_of(source.aggregator).split(","):
        for index in closed_indices_of(client, alias):
            covered = period(alias, index)
            if covered is not None:
                yield from (day for day in days if f"{day}".startswith(covered.day or covered.month))


def _closed_totals(source: Source, days: list[date]) -> list[str]:
    closed = fetch_closed(source.aggregator.client, [source.alias])
    return [found.index_name for found in closed if found.days.first <= days[-1] and days[0] <= found.days.last]


def _uncovered_days(source: Source, days: list[date]) -> list[date]:
    periods = [
        period(alias, index)
        for alias in events_alias_of(source.aggregator).split(",")
        for index in indices_of(source.aggregator.client, alias)
    ]
    if None in periods:  # an index of any name may have events of any day
        return []
    beginnings = tuple(covered.day or covered.month for covered in periods if covered is not None)
    return [day for day in days if not f"{day}".startswith(beginnings)]


def _count_days(recount: UsageRecount, edges: Edges, closed: set[date]) -> _Counts:
    """Count the events of all days at once; if that fails, day by day, so that one lost shard hides its days only."""
    try:
        return _count(recount, edges)
    except (engine.exceptions.TransportError, StatsError) as error:
        if isinstance(error, engine.exceptions.TransportError) and status_of(error) is None:
            raise  # the engine does not answer at all
    found: dict[date, Mapping[str, int]] = {}
    unreadable, keyless = set(closed), 0
    for start in starts(edges.start, edges.end - timedelta(days=1), "day"):
        try:
            counts = _count(recount, Edges(start, after(start, "day")))
        except (engine.exceptions.TransportError, StatsError):
            unreadable.add(start.date())
        else:
            found |= counts.events
            keyless += counts.keyless
    return _Counts(found, unreadable, keyless)


def _count(recount: UsageRecount, edges: Edges) -> _Counts:
    events: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for alias, days in recount.count_keyed(clauses.between(*edges)).items():
        for start, number in days.items():
            events[start.date()][TOTAL] += number
            events[start.date()][SEARCHES] += number
            events[start.date()][REQUESTS] += number if recount.requests_by_alias[alias] else 0
    keyless = recount.count_keyless(clauses.between(*edges)).values() if recount.usage.reports_keyless else ()
    return _Counts(events, set(), sum(sum(days.values()) for days in keyless))
