"""Differences: where the stored totals of an aggregation are not what a plain recount of its raw events says."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple

from invenio_stats.core.intervals import Interval, after
from invenio_stats.core.moments import parse
from invenio_stats.errors import ForeignTotalError
from invenio_stats.search import clauses
from invenio_stats.search.aliases import indices_of
from invenio_stats.search.clauses import PAIRS, Body
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.scan import hits, pages
from invenio_stats.totals.copied_fields import value_at
from invenio_stats.totals.model import CountedTotal, TotalKey
from invenio_stats.totals.recount import ByInterval, Recount
from invenio_stats.totals.stored import TotalsStore

Kind = Literal["missing", "different", "orphaned", "duplicate", "copy_error", "foreign"]
"""There are events and no total; fields differ; there is a total and no event that counts; another index holds the
same total once more; a copy function fails; a total of another aggregation lies in its place."""

OnInterval = Callable[[int, int], None]
"""Is told after each interval how many are done, and of how many."""

_INTERVALS_IN_A_PAGE = 2_000
_UNCOMPARED = "updated_timestamp"
_ABSENT = object()


class DocumentRef(NamedTuple):
    """Where a document lies."""

    index_name: str
    document_id: str


class Difference(NamedTuple):
    """One total that is not as it should be."""

    kind: Kind
    one: CountedTotal
    """The pair with what is counted and what is stored."""
    stored: dict[str, Any]
    """What is stored, of the fields in question."""
    counted: dict[str, Any]
    """What is counted, of the fields in question."""
    elsewhere: DocumentRef | None = None
    """Where the total lies, if not where its aggregation writes it."""


@dataclass
class Comparison:
    """Compares the totals of one aggregation with its events, page by page: memory does not grow with their number."""

    recount: Recount | None
    """None where there is no index of events: then no total has any."""
    stored: TotalsStore
    interval: Interval
    measures: Sequence[str]
    """The fields of a total that are numbers of events or values."""
    totals: int = 0
    """How many pairs have been compared."""
    others: int = 0
    """How many totals in the same place are not of this aggregation, as their ids say, of those that were seen."""
    _behind: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def client(self) -> Any:
        """The engine's client."""
        return self.stored.client

    def refresh(self) -> None:
        """Make events and totals that were stored a moment ago searchable."""
        for alias in (self.recount and self.recount.alias, self.stored.alias):
            if alias:
                self.client.indices.refresh(index=alias, ignore_unavailable=True)

    def starts(self, first: datetime | None, end: datetime | None) -> list[datetime]:
        """Return the starts of the intervals, from one moment on and before another, that hold events or totals."""
        events = self.recount.starts(clauses.between(first, end)) if self.recount else ()
        return sorted({*events, *self._listed(first, end)})

    def differences(self, starts: Sequence[datetime], on_interval: OnInterval | None = None) -> Iterator[Difference]:
        """Yield what differs in these intervals, which are in order; what lies between them is read, too."""
        if not starts:
            return
        end = after(starts[-1], self.interval)
        listed = self._listed(starts[0], end)
        counted = ByInterval(self._count(clauses.between(starts[0], end)))
        for done, start in enumerate(starts, 1):
            found = 0
            for one in counted.take(start):
                self.totals += 1
                found += one.stored is not None
                difference = self._compare(one)
                if difference is not None:
                    yield difference
            if listed.get(start, 0) > found:
                yield from self._surplus(start)
            if on_interval is not None:
                on_interval(done, len(starts))

    def _listed(self, first: datetime | None, end: datetime | None) -> dict[datetime, int]:
        """Return how many totals there are, by start of interval."""
        found: dict[datetime, int] = {}
        by_interval = clauses.by_interval(self.interval)
        page: Body | None = clauses.composite(self._totals_between(first, end), by_interval, _INTERVALS_IN_A_PAGE)
        while page is not None:
            answer = search(SearchRequest(self.client, self.stored.alias, page))
            groups = answer["aggregations"][PAIRS]["buckets"] if "aggregations" in answer else []
            found.update((parse(group["key"]["interval"]), group["doc_count"]) for group in groups)
            page = clauses.next_page(page, answer) if groups else None
        return found

    def _count(self, where: Body) -> Iterator[CountedTotal]:
        if self.recount is None:
            return iter(())
        return self.stored.with_stored(self.recount.everything(where, with_gone=False))

    def _compare(self, one: CountedTotal) -> Difference | None:
        try:
            self.stored.check_own(one)
            total = self.stored.total(one)
        except ForeignTotalError as error:
            return Difference("foreign", one, self._numbers(one.stored), {"error": type(error).__name__})
        except Exception as error:  # of a copy function, which is not ours
            return Difference("copy_error", one, self._numbers(one.stored), {"error": type(error).__name__})
        if one.stored is None:
            return Difference("missing", one, {}, self._numbers(total))
        names = [
            name
            for name in {**total, **one.stored}
            if name != _UNCOMPARED and total.get(name, _ABSENT) != one.stored.get(name, _ABSENT)
        ]
        return Difference("different", one, _only(one.stored, names), _only(total, names)) if names else None

    def _surplus(self, start: datetime) -> Iterator[Difference]:
        """Yield the totals of an interval that have no events, and those that are there twice."""
        query = self._totals_between(start, after(start, self.interval))
        for page in pages(hits(self.client, self.stored.alias, query)):
            own = {
                DocumentRef(hit["_index"], hit["_id"]): (total_key, hit["_source"])
                for hit, total_key in self._own(page, start)
            }
            total_keys = [total_key for total_key, _ in own.values()]
            # By place: the engine may give a key another type than the total holds.
            alive = (
                {self.stored.document_ref(total_key) for total_key in self.recount.alive(total_keys)}
                if self.recount and total_keys
                else set()
            )
            at_home: list[CountedTotal] = []
            for document_ref, (total_key, source) in own.items():
                is_alive = self.stored.document_ref(total_key) in alive
                if not self._is_home(document_ref, total_key):
                    kind: Kind = "duplicate" if is_alive else "orphaned"
                    yield Difference(
                        kind, CountedTotal(total_key, stored=source), self._numbers(source), {}, document_ref
                    )
                elif not is_alive:
                    at_home.append(CountedTotal(total_key))
            yield from self._without_events(at_home)

    def _own(self, page: Iterable[Mapping[str, Any]], start: datetime) -> Iterator[tuple[Mapping[str, Any], TotalKey]]:
        """Yield the totals that this aggregation writes, with their pairs; others may share the indices."""
        for hit in page:
            total_key = TotalKey(start, value_at(hit["_source"], self.stored.key_field))
            if hit["_id"] == self.stored.document_ref(total_key)[1]:
                yield hit, total_key
            else:
                self.others += 1

    def _is_home(self, document_ref: DocumentRef, total_key: TotalKey) -> bool:
        index, _ = self.stored.document_ref(total_key)
        if index not in self._behind:
            self._behind[index] = indices_of(self.client, index)  # the name may be an alias
        return document_ref.index_name in self._behind[index]

    def _without_events(self, gone: list[CountedTotal]) -> Iterator[Difference]:
        """Read these totals once more, as for writing; what has gone meanwhile is left out."""
        for one in self.stored.with_stored(gone):
            if one.stored is not None:
                self.totals += 1
                yield Difference("orphaned", one, self._numbers(one.stored), {})

    def _totals_between(self, first: datetime | None, end: datetime | None) -> Body:
        return clauses.all_of([{"exists": {"field": self.stored.key_field}}, clauses.between(first, end)])

    def _numbers(self, total: Mapping[str, Any] | None) -> dict[str, Any]:
        return _only(total or {}, self.measures)


def _only(total: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: total[name] for name in names if name in total}
