"""Recount: reads from raw events, page by page, what the totals of changed pairs are now."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby
from typing import Any, NamedTuple

from invenio_stats.core.moments import UTC, parse
from invenio_stats.errors import StatsError
from invenio_stats.search import clauses
from invenio_stats.search.clauses import PAIRS, Body, Group
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.totals import search_bodies
from invenio_stats.totals.event_details import EventDetails
from invenio_stats.totals.model import CountedTotal, TotalKey, TotalSpec

_OPTIONS = {"filter_path": f"-hits,-aggregations.{PAIRS}.buckets.{search_bodies.VALUES}*"}
"""The values that a distinct count told apart stay with the engine."""

_END: tuple[datetime, Iterator[CountedTotal]] = (datetime.max.replace(tzinfo=UTC), iter(()))


class Touched(NamedTuple):
    """What some events belong to."""

    events: Mapping[datetime, int]
    """How many there are, by start of interval."""
    total_keys: list[TotalKey] | None
    """In the order of their intervals; None where there are too many for a page."""


@dataclass(frozen=True)
class Recount:
    """Counts the pairs of one aggregation, exactly, in a number of requests that grows with their pages only."""

    client: Any
    spec: TotalSpec
    alias: str
    """Where the events are that count."""
    indices: Sequence[str]
    """The indices behind the alias: an event that stopped to count is found only there."""
    counted: Body
    """Which events count."""
    page: int
    """Groups in one answer."""

    def starts(self, where: Body) -> dict[datetime, int]:
        """Return how many such events each interval has, by its start; also events that do not count."""
        body = clauses.composite(where, clauses.by_interval(self.spec.interval), self.page)
        groups = self._groups(body, everywhere=True)
        return {parse(group["key"]["interval"]): group["doc_count"] for group in groups}

    def touched(self, where: Body) -> Touched:
        """Find the pairs with such events, also those that do not count: in one request, where they fit into a page."""
        _, groups = next(
            self._pages(clauses.composite(where, search_bodies.by_total_key_or_none(self.spec), self.page), True)
        )
        if len(groups) == self.page:
            return Touched(self.starts(where), None)
        events: Counter[datetime] = Counter()
        total_keys = []
        for group in groups:
            total_key = search_bodies.read_total_key(group)
            events[total_key.start] += group["doc_count"]
            if total_key.key is not None:
                total_keys.append(total_key)
        return Touched(events, total_keys)

    def total_keys(self, where: Body) -> Iterator[TotalKey]:
        """Yield the pairs with such events, also those that do not count, in the order of their intervals."""
        body = clauses.composite(where, search_bodies.by_total_key(self.spec), self.page)
        return map(search_bodies.read_total_key, self._groups(body, everywhere=True))

    def changed(self, total_keys: Iterable[TotalKey]) -> Iterator[CountedTotal]:
        """Count pairs, given in the order of their intervals; one that no longer counts comes with a count of 0."""
        for window in self._windows(total_keys):
            found = {one.total_key: one for one in self._count(search_bodies.of_total_keys(window, self.spec))}
            for total_key in window:
                yield found.get(total_key) or CountedTotal(total_key)

    def everything(self, where: Body, with_gone: bool = True) -> Iterator[CountedTotal]:
        """Count each pair among such events; with `with_gone`, pairs that no longer count too, with 0."""
        counted = self._count(where)
        if not with_gone:
            return counted
        # Merged by interval alone: how keys are ordered is the engine's affair.
        return merge(counted, self._gone(where), key=lambda one: one.total_key.start)

    def alive(self, total_keys: Sequence[TotalKey]) -> set[TotalKey]:
        """Return those of these pairs, which are in the order of their intervals, that have events which count."""
        query = clauses.all_of([self.counted, search_bodies.of_total_keys(total_keys, self.spec)])
        groups = self._groups(clauses.composite(query, search_bodies.by_total_key(self.spec), self.page))
        return {search_bodies.read_total_key(group) for group in groups}

    def _gone(self, where: Body) -> Iterator[CountedTotal]:
        for total_keys in self._windows(self.total_keys(clauses.all_of([where, clauses.none_of([self.counted])]))):
            alive = self.alive(total_keys)
            yield from (CountedTotal(total_key) for total_key in total_keys if total_key not in alive)

    def _windows(self, total_keys: Iterable[TotalKey]) -> Iterator[list[TotalKey]]:
        """Yield as many pairs at once as fit into a request."""
        window: list[TotalKey] = []
        intervals = 0
        for total_key in total_keys:
            is_new = not window or window[-1].start != total_key.start
            if len(window) == self.page or (is_new and intervals == search_bodies.INTERVALS_AT_ONCE):
                yield window
                window, intervals, is_new = [], 0, True
            window.append(total_key)
            intervals += is_new
        if window:
            yield window

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
        _check_complete(answer)
        return [hit["_source"] for hit in answer.get("hits", {}).get("hits", ())]

    def _groups(self, body: Body, everywhere: bool = False) -> Iterator[Group]:
        for _, groups in self._pages(body, everywhere):
            yield from groups

    def _pages(self, body: Body, everywhere: bool = False) -> Iterator[tuple[Body, list[Group]]]:
        """Yield each page as it was asked for, and its groups; `everywhere` also reads what the alias hides."""
        page: Body | None = body
        while page is not None:
            answer = (
                self._ask_indices(page)
                if everywhere
                else search(SearchRequest(self.client, self.alias, page, _OPTIONS))
            )
            _check_complete(answer)
            groups = answer["aggregations"][PAIRS]["buckets"] if "aggregations" in answer else []
            yield page, groups
            page = clauses.next_page(page, answer) if groups else None

    def _ask_indices(self, body: Body) -> Mapping[str, Any]:
        # As a multi-search: years of daily indices do not fit into a URL.
        where = {"index": list(self.indices), "ignore_unavailable": True, "allow_partial_search_results": False}
        answer: Mapping[str, Any] = self.client.msearch(body=[where, body])["responses"][0]
        if "error" in answer:
            raise StatsError(f"The search engine cannot read {self.alias}: {_reason(answer['error'])}.")
        return answer


class ByInterval:
    """Hands out counted pairs interval by interval, in order, while they are read."""

    def __init__(self, counted: Iterable[CountedTotal]):
        """Take pairs in the order of their intervals."""
        self._groups = groupby(counted, key=lambda one: one.total_key.start)
        self._group: tuple[datetime, Iterator[CountedTotal]] | None = None

    def take(self, start: datetime) -> Iterator[CountedTotal]:
        """Yield the pairs of an interval, which is later than the one before; what lies between is skipped."""
        while self._group is None or self._group[0] < start:
            self._group = next(self._groups, _END)
        return self._group[1] if self._group[0] == start else iter(())


def _check_complete(answer: Mapping[str, Any]) -> None:
    """Raise StatsError for an answer from a part of the shards: its numbers would be too small."""
    if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
        raise StatsError("The search engine answered from a part of its shards. The next run tries again.")


def _reason(error: Any) -> str:
    """Return the type of an engine's error; its text may quote a document."""
    causes = error.get("root_cause") if isinstance(error, Mapping) else None
    return ", ".join(sorted({cause.get("type", "unknown") for cause in causes})) if causes else "unknown error"
