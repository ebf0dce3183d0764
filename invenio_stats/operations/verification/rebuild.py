"""Make the totals of an aggregation equal to a recount of its raw events, interval by interval."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

from flask_babel import gettext as _

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core import names
from invenio_stats.core.intervals import Interval, after, floor
from invenio_stats.core.moments import BEGINNING, iso, utc
from invenio_stats.errors import ClosedIndexError, RebuildError
from invenio_stats.operations.corrections import Changes, note_correction
from invenio_stats.operations.verification.breakdowns import BreakdownComparison
from invenio_stats.operations.verification.closed_indices import find_closed
from invenio_stats.operations.verification.comparison import Comparison, Difference, OnInterval
from invenio_stats.operations.verification.verify import Verification, is_verifiable, prepare, range_edges
from invenio_stats.totals import breakdowns
from invenio_stats.totals.attributes import events_alias_of, store_of
from invenio_stats.totals.complete_days import estimate_day
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.writing import Action, chunks, rows_of_action, write


class RebuildResult(NamedTuple):
    """The outcome for totals that differed."""

    written: int
    failed: int
    errors: list[str]
    """Types of the errors, without texts, which may quote documents."""


@dataclass
class Rebuild:
    """A rebuild of one aggregation's totals between two dates.

    Its progress is stored until it is complete, so that a rebuild with the same dates resumes an interrupted one. It
    does not use or move the bookmark of the aggregation.
    """

    aggregator: Any
    verification: Verification
    resumed: datetime | None
    """Start of the last interval that an interrupted rebuild has completed; None if there was none."""
    progress: BookmarkAPI
    due: list[datetime] = field(default_factory=list)
    """Starts of the intervals with differences, as far as they have been compared."""
    lost: Counter[datetime] = field(default_factory=Counter)
    """By start of interval, the number of totals that differ and are left alone, since raw events of them were deleted:
    the recount would make them smaller, or delete them."""
    is_noted: bool = True
    """Whether it is noted as a correction; not if it is part of another one."""
    _changes: dict[datetime, Changes] = field(default_factory=dict)
    """How much the numbers of these intervals change."""

    def differences(self, on_interval: OnInterval | None = None) -> Iterator[Difference]:
        """Yield the differences but for the lost totals; `run` rebuilds the intervals that have any."""
        comparison = self.verification.comparison
        assert comparison is not None  # checked by `begin`
        for difference, is_lost in comparison.mark_lost(self.verification.differences(on_interval)):
            start = difference.counted_total.total_key.start
            if is_lost:
                self.lost[start] += 1
                continue
            if self.due[-1:] != [start]:
                self.due.append(start)
            self._add_changes(start, difference)
            yield difference

    def run(self, on_interval: OnInterval | None = None) -> RebuildResult:
        """Write the totals that differ; delete the stored progress at the end, unless a total failed.

        RebuildError if another run has leased one of the intervals.
        """
        lease: RunLease = self.aggregator.begin_lease()
        is_breakdown = isinstance(self.verification.comparison, BreakdownComparison)
        leased = [BEGINNING] if is_breakdown else self.due  # breakdowns are counted by one run at a time
        claim = lease.claim(dict.fromkeys(leased, 0))
        done: list[datetime] = []
        try:
            if len(claim.granted) < len(leased):
                raise _busy(self.aggregator.name)
            return self._rebuild(lease, done, on_interval)
        finally:
            raise_revision(self.aggregator.client, store_of(self.aggregator).alias)
            unfinished = set(self.due) - set(done)
            lease.release(unfinished=leased if is_breakdown and unfinished else unfinished)
            self._note_correction(done)

    def _add_changes(self, start: datetime, difference: Difference) -> None:
        """Add what a difference changes of the numbers; not what cannot be rebuilt, nor lists and texts."""
        if difference.kind in ("copy_error", "foreign"):
            return
        names_of_numbers = {"count": {"record-view": "views", "file-download": "downloads"}}
        for name in {**difference.stored, **difference.counted}:
            before, counted = (part.get(name, 0) for part in (difference.stored, difference.counted))
            if type(before) is type(counted) is int and before != counted:
                number = names_of_numbers.get(name, {}).get(self.aggregator.event, name)
                self._changes.setdefault(start, Changes()).add(start, number, counted - before)

    def _note_correction(self, done: Sequence[datetime]) -> None:
        """Note what has been corrected, also if not all was."""
        if not done or not self.is_noted:
            return
        name = self.aggregator.name
        summary = f"Totals of {name} from {iso(done[0])[:10]} to {iso(done[-1])[:10]} were counted again."
        months = Changes.sum_of(self._changes[start] for start in done if start in self._changes).months
        now = utc(datetime.now(timezone.utc))
        note_correction(self.aggregator.client, "rebuild", summary, months, now, "invenio stats aggregations rebuild")

    def _rebuild(self, lease: RunLease, done: list[datetime], on_interval: OnInterval | None) -> RebuildResult:
        written, failed, errors = 0, 0, set()
        for number, (start, result) in enumerate(self._rewrite(lease), 1):
            written, failed = written + result.written, failed + result.failed
            errors.update(result.errors)
            if not failed:
                self.progress.set_bookmark(start)
            if not result.failed:  # otherwise a concurrent run has to count the interval
                done.append(start)
            if on_interval is not None:
                on_interval(number, len(self.due))
        if not failed:
            self.progress.rewind()
        return RebuildResult(written, failed, sorted(errors))

    def _rewrite(self, lease: RunLease) -> Iterator[tuple[datetime, RebuildResult]]:
        """Rewrite the due intervals, and yield each with its result."""
        comparison = self.verification.comparison
        if isinstance(comparison, BreakdownComparison):
            assert comparison.recount is not None  # checked by `begin`
            for start, written in breakdowns.rewrite(self.aggregator, comparison.recount.events, lease, self.due):
                yield start, RebuildResult(written, 0, [])
        elif comparison is not None:
            for start in self.due:
                lease.heartbeat()
                _check_complete(self.aggregator, start)  # repeated, because events may have been deleted meanwhile
                yield start, rebuild_interval(comparison, start)


def begin(aggregator: Any, first: datetime, last: datetime) -> Rebuild:
    """Prepare the rebuild of the intervals between two dates, both included; RebuildError if counts would be lost."""
    if not is_verifiable(aggregator):
        raise RebuildError(
            _(
                "%(name)s cannot be rebuilt, because its class overrides agg_iter. Leave it out.",
                name=aggregator.name,
            )
        )
    for alias in (events_alias_of(aggregator), store_of(aggregator).alias):
        aggregator.client.indices.refresh(index=alias, ignore_unavailable=True)
    closed = find_closed(aggregator).indices
    if closed:
        raise ClosedIndexError(aggregator.name, closed)
    start, _end = range_edges(first, last, aggregator.interval)
    _check_complete(aggregator, start or first)
    name = f"{names.REBUILD}{aggregator.name}-{first:%Y-%m-%d}-{last:%Y-%m-%d}"
    progress = BookmarkAPI(aggregator.client, name, aggregator.interval)
    resumed = progress.get_bookmark(refresh_time=0)
    rest = first if resumed is None else after(resumed, aggregator.interval)
    verification = prepare(aggregator, rest, last)
    _check_events_exist(verification)
    return Rebuild(aggregator, verification, resumed, progress)


def rebuild_interval(comparison: Comparison, start: datetime) -> RebuildResult:
    """Recount one interval, and write the totals that differ, but for those of which raw events were deleted."""
    build_errors: list[str] = []
    written, errors = 0, []
    found = comparison.mark_lost(comparison.differences([start]))
    actions = _actions(comparison, (difference for difference, is_lost in found if not is_lost), build_errors)
    for chunk in chunks(actions, rows_of_action):
        failures = write(comparison.client, [(start, action) for action in chunk])
        written += len(chunk) - len(failures)
        errors += [failure.error for failure in failures]
    return RebuildResult(written, len(errors) + len(build_errors), [*errors, *build_errors])


def _actions(comparison: Comparison, found: Iterable[Difference], build_errors: list[str]) -> Iterator[Action]:
    """Yield the write operations for differences; append errors to `build_errors`."""
    for difference in found:
        if difference.kind in ("copy_error", "foreign"):
            build_errors.append(difference.counted["error"])
        elif difference.found_at is not None:
            index, document_id = difference.found_at
            yield {"_op_type": "delete", "_index": index, "_id": document_id}
        else:
            action = comparison.stored.action(difference.counted_total, utc(datetime.now(timezone.utc)))
            if action is not None:
                yield action


def _check_complete(aggregator: Any, start: datetime) -> None:
    """Raise RebuildError if events of the first interval may have been deleted: its totals would become smaller."""
    day = estimate_day(aggregator, datetime.now(timezone.utc))
    if start < day:
        raise RebuildError(
            _(
                "%(name)s: --from %(start)s is before %(day)s, the first day with all raw events; "
                "earlier totals would become smaller. Begin with --from %(cure)s or later.",
                name=aggregator.name,
                start=iso(start)[:10],
                day=iso(day)[:10],
                cure=iso(_first_complete_interval(day, aggregator.interval))[:10],
            )
        )


def _busy(name: str) -> RebuildError:
    return RebuildError(
        _(
            "%(name)s: another run is counting these totals, or was killed less than STATS_LEASE_SECONDS ago. "
            "Try again when it has ended.",
            name=name,
        )
    )


def _check_events_exist(verification: Verification) -> None:
    """Raise RebuildError if there are totals but no index of events: the rebuild would delete all of them."""
    comparison = verification.comparison
    if comparison is not None and comparison.recount is None and verification.starts:
        raise RebuildError(
            _(
                "%(name)s: there is no index of raw events, so all its totals would be deleted. Restore the events, "
                "or delete totals with invenio stats aggregations delete.",
                name=verification.name,
            )
        )


def _first_complete_interval(day: datetime, interval: Interval) -> datetime:
    """Return the start of the first interval that does not begin before a day."""
    start = floor(day, interval)
    return start if start == day else after(start, interval)
