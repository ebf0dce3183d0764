"""Compare the stored breakdowns of usage with a recount, and yield the differences."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invenio_stats.core.intervals import after, floor, label
from invenio_stats.operations.verification.comparison import Difference, Kind, OnInterval
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.scan import pages
from invenio_stats.totals.breakdown_recount import RECORDS, SCOPES_OF_DAYS, BreakdownRecount
from invenio_stats.totals.breakdown_store import BreakdownStore, Period, StoredBreakdown, body_of, name_of
from invenio_stats.totals.model import CountedTotal, TotalKey


@dataclass
class BreakdownComparison:
    """Compares breakdowns day by day, and after the last day of each finished month the folded ones of the month."""

    recount: BreakdownRecount | None
    """None if there is no index of events: then all breakdowns are orphaned."""
    store: BreakdownStore
    today: datetime
    """Months that are not over by then are not folded."""
    complete_from: datetime
    """The first day with all raw events: records of earlier months cannot be counted again."""
    totals: int = 0
    """Number of breakdowns compared."""
    others: int = 0
    """Nothing else is stored beside breakdowns."""

    def refresh(self) -> None:
        """Make events and breakdowns searchable that were stored a moment ago."""
        if self.recount is not None:
            events = self.recount.events
            events.client.indices.refresh(index=events.alias, ignore_unavailable=True)
        self.store.refresh()

    def starts(self, first: datetime | None, end: datetime | None) -> list[datetime]:
        """Return the days with events or breakdowns, from `first` on and before `end`.

        A month that has nothing but folded breakdowns is represented by its first day.
        """
        days = {*self._count_events(first, end), *self.store.starts("day", first, end)}
        months = self.store.starts("month", first, end) - {floor(day, "month") for day in days}
        return sorted(days | months)

    def differences(self, starts: Sequence[datetime], on_interval: OnInterval | None = None) -> Iterator[Difference]:
        """Yield the differences of days, which must be in order; those of a month belong to the last of its days."""
        events = self._count_events(starts[0], after(starts[-1], "day")) if starts else {}
        for done, day in enumerate(starts, 1):
            counted = self.recount.count_day(day, events.get(day, 0)) if self.recount else ()
            yield from self._compare(day, "day", day, SCOPES_OF_DAYS, counted)
            month = floor(day, "month")
            if done == len(starts) or floor(starts[done], "month") != month:
                yield from self._compare_month(day, month)
            if on_interval is not None:
                on_interval(done, len(starts))

    def mark_lost(self, found: Iterable[Difference]) -> Iterator[tuple[Difference, bool]]:
        """Yield differences, each with whether raw events of its month were deleted; those of a month go together."""
        lost: dict[datetime, bool] = {}
        for difference in found:
            month = floor(difference.counted_total.total_key.start, "month")
            if month not in lost:
                lost[month] = self._has_lost_events(month)
            yield difference, lost[month]

    def _has_lost_events(self, month: datetime) -> bool:
        documents = self._count_events(month, after(month, "month"))
        return any(
            _count(self.store.bodies("day", day, ["repository"])) > documents.get(day, 0)
            for day in self.store.starts("day", month, after(month, "month"))
        )

    def _compare_month(self, day: datetime, month: datetime) -> Iterator[Difference]:
        if after(month, "month") > self.today:
            return
        folded = self.recount.fold_days(month) if self.recount else ()
        yield from self._compare(day, "month", month, SCOPES_OF_DAYS, folded)
        if month < self.complete_from:
            return
        used = self.recount.find_used_records(month) if self.recount else {}
        for records, found in self.recount.fold_records(month, used) if self.recount else ():
            yield from self._compare(day, "month", month, RECORDS, found, records)
        for gone in pages(sorted(self.store.uses_of_records(month).keys() - used.keys())):
            yield from self._compare(day, "month", month, RECORDS, (), gone)

    def _compare(
        self,
        day: datetime,
        period: Period,
        start: datetime,
        kinds: Sequence[str],
        found: Iterable[StoredBreakdown],
        scope_ids: Collection[str] | None = None,
    ) -> Iterator[Difference]:
        stored = self.store.bodies(period, start, kinds, scope_ids)
        prefix = f"{label(start, 'month')}:" if period == "month" else ""
        for item in found:
            self.totals += 1
            name = name_of(item.scope, item.dimension)
            counted, known = body_of(item.breakdown, period), stored.pop(name, None)
            if known != counted:
                yield _difference("different" if known else "missing", TotalKey(day, prefix + name), known, counted)
        for name, known in stored.items():
            self.totals += 1
            yield _difference("orphaned", TotalKey(day, prefix + name), known, None)

    def _count_events(self, first: datetime | None, end: datetime | None) -> Mapping[datetime, int]:
        return self.recount.events.count_events(clauses.between(first, end)) if self.recount else {}


def _difference(kind: Kind, total_key: TotalKey, stored: Body | None, counted: Body | None) -> Difference:
    """Return a difference with the rows that are not the same on both sides, and what is not told by value."""
    before, now = _numbers(stored), _numbers(counted)
    only = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return Difference(
        kind,
        CountedTotal(total_key, stored=stored),
        {name: before[name] for name in only if name in before},
        {name: now[name] for name in only if name in now},
    )


def _count(bodies: Mapping[str, Body]) -> int:
    """Return the number of events in the breakdowns of a day: each has all of them."""
    return max(
        (sum(part["investigations"] for part in [*body["rows"], body["other"]]) for body in bodies.values()), default=0
    )


def _numbers(body: Body | None) -> dict[str, Any]:
    """Return the numbers by value, which is empty for events without one, and the sum of the others as `(other)`."""
    if body is None:
        return {}
    rows = {row.get("value", ""): {name: row[name] for name in row if name != "value"} for row in body["rows"]}
    return {**rows, "(other)": body["other"]}
