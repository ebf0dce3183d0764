"""Carrying out: a run writes the totals of the intervals that it gets, part by part."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from invenio_stats.core import quarantine
from invenio_stats.core.intervals import floor
from invenio_stats.core.quarantine import QuarantinedTotal
from invenio_stats.errors import LeaseLostError
from invenio_stats.search.versions import retry_conflicts
from invenio_stats.support import garbage_collection
from invenio_stats.totals.attributes import AggregationAttributes
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.model import CountedTotal
from invenio_stats.totals.recount import ByInterval
from invenio_stats.totals.stored import TotalsStore
from invenio_stats.totals.writing import AT_ONCE, Action, Failure, write

logger = logging.getLogger(__name__)

_ATTEMPTS = 5

Moments = Mapping[datetime, datetime]
"""By start of interval, the moment that stands for it."""


@dataclass
class Plan:
    """What a run is going to do."""

    stored: TotalsStore
    moments: list[datetime]
    """One in each interval that is gone through, in order."""
    events: Mapping[datetime, int]
    """How many events there are to read, by start of interval."""
    count: Callable[[Collection[datetime]], Iterator[CountedTotal]]
    """Counts the pairs of intervals, given by their starts, in order; it may yield pairs between these, too."""
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


class RunExecutor(AggregationAttributes):
    """The part of an aggregation that writes: counting and writing take turns, for many intervals at once."""

    on_interval: Callable[[int, int], None] | None = None
    """Is told of each interval of a run that is counted: how many they are, and of how many."""
    _prepared: tuple[datetime, TotalsStore, Iterator[CountedTotal]] | None = None
    _unbuilt: list[Failure] | None = None
    """Totals that could not be built, while a run is writing."""

    def agg_iter(self, dt: datetime, previous_bookmark: datetime | None) -> Iterator[Action]:
        """Yield what is to be written for the interval that holds `dt`."""
        raise NotImplementedError

    @garbage_collection.paused()
    def execute(self, plan: Plan, lease: RunLease) -> RunResult:
        """Count and write the intervals of a plan that other runs have not leased; return what became of them.

        LeaseLostError when another run has taken over.
        """
        result = RunResult()
        remaining = {floor(moment, self.interval): moment for moment in plan.moments}
        part: Moments = {}
        try:
            while remaining:
                wanted = {start: plan.events.get(start, 0) for start in remaining}
                claim = lease.claim(wanted, result.troubled)
                for start in claim.spared:
                    del remaining[start]
                if not claim.granted:
                    break
                part = {start: remaining.pop(start) for start in claim.granted}
                self._write_part(part, plan, lease, result)
        except LeaseLostError:
            raise
        except Exception:
            with suppress(Exception):  # what stopped the run is what is to be told; the lease ends by itself
                lease.release(result.quarantined, {*part, *result.undone})
            raise
        result.held = len(remaining)
        result.others_began = lease.release(result.quarantined, result.undone)
        return result

    def _write_part(self, part: Moments, plan: Plan, lease: RunLease, result: RunResult) -> None:
        """Count and write some intervals; those of which others have changed a total meanwhile once more."""

        def write_again(pending: Counter[datetime]) -> Counter[datetime]:
            moments = {start: moment for start, moment in part.items() if start in pending}
            return self._write(moments, plan, lease, result)

        changed = retry_conflicts(Counter(part.keys()), write_again, _ATTEMPTS)
        if changed:
            result.failed.update(changed)
            facts = {"aggregation": self.name, "totals": changed.total()}
            logger.error("Totals are changed by others again and again", extra=facts)

    def _write(self, part: Moments, plan: Plan, lease: RunLease, result: RunResult) -> Counter[datetime]:
        """Count and write some intervals; return how many totals of each others have changed meanwhile."""
        refused: list[Failure] = []
        self._unbuilt = []
        actions = self._actions(part, plan, lease, result)
        with ThreadPoolExecutor(max_workers=1) as writer:  # the next totals are counted while these are written
            sent: Future[list[Failure]] | None = None
            while chunk := list(islice(actions, AT_ONCE)):
                lease.heartbeat()
                if sent is not None:
                    refused += sent.result()
                sent = writer.submit(copy_context().run, write, self.client, chunk, plan.is_guarded)
                result.written.update(start for start, _ in chunk)
                garbage_collection.collect_sometimes()
            if sent is not None:
                refused += sent.result()
        result.written.subtract(one.start for one in refused)
        result.note([one for one in (*self._unbuilt, *refused) if one.kind != "changed"], lease.begun)
        self._unbuilt = None
        errors = sorted({one.error for one in refused if one.kind != "changed"})
        if errors:
            logger.error("The search engine refused totals", extra={"aggregation": self.name, "errors": errors})
        return Counter(one.start for one in refused if one.kind == "changed")

    def _actions(
        self, part: Moments, plan: Plan, lease: RunLease, result: RunResult
    ) -> Iterator[tuple[datetime, Action]]:
        """Yield what is to be written, with the start of its interval."""
        counted = ByInterval(_alive(plan.count(part.keys()), lease))
        for start, moment in part.items():
            self._prepared = start, plan.stored, counted.take(start)
            for action in self.agg_iter(moment, plan.previous_bookmark):
                yield start, action
            result.intervals.setdefault(start)
            if self.on_interval is not None:
                self.on_interval(len(result.intervals), len(plan.moments))
        self._prepared = None


def _alive(counted: Iterator[CountedTotal], lease: RunLease) -> Iterator[CountedTotal]:
    for one in counted:
        lease.heartbeat()
        yield one
