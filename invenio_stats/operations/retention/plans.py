"""Plan what would be deleted of the raw events of a group, without changing anything."""

from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.core.retention import (
    Content,
    Deletion,
    Limit,
    effective_limits,
    find_until,
    plan_deletions,
    start_of,
)
from invenio_stats.operations.monitoring.raw_events import EventSource
from invenio_stats.operations.retention.groups import Group
from invenio_stats.operations.retention.guards import find_limits, find_runs
from invenio_stats.search import aliases, clauses
from invenio_stats.search.groups import count_by_index
from invenio_stats.search.lifecycle import Policy, find_policies


class Expiry(NamedTuple):
    """What is to be deleted, or was, of the event types of a group."""

    event_types: list[str]
    deadline: datetime
    """Events before it are due."""
    until: datetime
    """Events before it can be deleted: the deadline, unless something holds events back."""
    deletions: dict[str, list[Deletion]]
    """By event type."""
    limits: list[Limit]
    """What holds events back that are due."""
    policies: dict[str, Policy]
    """Indices with events that are due, and that the search engine deletes by itself."""

    @property
    def events(self) -> int:
        """Number of events to be deleted."""
        return sum(deletion.events for found in self.deletions.values() for deletion in found)


def make_plan(client: Any, group: Group, deadline: datetime, now: datetime) -> Expiry:
    """Return what can be deleted now."""
    deletions, policies = find_deletions(client, group, deadline)
    if not any(deletions.values()):
        return Expiry(group.event_types, deadline, deadline, deletions, [], policies)
    limits = effective_limits([*find_limits(client, group, deadline, now), *find_runs(client, group, now)], deadline)
    until = find_until(deadline, limits)
    if until < deadline:
        deletions, _policies = find_deletions(client, group, until)
    return Expiry(group.event_types, deadline, until, deletions, limits, policies)


def find_start(client: Any, group: Group, plan: Expiry) -> datetime:
    """Return the start of the oldest index to be deleted, or the oldest event if names do not tell."""
    found = [plan.until]
    for source in group.sources:
        indices = [deletion.index_name for deletion in plan.deletions[source.event_type]]
        starts = {index: start_of(source.alias, index) for index in indices}
        unnamed = [index for index, start in starts.items() if start is None]
        oldest = aliases.oldest(client, unnamed) if unnamed else None
        found += [start for start in (*starts.values(), oldest) if start is not None]
    return min(found)


def find_deletions(client: Any, group: Group, until: datetime) -> tuple[dict[str, list[Deletion]], dict[str, Policy]]:
    """Return what is to be deleted before a day, by event type, and what the search engine deletes by itself."""
    found = {source.event_type: _plan_source(client, source, until) for source in group.sources}
    indices = sorted({deletion.index_name for deletions in found.values() for deletion in deletions})
    policies = {index: policy for index, policy in find_policies(client, indices).items() if policy.deletes}
    return {
        event_type: [deletion for deletion in deletions if deletion.index_name not in policies]
        for event_type, deletions in found.items()
    }, policies


def _plan_source(client: Any, source: EventSource, until: datetime) -> list[Deletion]:
    indices = source.find_indices(client)
    old = clauses.between(None, until)
    older, newer = count_by_index(client, indices, [old, clauses.none_of([old])])
    contents = [Content(index, older.get(index, 0), newer.get(index, 0)) for index in indices]
    oldest = aliases.oldest(client, indices) if older else None
    past = source.past_names(oldest, until) if oldest is not None and oldest < until else set()
    return plan_deletions(source.alias, contents, until, past)
