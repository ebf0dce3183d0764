"""Recount usage totals by reading the events of a few keys at a time, and adding them up in the worker.

An aggregation in the engine costs as much for each event, and more for each total: it would need the newest event, too.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from heapq import merge
from itertools import groupby
from typing import Any

from invenio_stats.core.intervals import after, floor
from invenio_stats.core.item_usage import AccessTypeOf, Tally
from invenio_stats.core.moments import parse
from invenio_stats.core.usage_fields import FORMER_IDS, key_of
from invenio_stats.search import clauses, scan
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.field_types import read_field_types
from invenio_stats.totals import search_bodies
from invenio_stats.totals.model import CountedTotal, TotalKey
from invenio_stats.totals.recount import Recount, Touched, check_complete
from invenio_stats.totals.usage import Usage

_SHARE = 0.9
"""Share of a response that the events of a request are expected to fill: more may arrive before it is answered."""
_OPTIONS = {"filter_path": "timed_out,_shards,hits.hits._id,hits.hits._source"}

Hit = Mapping[str, Any]


@dataclass(frozen=True)
class UsageRecount(Recount):
    """Counts usage totals exactly, whatever their size; memory grows with the events of one response, or one total."""

    usage: Usage
    requests_by_alias: Mapping[str, bool]
    """The aliases of the event types, each with whether its events are requests."""
    access_type_of: AccessTypeOf

    @property
    def key_fields(self) -> Sequence[str]:
        """The fields of an event that may hold its key."""
        return self.usage.key_fields

    def find_touched(self, where: Body) -> Touched:
        """Return the total keys of matching events, including events that do not count."""
        found = [part.find_touched(query) for part, query in (*self._parts(where), *self._former_parts(where))]
        events = found[0].events  # also those without the first key field
        if any(touched.total_keys is None for touched in found):
            return Touched(events, None)
        return Touched(events, sorted({total_key for touched in found for total_key in touched.total_keys or ()}))

    def iter_total_keys(self, where: Body) -> Iterator[TotalKey]:
        """Yield the total keys of matching events, also of those that do not count, in order."""
        # Interval by interval: a request of a composite aggregation reads all events that its query matches.
        for start in sorted(self.count_events(where)):
            within = clauses.between(start, after(start, self.spec.interval))
            query = clauses.all_of([where, within])
            keys = [part.iter_keys(of_part) for part, of_part in self._parts(query)]
            keys += [_keys_in(part.iter_total_keys(of_part)) for part, of_part in self._former_parts(query)]
            for key, _ in groupby(merge(*keys)):
                yield TotalKey(start, key)

    def count_keys(self, total_keys: Iterable[TotalKey]) -> Iterator[CountedTotal]:
        """Count total keys, given in the order of their intervals; without events that count, the count is 0."""
        at_most = search_bodies.MAX_INTERVALS_PER_REQUEST // len(self.usage.key_fields)
        for window in search_bodies.windows(total_keys, self.page, at_most):
            events = self.count_events_of(window)
            for part in _split(window, events, max(1, int(self.page * _SHARE))):
                tallies = self._read([total_key for total_key in part if events[total_key]])
                yield from (_counted(total_key, tallies.get(total_key)) for total_key in part)

    def count_all(self, where: Body, with_gone: bool = True) -> Iterator[CountedTotal]:
        """Count all total keys of matching events; `with_gone` adds those without events that count."""
        counted = self.count_keys(self.iter_total_keys(where))
        return (counted_total for counted_total in counted if with_gone or counted_total.count)

    def count_events_of(self, total_keys: list[TotalKey], where: Body | None = None) -> Counter[TotalKey]:
        """Return the number of events that count, by total key."""
        found: Counter[TotalKey] = Counter()
        for part, query in self._parts(where):
            found.update(part.count_events_of(total_keys, query))
        return found

    @property
    def count_fields(self) -> Sequence[str]:
        """The fields of a total whose sum is the number of its events."""
        return self.usage.count_fields

    def count_documents(self, total_keys: Iterable[TotalKey], where: Body | None = None) -> Counter[TotalKey]:
        """Return the number of events by total key, also of those that do not count, or now belong to another key."""
        wanted, found = list(total_keys), Counter[TotalKey]()
        for part, query in (*self._parts(where), *self._former_parts(where)):
            found.update(part.count_documents(wanted, query))
        return found

    def of_total_keys(self, total_keys: Sequence[TotalKey]) -> Body:
        """Return the query for the events that total keys have or had, given in the order of their intervals."""
        return _of_parts([*self._parts(), *self._former_parts()], total_keys)

    def count_keyless(self, where: Body) -> dict[str, dict[datetime, int]]:
        """Return the number of events that would count, but have no key, by alias of their type and interval."""
        return self._count_by_alias(clauses.all_of([where, clauses.none_of(self._have_key())]))

    def count_keyed(self, where: Body) -> dict[str, dict[datetime, int]]:
        """Return the number of events that count and have a key, by alias of their type and interval."""
        return self._count_by_alias(clauses.all_of([where, clauses.any_of(self._have_key())]))

    def _have_key(self) -> list[Body]:
        return [{"exists": {"field": field}} for field in self._key_fields]

    def _count_by_alias(self, query: Body) -> dict[str, dict[datetime, int]]:
        return {alias: replace(self, alias=alias).count_counted(query) for alias in self.requests_by_alias}

    def _read(self, total_keys: list[TotalKey]) -> dict[TotalKey, Tally]:
        """Add up the events of total keys."""
        tallies: dict[TotalKey, Tally] = {total_key: self.usage.tally(self.access_type_of) for total_key in total_keys}
        if not tallies:
            return tallies
        fields = [part.spec.key_field for part, _ in self._parts()]
        query = clauses.all_of([self.counted, _of_parts(self._parts(), total_keys)])
        for alias, is_request in self.requests_by_alias.items():
            for hit in self._hits(alias, query):
                event = hit["_source"]
                moment = parse(event["timestamp"])
                tally = tallies.get(TotalKey(floor(moment, self.spec.interval), key_of(event, fields)))
                if tally is not None:
                    tally.add(event, hit["_id"], moment, is_request)
        return tallies

    def _hits(self, alias: str, query: Body) -> Iterable[Hit]:
        """Return the events that a query finds behind an alias, in any order."""
        answer = search(SearchRequest(self.client, alias, search_bodies.documents(query, self.page), _OPTIONS))
        check_complete(answer)
        hits: list[Hit] = answer.get("hits", {}).get("hits", [])
        return hits if len(hits) < self.page else scan.hits(self.client, alias, query, skips_closed=True)

    def _parts(self, where: Body | None = None) -> Iterator[tuple[Recount, Body]]:
        """Yield for each key field a recount by it, and the query for those of the events whose key it holds."""
        for number, field in enumerate(self._key_fields):
            lacking = [{"exists": {"field": earlier}} for earlier in self._key_fields[:number]]
            queries = [*([where] if where else []), *([clauses.none_of(lacking)] if lacking else [])]
            yield self._by(field), clauses.all_of(queries) if queries else {"match_all": {}}

    def _former_parts(self, where: Body | None = None) -> Iterator[tuple[Recount, Body]]:
        """Yield what finds the keys that events had before they were changed: their totals have to lose them."""
        if FORMER_IDS in self._mapped:
            changed: Body = {"exists": {"field": FORMER_IDS}}
            yield self._by(FORMER_IDS), clauses.all_of([changed, *([where] if where else [])])

    def _by(self, key_field: str) -> Recount:
        spec = replace(self.spec, key_field=key_field)
        return Recount(self.client, spec, self.alias, self.indices, self.counted, self.page)

    @property
    def _key_fields(self) -> list[str]:
        """The key fields that any event may have; at least the first one."""
        return [field for field in self.usage.key_fields if field in self._mapped] or [self.usage.key_fields[0]]

    @cached_property
    def _mapped(self) -> Collection[str]:
        """Those of the fields that may hold a key, now or before, which any event may have."""
        fields = self.usage.key_fields
        return fields if len(fields) == 1 else read_field_types(self.client, self.alias, [*fields, FORMER_IDS]).types


def _of_parts(parts: Iterable[tuple[Recount, Body]], total_keys: Sequence[TotalKey]) -> Body:
    """Return the query for the events of total keys, given in the order of their intervals."""
    return clauses.any_of(
        [clauses.all_of([query, search_bodies.of_total_keys(total_keys, part.spec)]) for part, query in parts]
    )


def _keys_in(total_keys: Iterable[TotalKey]) -> Iterator[str]:
    return (total_key.key for total_key in total_keys)


def _counted(total_key: TotalKey, tally: Tally | None) -> CountedTotal:
    if tally is None or not tally.count:
        return CountedTotal(total_key)
    return CountedTotal(total_key, tally.count, tally.values(), tally.newest)


def _split(window: list[TotalKey], events: Mapping[TotalKey, int], at_most: int) -> Iterator[list[TotalKey]]:
    """Yield parts of a window with so many events at most; a total key with more is a part of its own."""
    part: list[TotalKey] = []
    number = 0
    for total_key in window:
        if part and number + events[total_key] > at_most:
            yield part
            part, number = [], 0
        part.append(total_key)
        number += events[total_key]
    if part:
        yield part
