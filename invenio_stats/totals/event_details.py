"""Details: what only the single events of a pair say, its newest event and how many distinct values there are.

Few events are read themselves, which costs the engine a tenth of asking it for the newest of each pair. Where there
are many, or where those that were read do not add up to what the engine has counted, it is asked.
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

FEW = 16
"""Events of a pair that are read."""

_DOCUMENTS_AT_ONCE = 9_000
"""A little under what the engine gives in one answer, since events may come in meanwhile."""
_MOST_DOCUMENTS = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)

Event = Mapping[str, Any]


@dataclass
class _Seen:
    """What the events of a pair said."""

    count: int = 0
    moment: datetime = _NEVER
    newest: Event = field(default_factory=dict)
    values: dict[str, set[str]] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    """How many values there were, by metric."""


@dataclass(frozen=True)
class EventDetails:
    """Adds to pairs what their counts do not say."""

    spec: TotalSpec
    counted: Body
    """Which events count."""
    groups: Callable[[Body], Iterator[Group]]
    """Asks the engine for groups."""
    documents: Callable[[Body], list[Event]]
    """Asks the engine for events."""
    page: int

    def add(self, counted: Iterable[CountedTotal]) -> None:
        """Give each pair its newest event, and its distinct counts, where it has the numbers of values now."""
        needed = [one for one in counted if self.spec.copied != () or self._most_values(one) > 1]
        few = [one for one in needed if one.count <= FEW]
        many = [one for one in needed if one.count > FEW]
        for batch in _batches(few, lambda one: one.count, _DOCUMENTS_AT_ONCE):
            many += self._read(batch)
        many.sort(key=lambda one: one.total_key.start)
        for batch in _batches(many, self._values, search_bodies.BUCKETS_AT_ONCE):
            self._ask(batch)

    def _values(self, one: CountedTotal) -> int:
        return 1 + sum(int(one.values[name]) for name in self.spec.distinct)

    def _most_values(self, one: CountedTotal) -> int:
        return max((int(one.values[name]) for name in self.spec.distinct), default=0)

    def _read(self, batch: list[CountedTotal]) -> list[CountedTotal]:
        """Read the events of these pairs; return the pairs that they do not add up for."""
        seen: dict[TotalKey, _Seen] = {one.total_key: _Seen() for one in batch}
        for event in self.documents(search_bodies.documents(self._query(batch), _MOST_DOCUMENTS)):
            key = value_at(event, self.spec.key_field)
            moment = parse(event["timestamp"])
            total_key = TotalKey(floor(moment, self.spec.interval), key)
            if isinstance(key, str) and total_key in seen:
                self._take(seen[total_key], event, moment)
        return [one for one in batch if not self._settle(one, seen[one.total_key])]

    def _take(self, seen: _Seen, event: Event, moment: datetime) -> None:
        seen.count += 1
        if seen.count == 1 or moment > seen.moment or (moment == seen.moment and _stamp(event) > _stamp(seen.newest)):
            seen.moment, seen.newest = moment, event
        for name, metric in self.spec.distinct.items():
            value = value_at(event, metric.source)
            values = {one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)}
            seen.values.setdefault(name, set()).update(values)
            seen.held[name] = seen.held.get(name, 0) + len(values)

    def _settle(self, one: CountedTotal, seen: _Seen) -> bool:
        """Add what was seen, unless something was not, or is of another type than text."""
        if seen.count != one.count or any(seen.held[name] != one.values[name] for name in self.spec.distinct):
            return False
        if self.spec.copied != ():
            one.newest = seen.newest
        one.values.update((name, len(values)) for name, values in seen.values.items())
        return True

    def _ask(self, batch: list[CountedTotal]) -> None:
        """Let the engine say it: in one request, unless there are too many distinct values for one."""
        at_most = max(map(self._most_values, batch))
        newest = search_bodies.newest(self.spec) if self.spec.copied != () else {}
        distinct: dict[TotalKey, dict[str, int]] = {}
        try:
            groups = self._measured(batch, {**newest, **self._distinct(at_most)})
        except TooManyBucketsError:
            groups = self._measured(batch, newest) if newest else {}
            distinct = self._distinct_by_pages(batch)
        for one in batch:
            group = groups.get(one.total_key, {})
            if newest:
                one.newest = search_bodies.read_newest(group) if group else {}
            counts = {name: group[name]["count"] for name in self.spec.distinct if name in group}
            one.values.update(distinct.get(one.total_key, counts))

    def _query(self, batch: list[CountedTotal]) -> Body:
        return clauses.all_of([self.counted, search_bodies.of_total_keys([one.total_key for one in batch], self.spec)])

    def _measured(self, batch: list[CountedTotal], aggs: Body) -> dict[TotalKey, Group]:
        """Ask for measures of each pair."""
        # One more than there are: a page that is not full is the last one.
        body = clauses.composite(self._query(batch), search_bodies.by_total_key(self.spec), len(batch) + 1, aggs)
        return {search_bodies.read_total_key(group): group for group in self.groups(body)}

    def _distinct(self, at_most: int) -> Body:
        """Return what asks for distinct counts of pairs with up to so many values; nothing where one each is all."""
        if at_most >= search_bodies.BUCKETS_AT_ONCE:
            raise TooManyBucketsError
        return search_bodies.distinct_measures(self.spec.distinct, at_most) if at_most > 1 else {}

    def _distinct_by_pages(self, batch: list[CountedTotal]) -> dict[TotalKey, dict[str, int]]:
        """Count distinct values one by one, at any number of them."""
        found: dict[TotalKey, dict[str, int]] = {}
        for name, metric in self.spec.distinct.items():
            sources = [*search_bodies.by_total_key(self.spec), clauses.by_value("value", metric.source)]
            for group in self.groups(clauses.composite(self._query(batch), sources, self.page)):
                counts = found.setdefault(search_bodies.read_total_key(group), dict.fromkeys(self.spec.distinct, 0))
                counts[name] += 1
        return found


def _stamp(event: Event) -> datetime:
    """Return when an event was stored."""
    return parse(event["updated_timestamp"]) if event.get("updated_timestamp") else _NEVER


def _batches(
    counted: list[CountedTotal], weigh: Callable[[CountedTotal], int], most: int
) -> Iterator[list[CountedTotal]]:
    """Yield pairs, which are in the order of their intervals, as many as fit into one request."""
    batch: list[CountedTotal] = []
    weight = intervals = 0
    for one in counted:
        is_new = not batch or batch[-1].total_key.start != one.total_key.start
        if batch and (weight + weigh(one) > most or (is_new and intervals == search_bodies.INTERVALS_AT_ONCE)):
            yield batch
            batch, weight, intervals, is_new = [], 0, 0, True
        batch.append(one)
        weight += weigh(one)
        intervals += is_new
    if batch:
        yield batch
