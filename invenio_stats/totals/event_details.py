"""Add details to counted totals that a composite aggregation does not return: newest event and distinct counts.

If a total has few events, they are read: that costs the engine a tenth of an aggregation for the newest event of each
total. If it has many, or the events that were read do not match the count, an aggregation computes the details.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import UTC, parse
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body, Group
from invenio_stats.search.client import TooManyBucketsError
from invenio_stats.totals import search_bodies
from invenio_stats.totals.copied_fields import value_at
from invenio_stats.totals.model import CountedTotal, TotalKey, TotalSpec

MAX_EVENTS_READ = 16
"""Most events of a total for which they are read instead of aggregated."""

_EVENTS_PER_REQUEST = 9_000
"""Fewer than `_MAX_HITS`, since events may arrive between the count and the request."""
_MAX_HITS = 10_000
"""Documents in one response: the engine's default `index.max_result_window`."""
_NEVER = datetime.min.replace(tzinfo=UTC)

Event = Mapping[str, Any]


@dataclass
class _ReadEvents:
    """The details found so far in the events of one total."""

    count: int = 0
    moment: datetime = _NEVER
    newest: Event = field(default_factory=dict)
    values: dict[str, set[str]] = field(default_factory=dict)
    value_counts: dict[str, int] = field(default_factory=dict)
    """Number of values read, by metric; a repeated value counts each time."""


@dataclass(frozen=True)
class EventDetails:
    """Adds newest events and distinct counts to counted totals."""

    spec: TotalSpec
    counted: Body
    """Query for the events that count."""
    groups: Callable[[Body], Iterator[Group]]
    """Yields the groups of an aggregation, from all its pages."""
    documents: Callable[[Body], list[Event]]
    """Returns the events that a search finds."""
    page: int

    def add(self, counted: Iterable[CountedTotal]) -> None:
        """Set the newest event of each total, and replace its numbers of values by distinct counts."""
        needed = [total for total in counted if self.spec.copied != () or self._most_values(total) > 1]
        few = [total for total in needed if total.count <= MAX_EVENTS_READ]
        many = [total for total in needed if total.count > MAX_EVENTS_READ]
        for batch in _batches(few, lambda total: total.count, _EVENTS_PER_REQUEST):
            many += self._read(batch)
        many.sort(key=lambda total: total.total_key.start)
        for batch in _batches(many, self._values, search_bodies.MAX_BUCKETS_PER_REQUEST):
            self._aggregate(batch)

    def _values(self, total: CountedTotal) -> int:
        return 1 + sum(int(total.values[name]) for name in self.spec.distinct)

    def _most_values(self, total: CountedTotal) -> int:
        return max((int(total.values[name]) for name in self.spec.distinct), default=0)

    def _read(self, batch: list[CountedTotal]) -> list[CountedTotal]:
        """Read the events of these totals; return the totals whose events do not match the count."""
        read: dict[TotalKey, _ReadEvents] = {total.total_key: _ReadEvents() for total in batch}
        for event in self.documents(search_bodies.documents(self._query(batch), _MAX_HITS)):
            key = value_at(event, self.spec.key_field)
            moment = parse(event["timestamp"])
            total_key = TotalKey(floor(moment, self.spec.interval), key)
            if isinstance(key, str) and total_key in read:
                self._add_event(read[total_key], event, moment)
        return [total for total in batch if not self._apply(total, read[total.total_key])]

    def _add_event(self, read: _ReadEvents, event: Event, moment: datetime) -> None:
        read.count += 1
        if read.count == 1 or moment > read.moment or (moment == read.moment and _stamp(event) > _stamp(read.newest)):
            read.moment, read.newest = moment, event
        for name, metric in self.spec.distinct.items():
            value = value_at(event, metric.source)
            texts = {text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)}
            read.values.setdefault(name, set()).update(texts)
            read.value_counts[name] = read.value_counts.get(name, 0) + len(texts)

    def _apply(self, total: CountedTotal, read: _ReadEvents) -> bool:
        """Add the details to a total; return False if events were missing, or values are not strings."""
        if read.count != total.count or any(
            read.value_counts[name] != total.values[name] for name in self.spec.distinct
        ):
            return False
        if self.spec.copied != ():
            total.newest = read.newest
        total.values.update((name, len(values)) for name, values in read.values.items())
        return True

    def _aggregate(self, batch: list[CountedTotal]) -> None:
        """Get the details from aggregations: in one request, unless it would need too many buckets."""
        at_most = max(map(self._most_values, batch))
        newest = search_bodies.newest(self.spec) if self.spec.copied != () else {}
        distinct: dict[TotalKey, dict[str, int]] = {}
        try:
            groups = self._fetch_groups(batch, {**newest, **self._distinct_aggs(at_most)})
        except TooManyBucketsError:
            groups = self._fetch_groups(batch, newest) if newest else {}
            distinct = self._count_distinct_by_pages(batch)
        for total in batch:
            group = groups.get(total.total_key, {})
            if newest:
                total.newest = search_bodies.read_newest(group) if group else {}
            counts = {name: group[name]["count"] for name in self.spec.distinct if name in group}
            total.values.update(distinct.get(total.total_key, counts))

    def _query(self, batch: list[CountedTotal]) -> Body:
        return clauses.all_of(
            [self.counted, search_bodies.of_total_keys([total.total_key for total in batch], self.spec)]
        )

    def _fetch_groups(self, batch: list[CountedTotal], aggs: Body) -> dict[TotalKey, Group]:
        """Return the results of `aggs` for each total."""
        # One more than the totals, so that the page is not full: a full page would be followed by a second request.
        body = clauses.composite(self._query(batch), search_bodies.by_total_key(self.spec), len(batch) + 1, aggs)
        return {search_bodies.read_total_key(group): group for group in self.groups(body)}

    def _distinct_aggs(self, at_most: int) -> Body:
        """Return the aggregations for distinct counts of up to `at_most` values; empty if that is one."""
        if at_most >= search_bodies.MAX_BUCKETS_PER_REQUEST:
            raise TooManyBucketsError
        return search_bodies.distinct_measures(self.spec.distinct, at_most) if at_most > 1 else {}

    def _count_distinct_by_pages(self, batch: list[CountedTotal]) -> dict[TotalKey, dict[str, int]]:
        """Return distinct counts by paging through the distinct values, however many they are."""
        found: dict[TotalKey, dict[str, int]] = {}
        for name, metric in self.spec.distinct.items():
            sources = [*search_bodies.by_total_key(self.spec), clauses.by_value("value", metric.source)]
            for group in self.groups(clauses.composite(self._query(batch), sources, self.page)):
                counts = found.setdefault(search_bodies.read_total_key(group), dict.fromkeys(self.spec.distinct, 0))
                counts[name] += 1
        return found


def _stamp(event: Event) -> datetime:
    """Return the time when an event was stored."""
    return parse(event["updated_timestamp"]) if event.get("updated_timestamp") else _NEVER


def _batches(
    counted: list[CountedTotal], weigh: Callable[[CountedTotal], int], max_weight: int
) -> Iterator[list[CountedTotal]]:
    """Yield batches of totals that fit into one request; the totals must be in the order of their intervals."""
    batch: list[CountedTotal] = []
    weight = intervals = 0
    for total in counted:
        is_new = not batch or batch[-1].total_key.start != total.total_key.start
        if batch and (
            weight + weigh(total) > max_weight or (is_new and intervals == search_bodies.MAX_INTERVALS_PER_REQUEST)
        ):
            yield batch
            batch, weight, intervals, is_new = [], 0, 0, True
        batch.append(total)
        weight += weigh(total)
        intervals += is_new
    if batch:
        yield batch
