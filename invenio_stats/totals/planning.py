"""Plan which intervals a run of an aggregation counts, and which of their events it reads."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from invenio_search.engine import search as engine

from invenio_stats.core.interval_selection import Selection, select_all, select_within
from invenio_stats.core.intervals import Interval, after, floor
from invenio_stats.core.moments import iso, utc
from invenio_stats.errors import FieldNotCountableError, StatsError
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.field_types import read_field_types
from invenio_stats.search.multi_get import Found
from invenio_stats.totals import search_bodies
from invenio_stats.totals.attributes import Aggregator, overrides, rewind_bookmark
from invenio_stats.totals.complete_days import find_day
from invenio_stats.totals.counted_interval import count_all
from invenio_stats.totals.execution import Count, Plan
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.lost_events import without_lost
from invenio_stats.totals.model import CountedTotal, TotalKey
from invenio_stats.totals.recount import Recount, Touched
from invenio_stats.totals.stored import TotalsStore

Resume = Callable[[], datetime | None]
"""Returns the time at which to resume, from the bookmark; None if there is no bookmark."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunPlanner:
    """The part of a run that finds the intervals to count."""

    aggregator: Aggregator
    recount: Recount
    store: TotalsStore

    @property
    def interval(self) -> Interval:
        """Interval of the totals."""
        return self.aggregator.interval

    def plan_changes(self, lease: RunLease, upper: datetime, resume: Resume) -> Plan | None:
        """Plan the intervals that were touched since the bookmark, or all of them if there is none.

        None if there is neither a bookmark nor an event.
        """
        limit = after(upper, self.interval) if upper < lease.begun else None
        bookmark = self._bookmark(lease.begun, resume)
        since = bookmark or self.aggregator._get_oldest_event_timestamp()
        if since is None:
            return None
        # The overlap reads again what was stored but not yet searchable when the previous run looked.
        previous = None if bookmark is None else utc(bookmark) - self.aggregator.overlap
        if previous is None:
            self._check_key_field()
            where = clauses.between(floor(since, self.interval), limit)
            touched: Mapping[datetime, int] = self.recount.count_events(where)
            count = partial(self._count_all, where)
        else:
            where = clauses.all_of([self._touched(lease, previous), clauses.between(None, limit)])
            # What changed is found before the selection, which needs the intervals, and counted only after the lease
            # is taken: by then other runs may have counted some of these total keys.
            touched, total_keys = self._find_touched(where)
            count = partial(self._count_changed, where, total_keys)
        selection = self._select(list(touched), utc(since), upper)
        return self._plan(selection.moments, touched, count, previous, min([upper, *selection.waiting]))

    def plan_range(self, lower: datetime, upper: datetime) -> Plan:
        """Plan all intervals between two dates."""
        moments = sorted(map(utc, self._split(lower, upper)))
        if not moments:
            return self._plan([], {}, lambda _: iter(()), None, None)
        self._check_key_field()
        where = clauses.between(floor(moments[0], self.interval), after(moments[-1], self.interval))
        # Moved to the end of the range, the bookmark would skip changes outside of the range that are not counted yet.
        waits = self._waits_outside(where)
        count = partial(self._count_all, where)
        return self._plan(moments, self.recount.count_events(where), count, None, None if waits else upper)

    def leave_out_incomplete(self, plan: Plan, now: datetime, read_days: list[Found]) -> Plan:
        """Return the plan without the intervals whose raw events are no longer complete.

        `read_days` are the documents of the first complete days, which the run has just read.
        """
        if not plan.moments:
            return plan
        day = find_day(self.aggregator, now, read_days)
        moments = [moment for moment in plan.moments if floor(moment, self.interval) >= day]
        left_out = len(plan.moments) - len(moments)
        if left_out:
            facts = {"aggregation": self.aggregator.name, "intervals": left_out, "first_complete_day": iso(day)}
            logger.warning("Intervals before the first complete day are not recounted", extra=facts)
        return replace(plan, moments=moments)

    def _find_touched(self, where: Body) -> Touched:
        try:
            touched = self.recount.find_touched(where)
        except (StatsError, engine.exceptions.RequestError):  # it may be a text
            self._check_key_field()
            raise
        if touched.events and touched.total_keys == []:  # none has a key
            self._check_key_field()
        return touched

    def _check_key_field(self) -> None:
        """Raise FieldNotCountableError if the events do not map the key field, or not so that it can be counted by."""
        fields, alias = self.recount.key_fields, self.recount.alias
        found = read_field_types(self.aggregator.client, alias, fields)
        wrong = {field: "without doc values" for field in found.not_grouped(fields)}
        wrong |= {field: "as text, by which nothing can be counted" for field in fields if found.is_text(field)}
        if len(found.unmapped(fields)) == len(fields):
            wrong = {fields[0]: "in none of their indices"}
        for field, how in wrong.items():
            error = FieldNotCountableError(self.aggregator.name, field, alias, how)
            logger.error("An aggregation's field cannot be counted by", extra={"error": str(error)})
            raise error

    def _plan(
        self,
        moments: list[datetime],
        events: Mapping[datetime, int],
        count: Count,
        previous_bookmark: datetime | None,
        bookmark: datetime | None,
    ) -> Plan:
        is_guarded = not overrides(self.aggregator, "agg_iter")  # its operations may have no version that was read
        return Plan(self.store, moments, events, count, previous_bookmark, bookmark, is_guarded)

    def _count_all(self, where: Body, starts: Collection[datetime]) -> Iterator[CountedTotal]:
        counted = count_all(self.recount, self.store, clauses.all_of([where, self._span(starts)]))
        return without_lost(self.recount, counted, self.aggregator.name)

    def _count_changed(
        self, where: Body, known: list[TotalKey] | None, starts: Collection[datetime]
    ) -> Iterator[CountedTotal]:
        """Count the changed total keys of some intervals; `known` are those of all intervals, None if too many."""
        if known is None:
            total_keys = self.recount.iter_total_keys(clauses.all_of([where, self._span(starts)]))
        else:
            total_keys = (total_key for total_key in known if total_key.start in starts)
        counted = self.store.with_stored(self.recount.count_keys(total_keys))
        return without_lost(self.recount, counted, self.aggregator.name)

    def _span(self, starts: Collection[datetime]) -> Body:
        return clauses.between(min(starts), after(max(starts), self.interval))

    def _bookmark(self, now: datetime, resume: Resume) -> datetime | None:
        """Return the time at which to resume; None for the beginning, also if the bookmark lies in the future."""
        bookmark = resume()
        if bookmark is None or utc(bookmark) <= now:
            return bookmark
        facts = {"aggregation": self.aggregator.name, "bookmark": iso(utc(bookmark))}
        logger.warning("A bookmark lies in the future; everything is recounted", extra=facts)
        rewind_bookmark(self.aggregator)
        return None

    def _touched(self, lease: RunLease, mark: datetime) -> Body:
        """Return the query for events that changed since the mark, and for the events of quarantined totals."""
        changed = search_bodies.changed_since(mark, self.interval)
        quarantined = [
            TotalKey(quarantined_total.start, quarantined_total.key) for quarantined_total in lease.quarantined
        ]
        if not quarantined:
            return changed
        return clauses.any_of([changed, self.recount.of_total_keys(quarantined)])

    def _select(self, touched: list[datetime], since: datetime, upper: datetime) -> Selection:
        """Select the intervals: those that were touched, unless hooks of a subclass ask for others."""
        iterates = overrides(self.aggregator, "agg_iter")  # it may read other data, which `touched` does not cover
        if overrides(self.aggregator, "_split_date_range"):
            return select_within(touched, self._split, self.interval, since, upper, every=iterates)
        if iterates:
            return select_all(touched, self._split, self.interval, since, upper)
        return Selection(touched, [])

    def _split(self, lower: datetime, upper: datetime) -> Iterable[datetime]:
        return self.aggregator._split_date_range(lower, upper).values()

    def _waits_outside(self, where: Body) -> bool:
        """Return True if changes outside of `where` are not counted yet: the bookmark must not skip them."""
        bookmark = self.aggregator.bookmark_api.get_bookmark()
        if bookmark is None:
            oldest = self.aggregator._get_oldest_event_timestamp()
            waiting = clauses.between(None if oldest is None else floor(oldest, self.interval))
        else:
            waiting = search_bodies.changed_since(utc(bookmark) - self.aggregator.overlap, self.interval)
        return bool(self.recount.count_events(clauses.all_of([waiting, clauses.none_of([where])])))
