"""Execution: a run writes the totals of the intervals that it gets, part by part."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from invenio_stats.core import quarantine
from invenio_stats.core.intervals import Interval, floor
from invenio_stats.core.quarantine import QuarantinedTotal
from invenio_stats.errors import LeaseLostError
from invenio_stats.search.versions import retry_conflicts
from invenio_stats.support import garbage_collection
from invenio_stats.totals.counted_interval import Clock, CountedInterval
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.model import CountedTotal
from invenio_stats.totals.recount import ByInterval
from invenio_stats.totals.stored import TotalsStore
from invenio_stats.totals.writing import AT_ONCE, Action, Failure, write

logger = logging.getLogger(__name__)

_ATTEMPTS = 5

Moments = Mapping[datetime, datetime]
"""By start of interval, the moment that stands for it."""

Count = Callable[[Collection[datetime]], Iterator[CountedTotal]]
"""Counts the pairs of intervals, given by their starts, in order; it may yield pairs between these, too."""

ActionsOf = Callable[[CountedInterval, datetime, datetime | None], Iterator[Action]]
"""Yields what is to be written for an interval, given the moment that stands for it and the last run's bookmark."""


@dataclass
class Plan:
    """What a run is going to do."""

    stored: TotalsStore
    moments: list[datetime]
    """One in each interval that is gone through, in order."""
    events: Mapping[datetime, int]
    """How many events there are to read, by start of interval."""
    count: Count
    previous_bookmark: datetime | None
    bookmark: datetime | None
    """Where the run leaves the bookmark at most; None for where it is."""
    is_guarded: bool = True
    """Whether what is written goes where the stored totals were read."""


@dataclass
class RunResult:
    """What became of a plan."""

    written: Counter[datetime] = field(default_factory=Counter)
    """Totals, by start of interval."""
    failed: Counter[datetime] = field(default_factory=Counter)
    quarantined: list[QuarantinedTotal] = field(default_factory=list)
    """Of the failed: those that the others need not wait for."""
    intervals: dict[datetime, None] = field(default_factory=dict)
    """The starts of those that were gone through, in order."""
    held: int = 0
    """How many intervals others were working on."""
    others_began: datetime | None = None
    """When the first of the runs began that were at work meanwhile."""

    def note(self, failures: Iterable[Failure], now: datetime) -> None:
        """Take note of totals that failed; those that would fail again are quarantined."""
        for one in failures:
            self.failed[one.start] += 1
            is_lasting = one.kind == "never" and one.key is not None
            if (
                is_lasting and len(self.quarantined) <= quarantine.MAX_QUARANTINED
            ):  # beyond that all of it is done again
                self.quarantined.append(QuarantinedTotal(one.start, one.key, one.error, now))

    @property
    def troubled(self) -> set[datetime]:
        """Return the starts of the intervals of which a total failed."""
        return {start for start, failed in self.failed.items() if failed}

    @property
    def undone(self) -> set[datetime]:
        """Return the starts of the intervals that have to be done again."""
        quarantined = Counter(one.start for one in self.quarantined)
        return {start for start, failed in self.failed.items() if failed > quarantined[start]}

    @property
    def results(self) -> list[tuple[int, int]]:
        """Return (written, failed) for each interval."""
        return [(self.written[start], self.failed[start]) for start in self.intervals]


@dataclass(frozen=True)
class RunExecutor:
    """The part of a run that writes: counting and writing take turns, for many intervals at once."""

    name: str
    """Of the aggregation."""
    client: Any
    interval: Interval
    plan: Plan
    lease: RunLease
    actions_of: ActionsOf
    clock: Clock
    on_interval: Callable[[int, int], None] | None = None
    """Is told of each interval that is counted: how many they are, and of how many."""
    result: RunResult = field(default_factory=RunResult)

    @garbage_collection.paused()
    def execute(self) -> RunResult:
        """Count and write the intervals of the plan that other runs have not leased; return what became of them.

        LeaseLostError when another run has taken over.
        """
        remaining = {floor(moment, self.interval): moment for moment in self.plan.moments}
        part: Moments = {}
        try:
            while remaining:
                wanted = {start: self.plan.events.get(start, 0) for start in remaining}
                claim = self.lease.claim(wanted, self.result.troubled)
                for start in claim.spared:
                    del remaining[start]
                if not claim.granted:
                    break
                part = {start: remaining.pop(start) for start in claim.granted}
                self._write_part(part)
        except LeaseLostError:
            raise
        except Exception:
            with suppress(Exception):  # what stopped the run is what is to be told; the lease ends by itself
                self.lease.release(self.result.quarantined, {*part, *self.result.undone})
            raise
        self.result.held = len(remaining)
        self.result.others_began = self.lease.release(self.result.quarantined, self.result.undone)
        return self.result

    def _write_part(self, part: Moments) -> None:
        """Count and write some intervals; those of which others have changed a total meanwhile once more."""

        def write_again(pending: Counter[datetime]) -> Counter[datetime]:
            return self._write({start: moment for start, moment in part.items() if start in pending})

        changed = retry_conflicts(Counter(part.keys()), write_again, _ATTEMPTS)
        if changed:
            self.result.failed.update(changed)
            facts = {"aggregation": self.name, "totals": changed.total()}
            logger.error("Totals are changed by others again and again", extra=facts)

    def _write(self, part: Moments) -> Counter[datetime]:
        """Count and write some intervals; return how many totals of each others have changed meanwhile."""
        refused: list[Failure] = []
        unbuilt: list[Failure] = []
        actions = self._actions(part, unbuilt)
        with ThreadPoolExecutor(max_workers=1) as writer:  # the next totals are counted while these are written
            sent: Future[list[Failure]] | None = None
            while chunk := list(islice(actions, AT_ONCE)):
                self.lease.heartbeat()
                if sent is not None:
                    refused += sent.result()
                sent = writer.submit(copy_context().run, write, self.client, chunk, self.plan.is_guarded)
                self.result.written.update(start for start, _ in chunk)
                garbage_collection.collect_sometimes()
            if sent is not None:
                refused += sent.result()
        self.result.written.subtract(one.start for one in refused)
        self.result.note([one for one in (*unbuilt, *refused) if one.kind != "changed"], self.lease.begun)
        errors = sorted({one.error for one in refused if one.kind != "changed"})
        if errors:
            logger.error("The search engine refused totals", extra={"aggregation": self.name, "errors": errors})
        return Counter(one.start for one in refused if one.kind == "changed")

    def _actions(self, part: Moments, unbuilt: list[Failure]) -> Iterator[tuple[datetime, Action]]:
        """Yield what is to be written, with the start of its interval; what cannot be built is added to `unbuilt`."""
        counted = ByInterval(self._alive(self.plan.count(part.keys())))
        for start, moment in part.items():
            totals = counted.take(start)
            interval = CountedInterval(self.name, start, self.plan.stored, totals, self.clock, unbuilt)
            for action in self.actions_of(interval, moment, self.plan.previous_bookmark):
                yield start, action
            self.result.intervals.setdefault(start)
            if self.on_interval is not None:
                self.on_interval(len(self.result.intervals), len(self.plan.moments))

    def _alive(self, counted: Iterator[CountedTotal]) -> Iterator[CountedTotal]:
        for one in counted:
            self.lease.heartbeat()
            yield one
