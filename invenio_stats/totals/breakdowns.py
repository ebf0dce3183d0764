"""Run the breakdowns of usage: recount the finished days that have changed, and fold their months anew."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.first_day import FirstDay, first_day_in
from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core import names
from invenio_stats.core.breakdowns import DIMENSIONS
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.intervals import after, floor, starts
from invenio_stats.core.moments import BEGINNING, iso, utc
from invenio_stats.core.periods import Days
from invenio_stats.errors import ClosedIndexError, LeaseLostError
from invenio_stats.proxies import current_stats, unwrap
from invenio_stats.search import clauses
from invenio_stats.search.aliases import ClosedIndex, fetch_closed
from invenio_stats.search.scan import pages
from invenio_stats.totals import complete_days, search_bodies
from invenio_stats.totals.attributes import Aggregator, recount_of, rewind_bookmark, store_of
from invenio_stats.totals.breakdown_counts import EVENTS_PER_WINDOW
from invenio_stats.totals.breakdown_recount import RECORDS, SCOPES_OF_DAYS, BreakdownRecount
from invenio_stats.totals.breakdown_store import BreakdownStore, Period, StoredBreakdown
from invenio_stats.totals.leases import Clock, RunLease
from invenio_stats.totals.run import Documents, prepare_documents, read_documents, resume
from invenio_stats.totals.usage_recount import UsageRecount

_BASES = {names.ITEM_USAGE: "item-usage-agg", names.RECORD_USAGE: "record-usage-agg"}
"""Totals that breakdowns are made with, and the usual names of their aggregations."""

Result = list[tuple[int, int]]
"""(written, failed) for each day."""


def run(
    aggregator: Aggregator,
    clock: Clock,
    first: datetime | None,
    last: datetime | None,
    moves_bookmark: bool,
    window: int = EVENTS_PER_WINDOW,
) -> Result | None:
    """Recount days and fold their months; None if there are no events, or item and record usage are not counted yet.

    Without dates these are the finished days that were touched since the bookmark, which then moves. One run at a time
    does this: another one returns an empty list.
    """
    began = clock()
    recount = recount_of(aggregator)
    reached = _find_reached(aggregator.client, began)
    if not isinstance(recount, UsageRecount) or reached is None:
        return None
    aggregator.client.indices.refresh(index=recount.alias, ignore_unavailable=True)
    documents = prepare_documents(aggregator)
    lease = aggregator.begin_lease(began, documents.lease)
    if not lease.claim({BEGINNING: 0}).granted:
        return []
    counted = recount_of_breakdowns(aggregator, recount, lease.heartbeat, window)
    execution = _Execution(aggregator, lease, documents, began, counted)
    try:
        result = execution.recount(first, last)
        others_began = lease.release()
    except LeaseLostError:
        # Its last writes may have replaced newer breakdowns of the run that took over, so they are counted again.
        rewind_bookmark(aggregator, began)
        raise
    except Exception:
        with suppress(Exception):  # otherwise the next run would wait until the lease expires
            lease.release(unfinished=[BEGINNING])
        raise
    finally:
        execution.announce()
    if moves_bookmark and first is None and last is None:
        execution.keep_first_day()  # first, since a later run cannot tell which day was the first
        aggregator.bookmark_api.set_bookmark(iso(min(reached, others_began or reached)))
        raise_revision(aggregator.client)
    return result


def _find_reached(client: Any, began: datetime) -> datetime | None:
    """Return the moment up to which all totals are counted that breakdowns are made with; None if some never were."""
    configured = {definition.totals_alias: name for name, definition in unwrap(current_stats).aggregations.items()}
    bookmarks = [BookmarkAPI(client, configured.get(alias, name), "day").own_date() for alias, name in _BASES.items()]
    known = [utc(bookmark) for bookmark in bookmarks if bookmark is not None]
    return min([began, *known]) if len(known) == len(bookmarks) else None


def rewrite(
    aggregator: Aggregator, events: UsageRecount, lease: RunLease, days: Sequence[datetime]
) -> Iterator[tuple[datetime, int]]:
    """Recount days, given in order, and fold their months; yield each day that is done, with the documents changed.

    A day is done when its month is. The caller has leased the breakdowns, and raises the revision.
    """
    counted = recount_of_breakdowns(aggregator, events, lease.heartbeat)
    execution = _Execution(aggregator, lease, read_documents(aggregator), lease.begun, counted)
    for month, group in groupby(days, key=lambda day: floor(day, "month")):
        written = {day: execution.count_day(day) for day in group}
        if after(month, "month") <= execution.today:
            written[max(written)] += execution.fold(month)
        yield from written.items()


def end_of_finished_days(aggregator: Aggregator, now: datetime) -> datetime:
    """Return the end of the days that have been counted, as far as the bookmark tells; without one, of those over."""
    today, bookmark = floor(utc(now), "day"), aggregator.bookmark_api.own_date()
    return today if bookmark is None else min(today, floor(utc(bookmark), "day"))


def store_of_breakdowns(aggregator: Aggregator) -> BreakdownStore:
    """Return the store of an aggregation's breakdowns."""
    return BreakdownStore(aggregator.client, store_of(aggregator).alias, aggregator.index_interval)


def recount_of_breakdowns(
    aggregator: Aggregator,
    events: UsageRecount,
    heartbeat: Callable[[], None] = lambda: None,
    window: int = EVENTS_PER_WINDOW,
) -> BreakdownRecount:
    """Return what counts the breakdowns of an aggregation; `heartbeat` renews the lease of a run that writes them."""
    return BreakdownRecount(events, store_of_breakdowns(aggregator), heartbeat, window)


@dataclass
class _Execution:
    aggregator: Aggregator
    lease: RunLease
    documents: Documents
    began: datetime
    counted: BreakdownRecount
    written: int = 0
    first_counted: datetime | None = None

    def recount(self, first: datetime | None, last: datetime | None) -> Result:
        """Count days and months; ClosedIndexError, when the others are done, if closed indices hide some of them."""
        is_range = first is not None or last is not None
        days = self._find_days(first, last)
        self.first_counted = next(iter(days), None)
        result, hidden = [], set[str]()
        for day, events in days.items():
            hiding = self._find_hiding(Days(day.date(), day.date()))
            if not hiding:
                result.append((self.count_day(day, events), 0))
            hidden |= hiding
        new_months = set() if is_range or self.mark is None else set(starts(self.mark, self.began, "month"))
        for month in sorted({floor(day, "month") for day in days} | new_months):
            if after(month, "month") <= self.today:
                hiding = self._find_hiding(Days(month.date(), after(month, "month").date() - timedelta(days=1)))
                is_whole = is_range or self.mark is None or month in new_months
                if not hiding:
                    self.fold(month, None if is_whole else self._find_changed_records(month))
                hidden |= hiding
        if hidden:
            raise ClosedIndexError(self.aggregator.name, sorted(hidden))
        return result

    def count_day(self, day: datetime, events: int | None = None) -> int:
        """Write the breakdowns of a day; `events` is the number of its events, if it is known."""
        self.lease.heartbeat()
        if events is None:
            where = clauses.between(day, after(day, "day"))
            events = self.counted.events.count_events(where).get(day, 0)
        return self._replace("day", day, SCOPES_OF_DAYS, self.counted.count_day(day, events))

    def fold(self, month: datetime, changed: Collection[str] | None = None) -> int:
        """Write the breakdowns of a month; return how many have changed.

        `changed` are the records with changed events; None if it is not known which have any.
        """
        self.lease.heartbeat()
        self.counted.store.refresh()
        before = self.written
        self._replace("month", month, SCOPES_OF_DAYS, self.counted.fold_days(month))
        if month >= self.complete_from:  # otherwise events are missing, and what was counted with them stays
            self._fold_records(month, changed)
        return self.written - before

    def announce(self) -> None:
        """Raise the revision if anything was written."""
        if self.written:
            raise_revision(self.aggregator.client, store_of(self.aggregator).alias)

    def keep_first_day(self) -> None:
        """Store the day from which on there are breakdowns, unless it is known."""
        if first_day_in(self.documents.first_day) is None and self.first_counted is not None:
            day = self.first_counted if self.complete_from == NOTHING_MISSING else self.complete_from
            FirstDay(self.aggregator.client, self.aggregator.name).set(day, self.documents.first_day)

    @cached_property
    def complete_from(self) -> datetime:
        """The first day from which on all raw events are there."""
        return complete_days.find_day(self.aggregator, self.began, self.documents.first_complete_days)

    @cached_property
    def mark(self) -> datetime | None:
        """The moment from which on changes are looked for; None for the beginning."""
        bookmark = resume(self.aggregator, self.documents)
        return None if bookmark is None else utc(bookmark) - self.aggregator.overlap

    @cached_property
    def closed(self) -> tuple[ClosedIndex, ...]:
        """The closed indices that breakdowns are counted from or written to."""
        events, totals = self.counted.events.alias.split(","), prefix_index(names.ITEM_USAGE)
        return fetch_closed(self.aggregator.client, [*events, totals, store_of(self.aggregator).alias])

    def _find_hiding(self, days: Days) -> set[str]:
        """Return the closed indices that may hide something of these days."""
        return {closed.index_name for closed in self.closed if closed.days.within(*days)}

    @property
    def today(self) -> datetime:
        return floor(self.began, "day")

    def _find_days(self, first: datetime | None, last: datetime | None) -> dict[datetime, int]:
        """Return the finished days to count, in order, each with its number of events, counted or not."""
        is_range = first is not None or last is not None
        end = min(self.today, after(last, "day")) if last is not None else self.today
        where = clauses.between(None if first is None else floor(first, "day"), end)
        if not is_range and self.mark is not None:
            # A day that was not finished at the bookmark has been left out until now.
            touched = [search_bodies.changed_since(self.mark, "day"), clauses.between(floor(self.mark, "day"))]
            where = clauses.all_of([where, clauses.any_of(touched)])
        events = self.counted.events
        days = sorted(day for day in events.count_events(where) if day >= self.complete_from)
        if not days:
            return {}
        numbers = events.count_events(clauses.between(days[0], after(days[-1], "day")))
        return {day: numbers[day] for day in days}

    def _find_changed_records(self, month: datetime) -> set[str]:
        """Return the records of the month's events that were stored or changed since the bookmark."""
        assert self.mark is not None
        changed = search_bodies.changed_since(self.mark, "day")
        return self.counted.find_records(clauses.all_of([clauses.between(month, after(month, "month")), changed]))

    def _fold_records(self, month: datetime, changed: Collection[str] | None) -> None:
        used = self.counted.find_used_records(month)
        stored = self.counted.store.uses_of_records(month)
        # Also a record that has lost an event to another one: nothing else tells of it.
        due = {
            record: uses
            for record, uses in used.items()
            if changed is None or record in changed or stored.get(record) != [uses] * len(DIMENSIONS)
        }
        for records, found in self.counted.fold_records(month, due):
            self._replace("month", month, RECORDS, found, records)
        for gone in pages(sorted(stored.keys() - used.keys())):
            self._replace("month", month, RECORDS, (), gone)

    def _replace(
        self,
        period: Period,
        start: datetime,
        kinds: Sequence[str],
        found: Iterable[StoredBreakdown],
        scope_ids: Collection[str] | None = None,
    ) -> int:
        written = self.counted.store.replace(period, start, kinds, found, self.began, scope_ids)
        self.written += written
        return written
