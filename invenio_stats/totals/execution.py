"""Execute the plan of a run: claim intervals in parts, then count and write the totals of each part."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import names, quarantine
from invenio_stats.core.intervals import Interval, floor
from invenio_stats.core.quarantine import QuarantinedTotal
from invenio_stats.errors import LeaseLostError
from invenio_stats.search.versions import retry_conflicts
from invenio_stats.support import garbage_collection
from invenio_stats.totals.counted_interval import Clock, CountedInterval
from invenio_stats.totals.former_items import note_former_items
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.model import CountedTotal
from invenio_stats.totals.recount import ByInterval
from invenio_stats.totals.stored import TotalsStore
from invenio_stats.totals.writing import Action, Failure, chunks, rows_of_action, write

logger = logging.getLogger(__name__)

_MAX_ATTEMPTS = 5
"""Times that an interval is counted and written while other runs change its totals."""

Moments = Mapping[datetime, datetime]
"""Maps the start of an interval to the moment, somewhere in the interval, that is passed to `agg_iter`."""

Count = Callable[[Collection[datetime]], Iterator[CountedTotal]]
"""Counts the total keys of intervals, given by their starts, in order; may also yield those of intervals in between."""

ActionsOf = Callable[[CountedInterval, datetime, datetime | None], Iterator[Action]]
"""Yields the write operations for an interval, given its moment and the bookmark of the previous run."""


@dataclass
class Plan:
    """The intervals that a run will count, and how."""

    stored: TotalsStore
    moments: list[datetime]
    """One in each interval that is counted, in order."""
    events: Mapping[datetime, int]
    """Number of events to read, by start of interval."""
    count: Count
    previous_bookmark: datetime | None
    bookmark: datetime | None
    """Upper limit of the bookmark after the run; None if the run must not move it."""
    is_guarded: bool = True
    """Whether a total is written only over the version that was read."""


@dataclass
class RunResult:
    """The outcome of a plan."""

    written: Counter[datetime] = field(default_factory=Counter)
    """Number of totals written, by start of interval."""
    failed: Counter[datetime] = field(default_factory=Counter)
    quarantined: list[QuarantinedTotal] = field(default_factory=list)
    """Failed totals that do not hold back the bookmark; each further run tries them again."""
    intervals: dict[datetime, None] = field(default_factory=dict)
    """Starts of the intervals that were counted, in order."""
    held: int = 0
    """Number of intervals that were left to concurrent runs."""
    others_began: datetime | None = None
    """Start of the earliest concurrent run; None if there was no other run."""

    def add_failures(self, failures: Iterable[Failure], now: datetime) -> None:
        """Count failed totals; those that would fail again are quarantined."""
        for failure in failures:
            self.failed[failure.start] += 1
            is_lasting = failure.kind == "never" and failure.key is not None
            # One more than the maximum is kept: it marks the quarantine as overfull, and then everything is recounted.
            if is_lasting and len(self.quarantined) <= quarantine.MAX_QUARANTINED:
                self.quarantined.append(QuarantinedTotal(failure.start, failure.key, failure.error, now))

    @property
    def with_failures(self) -> set[datetime]:
        """Return the starts of the intervals in which a total failed."""
        return {start for start, failed in self.failed.items() if failed}

    @property
    def unfinished(self) -> set[datetime]:
        """Return the starts of the intervals that have to be counted again by the next run."""
        quarantined = Counter(failure.start for failure in self.quarantined)
        return {start for start, failed in self.failed.items() if failed > quarantined[start]}

    @property
    def results(self) -> list[tuple[int, int]]:
        """Return (written, failed) for each interval."""
        return [(self.written[start], self.failed[start]) for start in self.intervals]


@dataclass(frozen=True)
class RunExecutor:
    """The part of a run that counts and writes, many intervals in one sequence of requests."""

    name: str
    """Name of the aggregation."""
    client: Any
    interval: Interval
    plan: Plan
    lease: RunLease
    actions_of: ActionsOf
    clock: Clock
    on_interval: Callable[[int, int], None] | None = None
    """Called after each interval with the number of intervals counted so far, and the number of all."""
    result: RunResult = field(default_factory=RunResult)

    @garbage_collection.paused()
    def execute(self) -> RunResult:
        """Count and write the intervals of the plan that other runs have not leased; return the outcome.

        LeaseLostError if another run has taken over the intervals of this one.
        """
        remaining = {floor(moment, self.interval): moment for moment in self.plan.moments}
        part: Moments = {}
        try:
            while remaining:
                wanted = {start: self.plan.events.get(start, 0) for start in remaining}
                claim = self.lease.claim(wanted, self.result.with_failures)
                for start in claim.spared:
                    del remaining[start]
                if not claim.granted:
                    break
                part = {start: remaining.pop(start) for start in claim.granted}
                self._write_part(part)
        except LeaseLostError:
            raise
        except Exception:
            with suppress(Exception):  # so that the caller gets the first error; a lease that is not released expires
                self.lease.release(self.result.quarantined, {*part, *self.result.unfinished})
            raise
        self.result.held = len(remaining)
        self.result.others_began = self.lease.release(self.result.quarantined, self.result.unfinished)
        return self.result

    def _write_part(self, part: Moments) -> None:
        """Write the totals of some intervals. If another run changes a total meanwhile, count that interval again."""

        def write_again(pending: Counter[datetime]) -> Counter[datetime]:
            return self._write({start: moment for start, moment in part.items() if start in pending})

        changed = retry_conflicts(Counter(part.keys()), write_again, _MAX_ATTEMPTS)
        if changed:
            self.result.failed.update(changed)
            facts = {"aggregation": self.name, "totals": changed.total()}
            logger.error("Totals were changed by other runs at every attempt", extra=facts)

    def _write(self, part: Moments) -> Counter[datetime]:
        """Count and write some intervals; return the number of totals in each that other runs changed meanwhile."""
        write_failures: list[Failure] = []
        build_failures: list[Failure] = []
        actions = self._actions(part, build_failures)
        with ThreadPoolExecutor(max_workers=1) as writer:  # writes a chunk while the next one is counted
            request: Future[list[Failure]] | None = None
            for chunk in chunks(actions, lambda action: rows_of_action(action[1])):
                self.lease.heartbeat()
                if request is not None:
                    write_failures += request.result()
                if self.plan.stored.alias == prefix_index(names.ITEM_USAGE):
                    note_former_items(self.client, (action for _, action in chunk), self.clock())
                request = writer.submit(copy_context().run, write, self.client, chunk, self.plan.is_guarded)
                self.result.written.update(start for start, _ in chunk)
                garbage_collection.collect_sometimes()
            if request is not None:
                write_failures += request.result()
        self.result.written.subtract(failure.start for failure in write_failures)
        rejected = [failure for failure in write_failures if failure.kind != "changed"]
        self.result.add_failures([*build_failures, *rejected], self.lease.begun)
        rejected += [failure for failure in build_failures if failure.kind == "later"]
        if rejected:
            errors = sorted({failure.error for failure in rejected})
            logger.error("The search engine rejected totals", extra={"aggregation": self.name, "errors": errors})
        return Counter(failure.start for failure in write_failures if failure.kind == "changed")

    def _actions(self, part: Moments, build_failures: list[Failure]) -> Iterator[tuple[datetime, Action]]:
        """Yield the write operations with the starts of their intervals; append totals that cannot be built."""
        counted = ByInterval(self._with_heartbeats(self.plan.count(part.keys())))
        for start, moment in part.items():
            totals = counted.take(start)
            interval = CountedInterval(self.name, start, self.plan.stored, totals, self.clock, build_failures)
            for action in self.actions_of(interval, moment, self.plan.previous_bookmark):
                yield start, action
            self.result.intervals.setdefault(start)
            if self.on_interval is not None:
                self.on_interval(len(self.result.intervals), len(self.plan.moments))

    def _with_heartbeats(self, counted: Iterator[CountedTotal]) -> Iterator[CountedTotal]:
        for counted_total in counted:
            self.lease.heartbeat()
            yield counted_total
