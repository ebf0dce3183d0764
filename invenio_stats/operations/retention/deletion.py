"""Delete the old raw events of a group, month by month, so that no total can lose anything.

For each month: block writes to the indices that go, look once more whether everything is counted, raise the first
complete day, and delete only then. A run that ends anywhere in between leaves events that the next run deletes, and
days that nothing counts anew: a total never shrinks, and no event is counted twice.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from invenio_search.engine import search

from invenio_stats.aggregations import StatAggregator, UsageBreakdownAggregator
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core.intervals import starts
from invenio_stats.core.moments import BEGINNING
from invenio_stats.core.retention import Deletion, Limit, Reason, effective_limits, find_until, split_by_month
from invenio_stats.operations.retention.groups import Group
from invenio_stats.operations.retention.guards import find_limits
from invenio_stats.operations.retention.plans import Expiry, find_deletions, find_start, make_plan
from invenio_stats.operations.retention.write_blocks import WriteBlocks
from invenio_stats.processing.month_indices import abandon_stale
from invenio_stats.search import clauses
from invenio_stats.search.aliases import split_for_urls
from invenio_stats.search.failures import is_in_snapshot
from invenio_stats.totals.leases import RunLease

logger = logging.getLogger(__name__)

OnDeleted = Callable[[int], None]
"""Called with the number of events that were just deleted."""

_REQUEST_SECONDS = 3600
"""Time-out of the deletion of documents, of which there may be millions."""

_ONE = timedelta(seconds=1)


def expire(
    client: Any,
    group: Group,
    deadline: datetime,
    clock: Callable[[], datetime],
    on_deleted: OnDeleted = lambda events: None,
) -> Expiry:
    """Delete the events of a group that are older than a day and can be deleted; return what was deleted.

    One run at a time does this for a group: another one deletes nothing.
    """
    lock = _new_lease(client, group.name, clock)
    if not lock.claim({BEGINNING: 0}).granted:
        busy = Limit(BEGINNING, "being_deleted", ", ".join(group.event_types))
        return Expiry(group.event_types, deadline, BEGINNING, {}, [busy], {})
    try:
        return _Execution(client, group, deadline, clock, on_deleted, lock).run()
    finally:
        with suppress(Exception):  # it expires
            lock.release(unfinished=[BEGINNING])


def _new_lease(client: Any, name: str, clock: Callable[[], datetime]) -> RunLease:
    life = timedelta(seconds=current_app.config["STATS_LEASE_SECONDS"])
    return RunLease(client, name, life, clock(), clock)


class _Execution:
    def __init__(
        self,
        client: Any,
        group: Group,
        deadline: datetime,
        clock: Callable[[], datetime],
        on_deleted: OnDeleted,
        lock: RunLease,
    ):
        self._client = client
        self._group = group
        self._deadline = deadline
        self._clock = clock
        self._on_deleted = on_deleted
        self._lock = lock
        self._leases: list[RunLease] = []
        self._done: dict[str, dict[str, Deletion]] = {event_type: {} for event_type in group.event_types}
        """What was deleted, by event type and index; of some indices a part of each month."""
        self._blocks = WriteBlocks(client, group.name)

    def run(self) -> Expiry:
        self._blocks.lift()
        for source in self._group.sources:
            abandon_stale(self._client, source.alias, self._clock())
        plan = make_plan(self._client, self._group, self._deadline, self._clock())
        limits, until = plan.limits, plan.until
        if any(plan.deletions.values()):
            for start, end in split_by_month(find_start(self._client, self._group, plan), plan.until):
                found = self._delete_part(start, end)
                if found:
                    limits, until = found, find_until(end, found)
                    break
            raise_revision(self._client)
        deletions = {event_type: list(done.values()) for event_type, done in self._done.items()}
        return plan._replace(deletions=deletions, limits=limits, until=until)

    def _delete_part(self, start: datetime, end: datetime) -> list[Limit]:
        """Delete the events of a month, or of its first days; return what keeps them, or what is left of them."""
        deletions, _policies = find_deletions(self._client, self._group, end)
        if not any(deletions.values()):
            return []
        whole = {deletion.index_name for found in deletions.values() for deletion in found if deletion.is_whole}
        with self._leased(start, end) as busy:
            if busy is not None:
                return [busy]
            try:
                self._blocks.put(whole)
                checked = self._clock()
                limits = effective_limits(find_limits(self._client, self._group, end, checked), end)
                if not limits:
                    # Once more, and blocked: of an index that got a newer event meanwhile, only the old ones go.
                    deletions, _policies = find_deletions(self._client, self._group, end)
                    self._raise_days(end)
                    limits = [Limit(start, *refused) for refused in self._delete(deletions, whole, end)]
            finally:
                self._blocks.lift()
        return limits

    def _raise_days(self, end: datetime) -> None:
        for source in self._group.sources:
            FirstCompleteDay(self._client, source.event_type).raise_before_deletion(end, source.alias)

    def _delete(
        self, deletions: dict[str, list[Deletion]], blocked: set[str], end: datetime
    ) -> list[tuple[Reason, str]]:
        """Return why the engine does not delete indices now, and of which event types they are."""
        refused: list[tuple[Reason, str]] = []
        for event_type, found in deletions.items():
            whole = [deletion for deletion in found if deletion.is_whole and deletion.index_name in blocked]
            parts = [deletion for deletion in found if not deletion.is_whole]
            by_index = {deletion.index_name: deletion for deletion in whole}
            for names in split_for_urls(list(by_index)):
                self._heartbeat()
                reason = self._delete_indices(names)
                if reason is None:
                    self._note(event_type, [by_index[name] for name in names])
                else:
                    refused.append((reason, event_type))
            for deletion in parts:
                self._heartbeat()
                deleted = self._delete_documents(deletion.index_name, end)
                self._note(event_type, [deletion._replace(events=deleted)])
        return refused

    def _delete_indices(self, names: list[str]) -> Reason | None:
        """Delete indices; return why the engine does not, for the next run to delete them."""
        try:
            self._client.indices.delete(index=",".join(names), ignore_unavailable=True)
        except search.exceptions.RequestError as error:
            logger.warning("Indices of raw events cannot be deleted now", extra={"error": error.error})
            # If no snapshot has them, a compaction has just made one of the names an alias of its month.
            return "snapshot" if is_in_snapshot(error) else "compaction"
        return None

    def _delete_documents(self, index: str, end: datetime) -> int:
        answer = self._client.delete_by_query(
            index=index,
            body={"query": clauses.between(None, end)},
            conflicts="proceed",  # one that was written meanwhile stays, and the next run looks at it
            refresh=True,
            ignore_unavailable=True,
            request_timeout=_REQUEST_SECONDS,
        )
        return int(answer["deleted"])

    def _note(self, event_type: str, deletions: list[Deletion]) -> None:
        done = self._done[event_type]
        for deletion in deletions:
            before = done[deletion.index_name].events if deletion.index_name in done else 0
            done[deletion.index_name] = deletion._replace(events=before + deletion.events)
        events = sum(deletion.events for deletion in deletions)
        facts = {"event_type": event_type, "events": events, "indices": [deletion.index_name for deletion in deletions]}
        logger.info("Raw events were deleted", extra=facts)
        self._on_deleted(events)

    def _heartbeat(self) -> None:
        for lease in (self._lock, *self._leases):
            lease.heartbeat()

    @contextmanager
    def _leased(self, start: datetime, end: datetime) -> Iterator[Limit | None]:
        """Keep all aggregations from counting the intervals of a part; give the one that is counting some now."""
        claimed: list[tuple[RunLease, list[datetime]]] = []
        try:
            yield next(self._claim_all(start, end, claimed), None)
        finally:
            self._leases = []
            for lease, wanted in reversed(claimed):
                with suppress(Exception):  # so that the first error is raised; a lease that is not released expires
                    lease.release(unfinished=wanted)

    def _claim_all(
        self, start: datetime, end: datetime, claimed: list[tuple[RunLease, list[datetime]]]
    ) -> Iterator[Limit]:
        """Claim the intervals of each aggregation; yield a limit for one of which others hold some."""
        for aggregator in self._group.aggregators:
            if not isinstance(aggregator, StatAggregator):
                continue
            is_breakdown = isinstance(aggregator, UsageBreakdownAggregator)
            wanted = [BEGINNING] if is_breakdown else list(starts(start, end - _ONE, aggregator.interval))
            lease = _new_lease(self._client, aggregator.name, self._clock)
            claimed.append((lease, wanted))
            granted = lease.claim(dict.fromkeys(wanted, 0)).granted
            self._leases.append(lease)
            if len(granted) < len(wanted):
                yield Limit(wanted[0], "being_counted", aggregator.name)
