"""Plan or run the expiry of all event types, for the task and the command."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app
from invenio_search import current_search_client

from invenio_stats.core import names
from invenio_stats.core.moments import BEGINNING, iso
from invenio_stats.core.retention import Limit, find_deadline
from invenio_stats.operations.monitoring import last_runs
from invenio_stats.operations.retention.deletion import OnDeleted, expire
from invenio_stats.operations.retention.groups import Group, find_groups
from invenio_stats.operations.retention.other_data import purge_agents
from invenio_stats.operations.retention.plans import Expiry, make_plan
from invenio_stats.privacy.error_texts import without_text

logger = logging.getLogger(__name__)

T = TypeVar("T")
Clock = Callable[[], datetime]
Outcome = tuple[list[str], Expiry | dict[str, str]]
"""Event types that expire together, and what was planned or done, or a Failure."""


def configured_months() -> int:
    """Return how many calendar months of raw events are kept."""
    return int(current_app.config["STATS_RETENTION_EVENTS_MONTHS"])


def plan_all(months: int, now: datetime) -> Iterator[Outcome]:
    """Yield what could be deleted now; nothing is changed."""
    deadline = find_deadline(now, months)
    for group in find_groups():
        yield _try(group, partial(make_plan, current_search_client, group, deadline, now))


def expire_all(months: int, clock: Clock, on_deleted: OnDeleted = lambda events: None) -> list[Outcome]:
    """Delete what can be deleted, and user agents that were not seen for long; a failure stops no other group."""
    outcomes: list[Outcome] = []

    def run() -> dict[str, Any]:
        deadline = find_deadline(clock(), months)
        for group in find_groups():
            outcomes.append(_try(group, partial(expire, current_search_client, group, deadline, clock, on_deleted)))
        agents = _or_failure([names.AGENTS], partial(purge_agents, current_search_client, clock()))
        return {**summarize(outcomes), "agents": agents}

    last_runs.note("tasks", "expire_events", run)
    return outcomes


def expire_as_configured() -> dict[str, Any]:
    """Delete what is due by STATS_RETENTION_EVENTS_MONTHS; return the numbers by event type."""
    return summarize(expire_all(configured_months(), lambda: datetime.now(timezone.utc)))


def summarize(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the number of deleted events by event type, or the Failure of its group."""
    found: dict[str, Any] = {}
    for event_types, outcome in outcomes:
        for event_type in event_types:
            if isinstance(outcome, dict):
                found[event_type] = outcome
            else:
                found[event_type] = sum(deletion.events for deletion in outcome.deletions.get(event_type, ()))
    return found


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return a plan or result for programs."""
    event_types, found = outcome
    if isinstance(found, dict):
        return {"event_types": event_types, **found}
    return {
        "event_types": event_types,
        "deadline": iso(found.deadline)[:10],
        "until": iso(found.until)[:10],
        "deleted": {
            event_type: [
                {"index": deletion.index_name, "events": deletion.events, "whole": deletion.is_whole}
                for deletion in deletions
            ]
            for event_type, deletions in found.deletions.items()
        },
        "held_back": [{"from": day_of(limit), "reason": limit.reason, "by": limit.by} for limit in found.limits],
        "left_to_engine": {index: policy.name for index, policy in found.policies.items()},
    }


def day_of(limit: Limit) -> str | None:
    """Return the first day that a limit keeps; None if it keeps all events."""
    return None if limit.day == BEGINNING else iso(limit.day)[:10]


def _try(group: Group, work: Callable[[], Expiry]) -> Outcome:
    return group.event_types, _or_failure(group.event_types, work)


def _or_failure(what: list[str], work: Callable[[], T]) -> T | dict[str, str]:
    try:
        return work()
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.error("Old data could not be deleted", exc_info=without_text(error), extra={"data": what})
        return {"error": type(error).__name__}
