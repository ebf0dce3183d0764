"""Planning: which intervals a run of an aggregation goes through, and which of their events it reads."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from invenio_stats.core.interval_selection import Selection, select_all, select_within
from invenio_stats.core.intervals import after, floor
from invenio_stats.core.moments import iso, utc
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.totals import search_bodies
from invenio_stats.totals.execution import Plan, RunExecutor
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.model import CountedTotal, TotalKey
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.stored import TotalsStore

Resume = Callable[[], datetime | None]
"""Returns where the bookmark says to resume."""

logger = logging.getLogger(__name__)


class RunPlanner(RunExecutor):
    """The part of an aggregation that looks for what there is to do."""

    bookmark_api: Any
    overlap = timedelta(minutes=2)
    """How far before the bookmark events are read again: time-out of a bulk request, and clocks that disagree."""

    def _get_oldest_event_timestamp(self) -> datetime | None:
        raise NotImplementedError

    def _split_date_range(self, lower_limit: datetime, upper_limit: datetime) -> Mapping[str, datetime]:
        raise NotImplementedError

    def _overrides(self, method: str) -> bool:
        raise NotImplementedError

    def _plan_changes(self, recount: Recount, lease: RunLease, upper: datetime, resume: Resume) -> Plan | None:
        """Plan the intervals that were touched since the bookmark, or all of them where there is none."""
        limit = after(upper, self.interval) if upper < lease.begun else None
        bookmark = self._bookmark(lease.begun, resume)
        since = bookmark or self._get_oldest_event_timestamp()
        if since is None:
            return None
        previous = None if bookmark is None else utc(bookmark) - self.overlap
        stored = self._stored()
        if previous is None:
            where = clauses.between(floor(since, self.interval), limit)
            touched: Mapping[datetime, int] = recount.starts(where)
            count = partial(self._count_all, recount, stored, where)
        else:
            where = clauses.all_of([self._touched(recount, lease, previous), clauses.between(None, limit)])
            touched, total_keys = recount.touched(where)
            count = partial(self._count_changed, recount, stored, where, total_keys)
        selection = self._choose(list(touched), utc(since), upper)
        return Plan(stored, selection.moments, touched, count, previous, min([upper, *selection.waiting]))

    def _count_all(
        self, recount: Recount, stored: TotalsStore, where: Body, starts: Collection[datetime]
    ) -> Iterator[CountedTotal]:
        return self._count(recount, stored, clauses.all_of([where, self._span(starts)]), None)

    def _count_changed(
        self,
        recount: Recount,
        stored: TotalsStore,
        where: Body,
        known: list[TotalKey] | None,
        starts: Collection[datetime],
    ) -> Iterator[CountedTotal]:
        """Count what changed in some intervals; `known` are the pairs of all of them, unless they were too many."""
        if known is None:
            total_keys = recount.total_keys(clauses.all_of([where, self._span(starts)]))
        else:
            total_keys = (total_key for total_key in known if total_key.start in starts)
        return stored.with_stored(recount.changed(total_keys))

    def _span(self, starts: Collection[datetime]) -> Body:
        return clauses.between(min(starts), after(max(starts), self.interval))

    def _bookmark(self, now: datetime, resume: Resume) -> datetime | None:
        """Return where to resume; None for the beginning, also where a wrong clock has set it into the future."""
        bookmark = resume()
        if bookmark is None or utc(bookmark) <= now:
            return bookmark
        facts = {"aggregation": self.name, "bookmark": iso(utc(bookmark))}
        logger.warning("A bookmark lies in the future; everything is counted anew", extra=facts)
        self.bookmark_api.rewind()
        return None

    def _touched(self, recount: Recount, lease: RunLease, mark: datetime) -> clauses.Body:
        """Narrow to the events of what changed since the mark, and of what is quarantined."""
        changed = search_bodies.changed_since(mark, self.interval)
        quarantined = [TotalKey(one.start, one.key) for one in lease.quarantined]
        return (
            clauses.any_of([changed, search_bodies.of_total_keys(quarantined, recount.spec)])
            if quarantined
            else changed
        )

    def _choose(self, touched: list[datetime], since: datetime, upper: datetime) -> Selection:
        """Choose the intervals: those that were touched, unless a subclass has more to say."""

        def split(lower: datetime, upper: datetime) -> Iterable[datetime]:
            return self._split_date_range(lower, upper).values()

        iterates = self._overrides("agg_iter")  # it may read what we know nothing of
        if self._overrides("_split_date_range"):
            return select_within(touched, split, self.interval, since, upper, every=iterates)
        if iterates:
            return select_all(touched, split, self.interval, since, upper)
        return Selection(touched, [])

    def _plan_range(self, recount: Recount, lower: datetime, upper: datetime) -> Plan:
        """Plan every interval between two dates."""
        stored = self._stored()
        moments = sorted(map(utc, self._split_date_range(lower, upper).values()))
        if not moments:
            return Plan(stored, [], {}, lambda _: iter(()), None, None)
        where = clauses.between(floor(moments[0], self.interval), after(moments[-1], self.interval))
        waits = self._waits_outside(recount, where)
        count = partial(self._count_all, recount, stored, where)
        return Plan(stored, moments, recount.starts(where), count, None, None if waits else upper)

    def _waits_outside(self, recount: Recount, where: clauses.Body) -> bool:
        """Say whether other events wait to be counted: the bookmark must not pass them by."""
        bookmark = self.bookmark_api.get_bookmark()
        if bookmark is None:
            oldest = self._get_oldest_event_timestamp()
            waiting = clauses.between(None if oldest is None else floor(oldest, self.interval))
        else:
            waiting = search_bodies.changed_since(utc(bookmark) - self.overlap, self.interval)
        return bool(recount.starts(clauses.all_of([waiting, clauses.none_of([where])])))
