"""Rebuild: makes the totals of an aggregation equal to a recount of its raw events, interval by interval."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import islice
from typing import Any, NamedTuple

from flask_babel import gettext as _

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.intervals import Interval, after, floor
from invenio_stats.core.moments import iso, utc
from invenio_stats.errors import RebuildError
from invenio_stats.operations.verification.comparison import Comparison, Difference, OnInterval
from invenio_stats.operations.verification.verify import Verification, is_verifiable, prepare, range_edges
from invenio_stats.totals.attributes import events_alias_of, store_of
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.writing import AT_ONCE, Action, write


class Mended(NamedTuple):
    """What became of totals that differed."""

    written: int
    failed: int
    errors: list[str]
    """Types of the errors."""


@dataclass
class Rebuild:
    """One aggregation, ready to have its totals made anew between two dates.

    How far it has come is remembered until it has come to the end: whoever begins again with the same dates goes on
    from there. The bookmark of the aggregation has no part in this.
    """

    aggregator: Any
    verification: Verification
    resumed: datetime | None
    """The start of the last interval that an earlier one had done; None where there was none."""
    progress: BookmarkAPI
    due: list[datetime] = field(default_factory=list)
    """Starts of the intervals that differ, as far as they have been compared."""

    def differences(self, on_interval: OnInterval | None = None) -> Iterator[Difference]:
        """Yield the differences that the rebuild will make; it works on the intervals that have some."""
        for difference in self.verification.differences(on_interval):
            if self.due[-1:] != [difference.one.total_key.start]:
                self.due.append(difference.one.total_key.start)
            yield difference

    def run(self, on_interval: OnInterval | None = None) -> Mended:
        """Write what differs; the place is forgotten at the end, unless something failed.

        RebuildError where another run is working on one of the intervals.
        """
        lease: RunLease = self.aggregator.begin_lease()
        claim = lease.claim(dict.fromkeys(self.due, 0))
        done: list[datetime] = []
        try:
            if len(claim.granted) < len(self.due):
                raise _busy(self.aggregator.name)
            return self._mend(lease, done, on_interval)
        finally:
            lease.release(undone=set(self.due) - set(done))

    def _mend(self, lease: RunLease, done: list[datetime], on_interval: OnInterval | None) -> Mended:
        comparison = self.verification.comparison
        written, failed, errors = 0, 0, set()
        for number, start in enumerate(self.due if comparison else (), 1):
            lease.heartbeat()
            _check_complete(self.aggregator, start)  # again: events may be deleted meanwhile
            mended = mend(comparison, start)
            written, failed = written + mended.written, failed + mended.failed
            errors.update(mended.errors)
            if not failed:
                self.progress.set_bookmark(start)
            if not mended.failed:  # else the runs beside this one have to try it
                done.append(start)
            if on_interval is not None:
                on_interval(number, len(self.due))
        if not failed:
            self.progress.rewind()
        return Mended(written, failed, sorted(errors))


def begin(aggregator: Any, first: datetime, last: datetime) -> Rebuild:
    """Get ready for the intervals between two dates, both included; RebuildError where that would lose numbers."""
    if not is_verifiable(aggregator):
        raise RebuildError(
            _(
                "%(name)s counts with an agg_iter of its own, so nobody else can say what its totals have to be. "
                "Leave it out.",
                name=aggregator.name,
            )
        )
    for alias in (events_alias_of(aggregator), store_of(aggregator).alias):
        aggregator.client.indices.refresh(index=alias, ignore_unavailable=True)
    start, _end = range_edges(first, last, aggregator.interval)
    _check_complete(aggregator, start or first)
    name = f"rebuild-{aggregator.name}-{first:%Y-%m-%d}-{last:%Y-%m-%d}"
    progress = BookmarkAPI(aggregator.client, name, aggregator.interval)
    resumed = progress.get_bookmark(refresh_time=0)
    rest = first if resumed is None else after(resumed, aggregator.interval)
    verification = prepare(aggregator, rest, last)
    _check_events(verification)
    return Rebuild(aggregator, verification, resumed, progress)


def mend(comparison: Comparison, start: datetime) -> Mended:
    """Count one interval anew, and write the totals that differ."""
    unbuilt: list[str] = []
    written, errors = 0, []
    actions = _actions(comparison, comparison.differences([start]), unbuilt)
    while chunk := list(islice(actions, AT_ONCE)):
        refused = write(comparison.client, [(start, action) for action in chunk])
        written += len(chunk) - len(refused)
        errors += [one.error for one in refused]
    return Mended(written, len(errors) + len(unbuilt), [*errors, *unbuilt])


def _actions(comparison: Comparison, found: Iterable[Difference], unbuilt: list[str]) -> Iterator[Action]:
    """Yield what is to be written; what cannot be written is noted."""
    for difference in found:
        if difference.kind in ("copy_error", "foreign"):
            unbuilt.append(difference.counted["error"])
        elif difference.elsewhere is not None:
            index, document_id = difference.elsewhere
            yield {"_op_type": "delete", "_index": index, "_id": document_id}
        else:
            action = comparison.stored.action(difference.one, utc(datetime.now(timezone.utc)))
            if action is not None:
                yield action


def _check_complete(aggregator: Any, start: datetime) -> None:
    """Raise RebuildError where events of the first interval may be gone: its totals would become smaller."""
    kept = FirstCompleteDay(aggregator.client, aggregator.event)
    events, totals = events_alias_of(aggregator), store_of(aggregator).alias
    day = kept.estimate(events, totals, aggregator.interval, datetime.now(timezone.utc))
    if start < day:
        raise RebuildError(
            _(
                "%(name)s: --from %(start)s is before %(day)s, the first day whose raw events are all there; "
                "the totals before it would become smaller. Begin with --from %(cure)s or later.",
                name=aggregator.name,
                start=iso(start)[:10],
                day=iso(day)[:10],
                cure=iso(_first_whole(day, aggregator.interval))[:10],
            )
        )


def _busy(name: str) -> RebuildError:
    return RebuildError(
        _(
            "%(name)s: another run is working on these totals, or was killed less than STATS_LEASE_SECONDS ago. "
            "Begin again when it is done.",
            name=name,
        )
    )


def _check_events(verification: Verification) -> None:
    """Raise RebuildError where there are totals and no index of events at all: nobody meant to delete them all."""
    comparison = verification.comparison
    if comparison is not None and comparison.recount is None and verification.starts:
        raise RebuildError(
            _(
                "%(name)s: there is no index of raw events, so all its totals would be deleted. Bring the events back, "
                "or delete totals with invenio stats aggregations delete.",
                name=verification.name,
            )
        )


def _first_whole(day: datetime, interval: Interval) -> datetime:
    """Return the start of the first interval that does not begin before a day."""
    start = floor(day, interval)
    return start if start == day else after(start, interval)
