"""Recount totals from raw events, page by page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby
from typing import Any, NamedTuple

from invenio_stats.core.mappings import WAS_DOUBLED
from invenio_stats.core.moments import UTC, parse
from invenio_stats.errors import StatsError
from invenio_stats.search import clauses
from invenio_stats.search.clauses import GROUPS, Body, Group
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.totals import search_bodies
from invenio_stats.totals.event_details import EventDetails
from invenio_stats.totals.model import CountedTotal, TotalKey, TotalSpec

_OPTIONS = {"filter_path": f"-hits,-aggregations.{GROUPS}.buckets.{search_bodies.VALUES}*"}
"""Keeps the distinct values themselves out of the response; only their number is needed."""

_END_OF_COUNTS: tuple[datetime, Iterator[CountedTotal]] = (datetime.max.replace(tzinfo=UTC), iter(()))


class Touched(NamedTuple):
    """The intervals and total keys that some events belong to."""

    events: Mapping[datetime, int]
    """Number of events, by start of interval."""
    total_keys: list[TotalKey] | None
    """The total keys, in the order of their intervals; None if there are too many for a page."""


@dataclass(frozen=True)
class Recount:
    """Counts the totals of one aggregation exactly; the number of requests is proportional to the number of pages.

    Every method that takes `where`, a query, says whether it also reads events that do not count.
    """

    client: Any
    spec: TotalSpec
    alias: str
    """Alias of the events that count."""
    indices: Sequence[str]
    """The indices behind the alias. The alias may filter out an event that no longer counts; its index does not."""
    counted: Body
    """Query for the events that count."""
    page: int
    """Maximum number of groups in one response."""

    @property
    def key_fields(self) -> Sequence[str]:
        """The fields of an event that may hold its key."""
        return [self.spec.key_field]

    def count_events(self, where: Body) -> dict[datetime, int]:
        """Return the number of matching events by start of interval, including events that do not count."""
        body = clauses.composite(where, clauses.by_interval(self.spec.interval), self.page)
        groups = self._groups(body, everywhere=True)
        return {parse(group["key"]["interval"]): group["doc_count"] for group in groups}

    def of_total_keys(self, total_keys: Sequence[TotalKey]) -> Body:
        """Return the query for the events of total keys, given in the order of their intervals."""
        return search_bodies.of_total_keys(total_keys, self.spec)

    def read_count(self, total: Mapping[str, Any]) -> int:
        """Return the number of events that a stored total counts."""
        counts = [total.get(field) for field in self.count_fields]
        return sum(count for count in counts if isinstance(count, int))

    @property
    def count_fields(self) -> Sequence[str]:
        """The fields of a total whose sum is the number of its events."""
        return ["count"]

    def count_counted(self, where: Body) -> dict[datetime, int]:
        """Return the number of matching events that count by start of interval."""
        query = clauses.all_of([self.counted, where])
        groups = self._groups(clauses.composite(query, clauses.by_interval(self.spec.interval), self.page))
        return {parse(group["key"]["interval"]): group["doc_count"] for group in groups}

    def find_touched(self, where: Body) -> Touched:
        """Return the total keys of matching events, including events that do not count.

        One request is enough if the total keys fit into a page; otherwise only the intervals are returned.
        """
        _, groups = next(
            self._pages(clauses.composite(where, search_bodies.by_total_key_or_none(self.spec), self.page), True)
        )
        if len(groups) == self.page:
            return Touched(self.count_events(where), None)
        events: Counter[datetime] = Counter()
        total_keys = []
        for group in groups:
            total_key = search_bodies.read_total_key(group)
            events[total_key.start] += group["doc_count"]
            if total_key.key is not None:
                total_keys.append(total_key)
        return Touched(events, total_keys)

    def iter_total_keys(self, where: Body) -> Iterator[TotalKey]:
        """Yield the total keys of matching events, also of those that do not count, in the order of their intervals."""
        body = clauses.composite(where, search_bodies.by_total_key(self.spec), self.page)
        return map(search_bodies.read_total_key, self._groups(body, everywhere=True))

    def count_keys(self, total_keys: Iterable[TotalKey]) -> Iterator[CountedTotal]:
        """Count total keys, given in the order of their intervals; without events that count, the count is 0."""
        for window in search_bodies.windows(total_keys, self.page):
            counted = self._count(search_bodies.of_total_keys(window, self.spec))
            found = {counted_total.total_key: counted_total for counted_total in counted}
            for total_key in window:
                yield found.get(total_key) or CountedTotal(total_key)

    def count_all(self, where: Body, with_gone: bool = True) -> Iterator[CountedTotal]:
        """Count all total keys of matching events; `with_gone` adds those without events that count."""
        counted = self._count(where)
        if not with_gone:
            return counted
        # Merged by interval alone, since only the engine knows its order of keys.
        return merge(counted, self._gone(where), key=lambda counted_total: counted_total.total_key.start)

    def find_counted(self, total_keys: Sequence[TotalKey]) -> set[TotalKey]:
        """Return the total keys that have events which count; they must be given in the order of their intervals."""
        return set(self.count_events_of(list(total_keys)))

    def count_events_of(self, total_keys: list[TotalKey], where: Body | None = None) -> Counter[TotalKey]:
        """Return the number of events that count, and match `where`, by total key; keys in the order of intervals."""
        narrowed = [where] if where else []
        query = clauses.all_of([self.counted, *narrowed, search_bodies.of_total_keys(total_keys, self.spec)])
        # One more than the keys, so that the page is not full: a full page would be followed by a second request.
        groups = self._groups(clauses.composite(query, search_bodies.by_total_key(self.spec), len(total_keys) + 1))
        return Counter({search_bodies.read_total_key(group): group["doc_count"] for group in groups})

    def iter_keys(self, where: Body) -> Iterator[str]:
        """Yield the keys of matching events of one interval, also of those that do not count, in their order.

        Each request reads only the events whose keys have not been yielded yet. The key field must be a keyword.
        """
        rest: list[Body] = []
        while True:
            query = clauses.all_of([where, *rest])
            body = clauses.composite(query, search_bodies.by_total_key(self.spec), self.page)
            _, groups = next(self._pages(body, everywhere=True))
            for group in groups:
                yield group["key"]["key"]
            if len(groups) < self.page:
                return
            rest = [{"range": {self.spec.key_field: {"gt": groups[-1]["key"]["key"]}}}]

    def count_documents(self, total_keys: Iterable[TotalKey], where: Body | None = None) -> dict[TotalKey, int]:
        """Return the number of matching events by total key, also of those that do not count; 0 is left out.

        An event that was in two indices until a compaction counts twice: totals from before did so. The total keys
        must be given in the order of their intervals.
        """
        found: dict[TotalKey, int] = {}
        doubled = {"doubled": {"filter": {"term": {WAS_DOUBLED: True}}}}
        for window in search_bodies.windows(total_keys, self.page):
            query = clauses.all_of([search_bodies.of_total_keys(window, self.spec), *([where] if where else [])])
            body = clauses.composite(query, search_bodies.by_total_key(self.spec), self.page, doubled)
            for group in self._groups(body, everywhere=True):
                found[search_bodies.read_total_key(group)] = group["doc_count"] + group["doubled"]["doc_count"]
        return found

    def _gone(self, where: Body) -> Iterator[CountedTotal]:
        uncounted = clauses.all_of([where, clauses.none_of([self.counted])])
        for total_keys in search_bodies.windows(self.iter_total_keys(uncounted), self.page):
            still_counted = self.find_counted(total_keys)
            yield from (CountedTotal(total_key) for total_key in total_keys if total_key not in still_counted)

    def _count(self, where: Body) -> Iterator[CountedTotal]:
        query = clauses.all_of([self.counted, where])
        details = EventDetails(self.spec, self.counted, self._groups, self._documents, self.page)
        body = clauses.composite(
            query, search_bodies.by_total_key(self.spec), self.page, search_bodies.measures(self.spec)
        )
        for _, groups in self._pages(body):
            counted = [search_bodies.read_counted(group, self.spec) for group in groups]
            details.add(counted)
            yield from counted

    def _documents(self, body: Body) -> list[Mapping[str, Any]]:
        answer = search(
            SearchRequest(self.client, self.alias, body, {"filter_path": "timed_out,_shards,hits.hits._source"})
        )
        check_complete(answer)
        return [hit["_source"] for hit in answer.get("hits", {}).get("hits", ())]

    def _groups(self, body: Body, everywhere: bool = False) -> Iterator[Group]:
        for _, groups in self._pages(body, everywhere):
            yield from groups

    def _pages(self, body: Body, everywhere: bool = False) -> Iterator[tuple[Body, list[Group]]]:
        """Yield the request of each page with its groups; `everywhere` reads the events that the alias hides, too."""
        page: Body | None = body
        while page is not None:
            answer = (
                self._ask_indices(page)
                if everywhere
                else search(SearchRequest(self.client, self.alias, page, _OPTIONS))
            )
            check_complete(answer)
            groups = answer["aggregations"][GROUPS]["buckets"] if "aggregations" in answer else []
            yield page, groups
            page = clauses.next_page(page, answer) if groups else None

    def _ask_indices(self, body: Body) -> Mapping[str, Any]:
        # As a multi-search, because the names of years of daily indices do not fit into a URL.
        where = {"index": list(self.indices), "ignore_unavailable": True, "allow_partial_search_results": False}
        answer: Mapping[str, Any] = self.client.msearch(body=[where, body])["responses"][0]
        if "error" in answer:
            raise StatsError(f"The search engine cannot read {self.alias}: {_reason(answer['error'])}.")
        return answer


class ByInterval:
    """Splits a stream of counted totals by interval, without reading it in advance."""

    def __init__(self, counted: Iterable[CountedTotal]):
        """Set the counted totals, which must be in the order of their intervals."""
        self._groups = groupby(counted, key=lambda counted_total: counted_total.total_key.start)
        self._group: tuple[datetime, Iterator[CountedTotal]] | None = None

    def take(self, start: datetime) -> Iterator[CountedTotal]:
        """Yield the totals of an interval, which must be later than that of the last call; skips those in between."""
        while self._group is None or self._group[0] < start:
            self._group = next(self._groups, _END_OF_COUNTS)
        return self._group[1] if self._group[0] == start else iter(())


def check_complete(answer: Mapping[str, Any]) -> None:
    """Raise StatsError for a response from only a part of the shards: its numbers would be too small."""
    if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
        raise StatsError("The search engine answered from only a part of its shards. The next run tries again.")


def _reason(error: Any) -> str:
    """Return the type of an engine's error, and not its text, which may quote a document."""
    causes = error.get("root_cause") if isinstance(error, Mapping) else None
    return ", ".join(sorted({cause.get("type", "unknown") for cause in causes})) if causes else "unknown error"
