"""How fresh the numbers are. The broker is not asked: each run has noted what it left on the queue."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from invenio_stats.aggregations import UsageBreakdownAggregator
from invenio_stats.completeness.answers import StateOf
from invenio_stats.completeness.configured import aggregations_of
from invenio_stats.core.lateness import is_late
from invenio_stats.core.moments import parse
from invenio_stats.operations.monitoring import last_runs
from invenio_stats.proxies import current_stats

State = Literal["fresh", "late", "failed", "unknown"]
"""Late: no run for three times the usual distance. Failed: the last run did. Unknown: none of 30 days is remembered."""


class Freshness(NamedTuple):
    """How fresh the numbers of an event type or an aggregation are."""

    kind: Literal["events", "aggregations"]
    name: str
    state: State
    last_run: datetime | None
    counted_to: datetime | None
    """Up to then events are counted in totals; None if nothing was counted yet."""
    waiting: int | None
    """Messages that the last run left on the queue; None for aggregations, and if no run has noted it."""


def read_freshness(now: datetime, state_of: StateOf) -> list[Freshness]:
    """Return the freshness of all event types, then of all aggregations; asks the cache and the search engine."""
    return [*_event_types(now, state_of), *_aggregations(now, state_of)]


def counting(event_type: str) -> list[str]:
    """Return the aggregations by which the numbers of an event type are fresh: not those of finished days only."""
    return [name for name in aggregations_of(event_type) if not _is_daily(name)]


def _is_daily(aggregation: str) -> bool:
    return issubclass(current_stats.aggregations[aggregation].cls, UsageBreakdownAggregator)


def _event_types(now: datetime, state_of: StateOf) -> Iterator[Freshness]:
    for name in current_stats.event_definitions:
        left = last_runs.recall_waiting(name)
        waiting = None if left is None else int(left["waiting"])
        yield Freshness("events", name, *_run("events", name, now), _counted_to(counting(name), now, state_of), waiting)


def _aggregations(now: datetime, state_of: StateOf) -> Iterator[Freshness]:
    for name in current_stats.aggregations:
        yield Freshness(
            "aggregations", name, *_run("aggregations", name, now), _counted_to([name], now, state_of), None
        )


def _run(kind: last_runs.Kind, name: str, now: datetime) -> tuple[State, datetime | None]:
    times, last = last_runs.run_times(kind, name), last_runs.recall(kind, name)
    if last is None:
        return "unknown", None
    state: State = "late" if is_late(times, now) else "failed" if "error" in last else "fresh"
    return state, parse(last["finished"])


def _counted_to(aggregations: Iterable[str], now: datetime, state_of: StateOf) -> datetime | None:
    names = list(aggregations)
    return state_of(names, None, None, now).updated if names else None
