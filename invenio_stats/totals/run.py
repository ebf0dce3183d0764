"""One run of an aggregation: what there is to do, doing it, and moving the bookmark."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import iso, parse_calendar, utc
from invenio_stats.errors import LeaseLostError
from invenio_stats.search.multi_get import Found, read
from invenio_stats.totals.attributes import Aggregator, overrides, recount_of, store_of
from invenio_stats.totals.counted_interval import Clock, CountedInterval
from invenio_stats.totals.execution import Plan, RunExecutor, RunResult
from invenio_stats.totals.leases import RunLease, lease_document
from invenio_stats.totals.model import TotalSpec
from invenio_stats.totals.planning import RunPlanner
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.stored import TotalsStore
from invenio_stats.totals.writing import Action


class Documents(NamedTuple):
    """What a run reads before it plans, in one request."""

    lease: Found
    """What the runs of the aggregation share."""
    first_complete_day: Found
    bookmark: Found | None
    """None where the bookmark is of another class than ours: that one reads it itself."""


@dataclass
class Run:
    """One run of one aggregation. It is made by `begin`, executed once, and then holds what became of it."""

    aggregator: Aggregator
    clock: Clock
    recount: Recount
    store: TotalsStore
    documents: Documents
    lease: RunLease
    plan: Plan | None = None
    """None until it is planned, and where there is no event at all."""
    result: RunResult = field(default_factory=RunResult)
    _at_hand: CountedInterval | None = field(default=None, init=False)

    @classmethod
    def begin(cls, aggregator: Aggregator, clock: Clock) -> "Run | None":
        """Get everything ready that a run works with; None where there is no index of events."""
        began = clock()  # before anything is read: what is stored from now on is for the next run
        recount = recount_of(aggregator)
        if recount is None:
            return None
        aggregator.client.indices.refresh(index=recount.alias, ignore_unavailable=True)
        documents = read_documents(aggregator)
        lease = aggregator.begin_lease(began, documents.lease)
        return cls(aggregator, clock, recount, store_of(aggregator), documents, lease)

    @property
    def spec(self) -> TotalSpec:
        """How the totals are made."""
        return self.recount.spec

    def execute(self, start_date: Any = None, end_date: Any = None) -> RunResult | None:
        """Plan, count and write; None where there is no event.

        Without `start_date` every pair that was touched since the bookmark, with it every pair from there on.
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
            # what it wrote at the last may have been older than what others did
            self.aggregator.bookmark_api.rewind(self.lease.begun)
            raise

    def move_bookmark(self) -> None:
        """Move the bookmark as far as everything before it is done; it stays where anything has to be done again."""
        is_done = not (self.result.undone or self.result.held or self.lease.is_overfull)
        if is_done and self.plan is not None and self.plan.bookmark is not None:
            began = self.lease.begun
            reached = min(began, self.plan.bookmark, self.result.others_began or began)
            self.aggregator.bookmark_api.set_bookmark(iso(reached))

    def take(self, dt: datetime) -> CountedInterval | None:
        """Hand over what was counted for the interval that is at its turn, if it holds `dt`; once.

        This is for an `agg_iter` of a subclass that calls ours: it gets what the run has counted.
        """
        at_hand, self._at_hand = self._at_hand, None
        return at_hand if at_hand is not None and at_hand.start == floor(dt, self.aggregator.interval) else None

    def _make_plan(self, start_date: Any, end_date: Any) -> Plan | None:
        upper = utc(self.aggregator._upper_limit(None if end_date is None else parse_calendar(end_date)))
        planner = RunPlanner(self.aggregator, self.recount, self.store)
        if start_date is None:
            plan = planner.plan_changes(self.lease, upper, self._resume)
        else:
            plan = planner.plan_range(parse_calendar(start_date), upper)
        return plan and planner.leave_out_incomplete(plan, self.clock(), self.documents.first_complete_day)

    def _resume(self) -> datetime | None:
        bookmark_api, document = self.aggregator.bookmark_api, self.documents.bookmark
        moment: datetime | None = bookmark_api.get_bookmark() if document is None else bookmark_api.resume(document)
        return moment

    def _actions_of(
        self, interval: CountedInterval, moment: datetime, previous_bookmark: datetime | None
    ) -> Iterator[Action]:
        if not overrides(self.aggregator, "agg_iter"):
            return interval.actions()
        self._at_hand = interval
        return self.aggregator.agg_iter(moment, previous_bookmark)


def read_documents(aggregator: Aggregator) -> Documents:
    """Read what the runs share, the first complete day, and the bookmark, in one request."""
    document_refs = [
        lease_document(aggregator.name),
        FirstCompleteDay(aggregator.client, aggregator.event).document_ref,
    ]
    if type(aggregator.bookmark_api) is BookmarkAPI:
        document_refs.append(aggregator.bookmark_api.document_ref)
    lease, day, *bookmark = read(aggregator.client, document_refs)
    return Documents(lease, day, bookmark[0] if bookmark else None)
