"""Run an aggregation once: plan, execute, and move the bookmark."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.first_day import FirstDay, first_day_in
from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import iso, parse_calendar, utc
from invenio_stats.errors import LeaseLostError
from invenio_stats.search import aliases
from invenio_stats.search.multi_get import Found, read
from invenio_stats.totals import complete_days
from invenio_stats.totals.attributes import Aggregator, overrides, recount_of, rewind_bookmark, store_of
from invenio_stats.totals.closed_events import follow_closed, notes_document
from invenio_stats.totals.counted_interval import Clock, CountedInterval
from invenio_stats.totals.execution import Plan, RunExecutor, RunResult
from invenio_stats.totals.leases import RunLease, lease_document
from invenio_stats.totals.model import TotalSpec
from invenio_stats.totals.planning import RunPlanner
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.stored import TotalsStore
from invenio_stats.totals.writing import Action


class Documents(NamedTuple):
    """The documents that a run reads before it plans, in one request."""

    lease: Found
    """The document that the runs of the aggregation share."""
    first_complete_days: list[Found]
    """One for each event type."""
    first_day: Found
    """The document of the first day of the aggregation."""
    closed_events: Found
    """The document with the closed indices of its events."""
    bookmark: Found | None
    """None if the bookmark API is of a custom class, which reads the bookmark itself."""


@dataclass
class Run:
    """One run of one aggregation. It is created by `begin`, executed once, and then holds the outcome."""

    aggregator: Aggregator
    clock: Clock
    recount: Recount
    store: TotalsStore
    documents: Documents
    lease: RunLease
    plan: Plan | None = None
    """None before `execute`, and if there is no event at all."""
    result: RunResult = field(default_factory=RunResult)
    _current_interval: CountedInterval | None = field(default=None, init=False)
    _has_moved: bool = field(default=False, init=False)
    """Whether the bookmark was set."""

    @classmethod
    def begin(cls, aggregator: Aggregator, clock: Clock) -> "Run | None":
        """Prepare a run; None if there is no index of events."""
        # Before anything is read: events that are stored from now on are counted by the next run.
        began = clock()
        recount = recount_of(aggregator)
        if recount is None:
            return None
        aggregator.client.indices.refresh(index=recount.alias, ignore_unavailable=True)
        documents = prepare_documents(aggregator)
        lease = aggregator.begin_lease(began, documents.lease)
        return cls(aggregator, clock, recount, store_of(aggregator), documents, lease)

    @property
    def spec(self) -> TotalSpec:
        """Specification of the totals."""
        return self.recount.spec

    def execute(self, start_date: Any = None, end_date: Any = None) -> RunResult | None:
        """Plan, count and write; return the outcome, or None if there is no event.

        Without `start_date` it counts the total keys that were touched since the bookmark, with it all from that
        date on.
        """
        self.plan = self._make_plan(start_date, end_date)
        if self.plan is None:
            return None
        self.lease.set_since(self.plan.previous_bookmark)
        executor = RunExecutor(
            name=self.aggregator.name,
            client=self.aggregator.client,
            interval=self.aggregator.interval,
            plan=self.plan,
            lease=self.lease,
            actions_of=self._actions_of,
            clock=self.clock,
            on_interval=self.aggregator.on_interval,
            result=self.result,
        )
        try:
            return executor.execute()
        except LeaseLostError:
            # Its last writes may have replaced newer totals of the run that took over, so they are counted again.
            rewind_bookmark(self.aggregator, self.lease.begun)
            raise

    def move_bookmark(self) -> None:
        """Move the bookmark, unless intervals have to be counted again or were left to a concurrent run.

        It moves to the start of this run at most, or of the earliest concurrent run.
        """
        is_done = not (self.result.unfinished or self.result.held or self.lease.is_overfull)
        if is_done and self.plan is not None and self.plan.bookmark is not None:
            began = self.lease.begun
            reached = min(began, self.plan.bookmark, self.result.others_began or began)
            self.aggregator.bookmark_api.set_bookmark(iso(reached))
            self._has_moved = True

    def announce(self) -> None:
        """Raise the revision if the run has written totals, also if it failed, or has moved the bookmark."""
        has_written = any(self.result.written.values())
        if self._has_moved:
            self._keep_first_day()
        if has_written or self._has_moved:
            changed = self.store.alias if has_written else None
            raise_revision(self.aggregator.client, changed, has_index="error" not in self.documents.first_day)

    def _keep_first_day(self) -> None:
        """Store the day from which on there are totals, unless it is known: that of the oldest total.

        If it is not later, it is the first complete day: from then on, a day without totals is one without events.
        """
        if first_day_in(self.documents.first_day) is not None:
            return
        client, alias = self.aggregator.client, self.store.alias
        client.indices.refresh(index=alias, ignore_unavailable=True)
        oldest = aliases.oldest(client, alias)
        if oldest is not None:
            day = complete_days.known_day(self.aggregator) or NOTHING_MISSING
            first_day = oldest if day == NOTHING_MISSING else min(oldest, day)
            FirstDay(client, self.aggregator.name).set(first_day, self.documents.first_day)

    def take(self, dt: datetime) -> CountedInterval | None:
        """Return the counts of the current interval if it contains `dt`, else None; a second call returns None.

        If the `agg_iter` of a subclass calls the default one, that uses these counts instead of counting again.
        """
        current_interval, self._current_interval = self._current_interval, None
        return (
            current_interval
            if current_interval is not None and current_interval.start == floor(dt, self.aggregator.interval)
            else None
        )

    def _make_plan(self, start_date: Any, end_date: Any) -> Plan | None:
        upper = utc(self.aggregator._upper_limit(None if end_date is None else parse_calendar(end_date)))
        planner = RunPlanner(self.aggregator, self.recount, self.store)
        if start_date is None:
            plan = planner.plan_changes(self.lease, upper, self._resume)
        else:
            plan = planner.plan_range(parse_calendar(start_date), upper)
        return plan and planner.leave_out_incomplete(plan, self.clock(), self.documents.first_complete_days)

    def _resume(self) -> datetime | None:
        return resume(self.aggregator, self.documents)

    def _actions_of(
        self, interval: CountedInterval, moment: datetime, previous_bookmark: datetime | None
    ) -> Iterator[Action]:
        if not overrides(self.aggregator, "agg_iter"):
            return interval.actions()
        self._current_interval = interval
        return self.aggregator.agg_iter(moment, previous_bookmark)


def prepare_documents(aggregator: Aggregator) -> Documents:
    """Read what a run needs, after the bookmark was moved back for events whose indices are open again."""
    documents = read_documents(aggregator)
    if follow_closed(aggregator, documents.closed_events, partial(resume, aggregator, documents)):
        return read_documents(aggregator)
    return documents


def resume(aggregator: Aggregator, documents: Documents) -> datetime | None:
    """Return from where an aggregation resumes; None for the beginning."""
    api = aggregator.bookmark_api
    moment: datetime | None = api.get_bookmark() if documents.bookmark is None else api.resume(documents.bookmark)
    return moment


def read_documents(aggregator: Aggregator) -> Documents:
    """Read the shared document of the runs, the days of completeness and the bookmark, in one request."""
    of_days = complete_days.documents(aggregator)
    first_day_ref = FirstDay(aggregator.client, aggregator.name).document_ref
    document_refs = [lease_document(aggregator.name), first_day_ref, notes_document(aggregator), *of_days]
    if type(aggregator.bookmark_api) is BookmarkAPI:
        document_refs.append(aggregator.bookmark_api.document_ref)
    lease, first_day, closed, *others = read(aggregator.client, document_refs)
    days, bookmark = others[: len(of_days)], others[len(of_days) :]
    return Documents(lease, days, first_day, closed, bookmark[0] if bookmark else None)
