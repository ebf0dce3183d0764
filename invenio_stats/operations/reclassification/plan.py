"""Find out what a reclassification would change, without writing anything."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from invenio_stats.core.intervals import after, label
from invenio_stats.core.moments import iso, parse
from invenio_stats.core.periods import Days
from invenio_stats.core.reclassification import Classifications, StoredClick, counts
from invenio_stats.operations.corrections import Changes
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.operations.raw_events import EventType, check_open, find_event_types, record_of, refresh
from invenio_stats.operations.reclassification.catalog_changes import KnownAgent, read_agents
from invenio_stats.operations.reclassification.outdated_events import (
    Found,
    Group,
    before_complete,
    find_groups,
    find_surveyed,
    outdated_events,
    survey,
    within,
)
from invenio_stats.operations.reclassification.rewriting import Rewriting
from invenio_stats.search.clauses import Body
from invenio_stats.search.groups import count_by_index

_AUTOMATED = ("robot", "ai", "machine")

OnProgress = Callable[[int, int], None]
"""Called with the number of events that are done, and of all."""


@dataclass
class Plan:
    """What is to be changed in a range of days."""

    client: Any
    first: datetime | None
    last: datetime | None
    event_types: list[EventType]
    agents: Mapping[str, KnownAgent]
    """The catalog."""
    events: Counter[str] = field(default_factory=Counter)
    """The events that may be outdated, by user agent."""
    found: dict[tuple[str, str], Found] = field(default_factory=dict)
    """By event type and index: what to look for in the indices that have such events."""
    unknown: int = 0
    """Events whose user agent the catalog does not have, any more or at all: they stay."""
    incomplete: Counter[str] = field(default_factory=Counter)
    """Events of days whose totals cannot be counted again, by event type: they stay."""
    by_record: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Change by record, month and number."""
    changes: Changes = field(default_factory=Changes)
    days: dict[str, list[str]] = field(default_factory=dict)
    """By event type, the days with changed events."""
    documents: int = 0
    """Documents that will be other ones, or gone."""

    @cached_property
    def known(self) -> Classifications:
        """What the lists say of each user agent now."""
        return {agent_id: agent.now for agent_id, agent in self.agents.items()}

    @property
    def end(self) -> datetime | None:
        """The end of the range, exclusive."""
        return None if self.last is None else after(self.last, "day")

    def where(self, event_type: EventType) -> Body:
        """Return the query for the events that may be changed."""
        return within(event_type, self.first, self.end)

    def parts(self) -> Iterator[tuple[EventType, str, list[Group], int]]:
        """Yield the groups to be rewritten, in pages: event type, index, groups, and the number of their events."""
        for event_type in self.event_types:
            for (name, index), found in self.found.items():
                if name == event_type.name:
                    where = self.where(event_type)
                    for groups, events in find_groups(self.client, index, where, found, self.known):
                        yield event_type, index, groups, events


def make_plan(
    client: Any, first: datetime | None, last: datetime | None, now: datetime, on_progress: OnProgress | None = None
) -> Plan:
    """Return what a reclassification of the events from one day to another, both included, would change.

    ClosedIndexError if a closed index may have events of these days.
    """
    agents = {agent.agent_id: agent for agent in read_agents(client)}
    plan = Plan(client, first, last, find_event_types(client, now), agents)
    for event_type in plan.event_types:
        begin = event_type.complete_from if first is None else max(first, event_type.complete_from)
        check_open(client, event_type, Days(begin.date(), date.max if last is None else last.date()))
        refresh(client, event_type)
        where, outside = plan.where(event_type), before_complete(event_type, first, plan.end)
        for indices in find_surveyed(client, event_type):
            found = survey(client, indices, where, plan.known)
            plan.events += found.events
            plan.unknown += found.unknown
            plan.incomplete[event_type.name] += survey(client, indices, outside, plan.known).events.total()
            (outdated,) = count_by_index(client, indices, [outdated_events(where, found)])
            plan.found.update({(event_type.name, index): found for index in sorted(outdated)})
    _find_differences(plan, now, on_progress)
    return plan


def _find_differences(plan: Plan, now: datetime, on_progress: OnProgress | None) -> None:
    done, total = 0, plan.events.total()
    days: dict[str, set[str]] = {}
    for event_type, index, groups, events in plan.parts():
        rewriting = Rewriting(plan.client, event_type, plan.known, lambda: now)
        for clicks, final in rewriting.compare(index, groups):
            stored = [click for click, _version in clicks.values()]
            plan.documents += _count_differences(plan, event_type, stored, final, days)
        done += events
        if on_progress is not None:
            on_progress(min(done, total), total)
    plan.days = {name: sorted(found) for name, found in days.items()}


def _count_differences(
    plan: Plan, event_type: EventType, stored: list[StoredClick], final: list[StoredClick], days: dict[str, set[str]]
) -> int:
    before = {click[:2]: click.source for click in stored}
    after_ = {click[:2]: click.source for click in final}
    changed = [key for key in {**before, **after_} if not _is_same(before.get(key), after_.get(key))]
    for key in changed:
        for source, sign in ((before.get(key), -1), (after_.get(key), 1)):
            if source is None:
                continue
            moment = parse(source["timestamp"])
            days.setdefault(event_type.name, set()).add(iso(moment)[:10])
            if counts(source):
                plan.changes.add(moment, event_type.number, sign)
                plan.by_record[record_of(source), label(moment, "month"), event_type.number] += sign
    return max(sum(key in sources for key in changed) for sources in (before, after_))


def _is_same(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> bool:
    if before is None or now is None:
        return False
    return {**before, "updated_timestamp": None} == {**now, "updated_timestamp": None}


def count_dropped(client: Any, plan: Plan, now: datetime) -> int:
    """Return how many events of robots, AI agents and tools were dropped on arrival: they are not stored."""
    first = date(1970, 1, 1) if plan.first is None else plan.first.date()
    last = now.date() + timedelta(days=1) if plan.last is None else plan.last.date()
    names = [event_type.name for event_type in plan.event_types]
    lines = ingest_counters.lines(client, first, last, names)
    return sum(line.count for line in lines if line.reason in _AUTOMATED)
