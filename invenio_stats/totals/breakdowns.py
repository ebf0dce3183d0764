"""Run the breakdowns of usage: recount the finished days that have changed, and fold their months anew."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import current_app
from invenio_search.utils import prefix_index

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.first_day import FirstDay, first_day_in
from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core import names
from invenio_stats.core.breakdowns import cut
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.intervals import after, floor, starts
from invenio_stats.core.moments import BEGINNING, iso, utc
from invenio_stats.errors import LeaseLostError
from invenio_stats.proxies import current_stats, unwrap
from invenio_stats.search import clauses
from invenio_stats.totals import complete_days, search_bodies
from invenio_stats.totals.attributes import Aggregator, recount_of, rewind_bookmark, store_of
from invenio_stats.totals.breakdown_counts import EVENTS_PER_WINDOW, BreakdownCounts
from invenio_stats.totals.breakdown_folding import MonthFolding
from invenio_stats.totals.breakdown_store import BreakdownStore, StoredBreakdown
from invenio_stats.totals.leases import Clock, RunLease
from invenio_stats.totals.run import Documents, read_documents
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
    documents = read_documents(aggregator)
    lease = aggregator.begin_lease(began, documents.lease)
    if not lease.claim({BEGINNING: 0}).granted:
        return []
    execution = _Execution(aggregator, recount, lease, documents, began, window)
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
        aggregator.bookmark_api.set_bookmark(iso(min(reached, others_began or reached)))
        execution.keep_first_day()
        raise_revision(aggregator.client)
    return result


def _find_reached(client: Any, began: datetime) -> datetime | None:
    """Return the moment up to which all totals are counted that breakdowns are made with; None if some never were."""
    configured = {definition.totals_alias: name for name, definition in unwrap(current_stats).aggregations.items()}
    bookmarks = [BookmarkAPI(client, configured.get(alias, name), "day").own_date() for alias, name in _BASES.items()]
    known = [utc(bookmark) for bookmark in bookmarks if bookmark is not None]
    return min([began, *known]) if len(known) == len(bookmarks) else None


@dataclass
class _Execution:
    aggregator: Aggregator
    events: UsageRecount
    lease: RunLease
    documents: Documents
    began: datetime
    window: int
    written: int = 0
    first_counted: datetime | None = None

    def recount(self, first: datetime | None, last: datetime | None) -> Result:
        days = self._find_days(first, last)
        self.first_counted = next(iter(days), None)
        result = [(self._count_day(day, events), 0) for day, events in days.items()]
        for month in self._find_months(days, is_range=first is not None or last is not None):
            self._fold(month)
        return result

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
    def store(self) -> BreakdownStore:
        alias = store_of(self.aggregator).alias
        return BreakdownStore(self.aggregator.client, alias, self.aggregator.index_interval)

    @cached_property
    def counts(self) -> BreakdownCounts:
        return BreakdownCounts(self.events, self.lease.heartbeat, self.window)

    @cached_property
    def folding(self) -> MonthFolding:
        return MonthFolding(self.aggregator.client, self.store, self.counts)

    @cached_property
    def complete_from(self) -> datetime:
        """The first day from which on all raw events are there."""
        return complete_days.find_day(self.aggregator, self.began, self.documents.first_complete_days)

    @cached_property
    def mark(self) -> datetime | None:
        """The moment from which on changes are looked for; None for the beginning."""
        document = self.documents.bookmark
        bookmark = None if document is None else self.aggregator.bookmark_api.resume(document)
        return None if bookmark is None else utc(bookmark) - self.aggregator.overlap

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
        days = sorted(day for day in self.events.count_events(where) if day >= self.complete_from)
        if not days:
            return {}
        numbers = self.events.count_events(clauses.between(days[0], after(days[-1], "day")))
        return {day: numbers[day] for day in days}

    def _find_months(self, days: Iterable[datetime], is_range: bool) -> list[datetime]:
        """Return the finished months to fold: those of the days, and those that have finished since the bookmark."""
        months = {floor(day, "month") for day in days}
        if not is_range and self.mark is not None:
            months.update(starts(self.mark, self.began, "month"))
        return sorted(month for month in months if after(month, "month") <= self.today)

    def _count_day(self, day: datetime, events: int) -> int:
        self.lease.heartbeat()
        where = clauses.between(day, after(day, "day"))
        self.aggregator.client.indices.refresh(index=prefix_index(names.ITEM_USAGE), ignore_unavailable=True)
        counted = self.counts.count_day(where, events, self.counts.labels_of(where))
        at_most = int(current_app.config["STATS_BREAKDOWN_VALUES"])
        found = (
            StoredBreakdown(scope, dimension, cut(rows, at_most))
            for (scope, dimension), by_day in counted.items()
            for rows in by_day.values()
        )
        return self._replace("day", day, ["repository", "community"], found)

    def _fold(self, month: datetime) -> None:
        self.lease.heartbeat()
        self.store.refresh()
        self._replace("month", month, ["repository", "community"], self.folding.fold_days(month))
        if month >= self.complete_from:  # otherwise events are missing, and what was counted with them stays
            self._replace("month", month, ["record"], self.folding.fold_records(month))

    def _replace(self, period: Any, start: datetime, kinds: Sequence[str], found: Iterable[StoredBreakdown]) -> int:
        written = self.store.replace(period, start, kinds, found, self.began)
        self.written += written
        return written
