"""Compare the stored totals of an aggregation with a recount of its raw events, and yield the differences."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple

from invenio_stats.core.intervals import Interval, after
from invenio_stats.core.moments import parse
from invenio_stats.errors import ForeignTotalError
from invenio_stats.privacy.error_texts import describe
from invenio_stats.search import clauses
from invenio_stats.search.aliases import indices_of
from invenio_stats.search.clauses import GROUPS, Body
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.scan import hits, pages
from invenio_stats.totals.copied_fields import value_at
from invenio_stats.totals.lost_events import find_lost
from invenio_stats.totals.model import CountedTotal, TotalKey
from invenio_stats.totals.recount import ByInterval, Recount
from invenio_stats.totals.stored import TotalsStore

Kind = Literal["missing", "different", "orphaned", "duplicate", "copy_error", "foreign"]
"""missing: events without a total; different: fields differ; orphaned: a total without events that count; duplicate:
the same total in a second index; copy_error: a copy function raises an exception; foreign: the total of
another aggregation is stored in its place."""

OnInterval = Callable[[int, int], None]
"""Called after each interval with the number of intervals compared so far, and the number of all."""

_INTERVALS_PER_PAGE = 2_000
_NOT_COMPARED = "updated_timestamp"
_ABSENT = object()


class DocumentRef(NamedTuple):
    """Index and id of a document."""

    index_name: str
    document_id: str


class Difference(NamedTuple):
    """One total that differs from the recount."""

    kind: Kind
    counted_total: CountedTotal
    """The recount, with the stored total."""
    stored: dict[str, Any]
    """Stored values of the fields that differ."""
    counted: dict[str, Any]
    """Counted values of the fields that differ."""
    found_at: DocumentRef | None = None
    """The document, if it is not the one that the aggregation would write."""


@dataclass
class Comparison:
    """Compares the totals of one aggregation with its events, page by page, in bounded memory."""

    recount: Recount | None
    """None if there is no index of events: then all totals are orphaned."""
    stored: TotalsStore
    interval: Interval
    measures: Sequence[str]
    """The fields of a total that are counts or metrics."""
    totals: int = 0
    """Number of totals compared."""
    others: int = 0
    """Number of totals read from the same indices that, by their ids, belong to other aggregations."""
    keeps_lost: bool = True
    """Whether totals stay that count more events than there are documents. Not if events have left them for others."""
    _indices_by_name: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def client(self) -> Any:
        """Client of the search engine."""
        return self.stored.client

    def refresh(self) -> None:
        """Make events and totals searchable that were stored a moment ago."""
        for alias in (self.recount and self.recount.alias, self.stored.alias):
            if alias:
                self.client.indices.refresh(index=alias, ignore_unavailable=True)

    def starts(self, first: datetime | None, end: datetime | None) -> list[datetime]:
        """Return the starts of the intervals with events or totals, from `first` on and before `end`."""
        events = self.recount.count_events(clauses.between(first, end)) if self.recount else ()
        return sorted({*events, *self._listed(first, end)})

    def differences(self, starts: Sequence[datetime], on_interval: OnInterval | None = None) -> Iterator[Difference]:
        """Yield the differences in intervals, which must be in order; those in between are read, but not compared."""
        if not starts:
            return
        end = after(starts[-1], self.interval)
        listed = self._listed(starts[0], end)
        counted = ByInterval(self._count(clauses.between(starts[0], end)))
        for done, start in enumerate(starts, 1):
            found = 0
            for counted_total in counted.take(start):
                self.totals += 1
                found += counted_total.stored is not None
                difference = self._compare(counted_total)
                if difference is not None:
                    yield difference
            if listed.get(start, 0) > found:
                yield from self._find_surplus(start)
            if on_interval is not None:
                on_interval(done, len(starts))

    def mark_lost(self, found: Iterable[Difference]) -> Iterator[tuple[Difference, bool]]:
        """Yield differences, given in the order of their intervals, each with whether raw events of it were deleted.

        The stored total is then the better one: it counts more events than there are documents.
        """
        if not self.keeps_lost:
            yield from ((difference, False) for difference in found)
            return
        for page in pages(found):
            lost = (
                find_lost(self.recount, [item.counted_total for item in page]) if self.recount else [True] * len(page)
            )
            for difference, is_lost in zip(page, lost, strict=True):
                yield difference, is_lost and difference.kind not in ("copy_error", "foreign")

    def _listed(self, first: datetime | None, end: datetime | None) -> dict[datetime, int]:
        """Return the number of stored totals by start of interval."""
        totals: dict[datetime, int] = {}
        by_interval = clauses.by_interval(self.interval)
        page: Body | None = clauses.composite(self._totals_between(first, end), by_interval, _INTERVALS_PER_PAGE)
        while page is not None:
            answer = search(SearchRequest(self.client, self.stored.alias, page))
            groups = answer["aggregations"][GROUPS]["buckets"] if "aggregations" in answer else []
            totals.update((parse(group["key"]["interval"]), group["doc_count"]) for group in groups)
            page = clauses.next_page(page, answer) if groups else None
        return totals

    def _count(self, where: Body) -> Iterator[CountedTotal]:
        if self.recount is None:
            return iter(())
        return self._with_stored(self.recount.count_all(where, with_gone=False))

    def _with_stored(self, counted: Iterable[CountedTotal]) -> Iterator[CountedTotal]:
        for counted_total in self.stored.with_stored(counted):
            counted_total.check_readable()  # otherwise it would pass for missing
            yield counted_total

    def _compare(self, counted_total: CountedTotal) -> Difference | None:
        try:
            self.stored.check_own(counted_total)
            total = self.stored.total(counted_total)
        except ForeignTotalError as error:
            return Difference(
                "foreign", counted_total, self._numbers(counted_total.stored), {"error": type(error).__name__}
            )
        except Exception as error:  # from a copy function
            return Difference(
                "copy_error", counted_total, self._numbers(counted_total.stored), {"error": describe(error)}
            )
        if counted_total.stored is None:
            return Difference("missing", counted_total, {}, self._numbers(total))
        names = [
            name
            for name in {**total, **counted_total.stored}
            if name != _NOT_COMPARED and total.get(name, _ABSENT) != counted_total.stored.get(name, _ABSENT)
        ]
        return (
            Difference("different", counted_total, _only(counted_total.stored, names), _only(total, names))
            if names
            else None
        )

    def _find_surplus(self, start: datetime) -> Iterator[Difference]:
        """Yield the totals of an interval that have no events, and those that are stored twice."""
        query = self._totals_between(start, after(start, self.interval))
        for page in pages(hits(self.client, self.stored.alias, query)):
            own = {
                DocumentRef(hit["_index"], hit["_id"]): (total_key, hit["_source"])
                for hit, total_key in self._select_own(page, start)
            }
            total_keys = [total_key for total_key, _ in own.values()]
            # Compared by document, because the type of a key in the response may differ from that in the total.
            still_counted = (
                {self.stored.document_ref(total_key) for total_key in self.recount.find_counted(total_keys)}
                if self.recount and total_keys
                else set()
            )
            without_events: list[CountedTotal] = []
            for document_ref, (total_key, source) in own.items():
                has_events = self.stored.document_ref(total_key) in still_counted
                if not self._is_in_own_index(document_ref, total_key):
                    kind: Kind = "duplicate" if has_events else "orphaned"
                    yield Difference(
                        kind, CountedTotal(total_key, stored=source), self._numbers(source), {}, document_ref
                    )
                elif not has_events:
                    without_events.append(CountedTotal(total_key))
            yield from self._read_without_events(without_events)

    def _select_own(
        self, page: Iterable[Mapping[str, Any]], start: datetime
    ) -> Iterator[tuple[Mapping[str, Any], TotalKey]]:
        """Yield this aggregation's totals with their total keys; other aggregations may write to the same indices."""
        for hit in page:
            total_key = TotalKey(start, value_at(hit["_source"], self.stored.key_field))
            if hit["_id"] == self.stored.document_ref(total_key)[1]:
                yield hit, total_key
            else:
                self.others += 1

    def _is_in_own_index(self, document_ref: DocumentRef, total_key: TotalKey) -> bool:
        index, _ = self.stored.document_ref(total_key)
        if index not in self._indices_by_name:
            self._indices_by_name[index] = indices_of(self.client, index)  # the name may be an alias
        return document_ref.index_name in self._indices_by_name[index]

    def _read_without_events(self, gone: list[CountedTotal]) -> Iterator[Difference]:
        """Yield these totals as orphaned, read again with their versions; those deleted meanwhile are left out."""
        for counted_total in self._with_stored(gone):
            if counted_total.stored is not None:
                self.totals += 1
                yield Difference("orphaned", counted_total, self._numbers(counted_total.stored), {})

    def _totals_between(self, first: datetime | None, end: datetime | None) -> Body:
        return clauses.all_of([{"exists": {"field": self.stored.key_field}}, clauses.between(first, end)])

    def _numbers(self, total: Mapping[str, Any] | None) -> dict[str, Any]:
        return _only(total or {}, self.measures)


def _only(total: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: total[name] for name in names if name in total}
