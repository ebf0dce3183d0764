"""Tasks: what beat and the command line start for several event types or aggregations."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from celery import shared_task
from flask import current_app

from invenio_stats.aggregations import StatAggregator
from invenio_stats.broker.outbox import outbox
from invenio_stats.core.moments import parse_calendar
from invenio_stats.operations.runner import (
    CONNECTIONS,
    SIDE_BY_SIDE,
    aggregate_one,
    keep_agents,
    process_one,
    purge_one,
    report_refused,
    run_all,
)
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats

__all__ = (
    "StatsAggregationTask",
    "StatsDeadLettersTask",
    "StatsEventTask",
    "StatsSpoolTask",
    "aggregate_events",
    "process_events",
    "purge_dead_letters",
    "send_spool",
)

StatsEventTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.process_events",
    "schedule": timedelta(minutes=30),
    "args": [("record-view", "file-download")],
}
"""Entry of CELERY_BEAT_SCHEDULE: events from their queues into the search engine, every half hour."""

StatsAggregationTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.aggregate_events",
    "schedule": timedelta(hours=1),
    "args": [("record-view-agg", "file-download-agg")],
}
"""Entry of CELERY_BEAT_SCHEDULE: raw events into totals, every hour."""

StatsSpoolTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.send_spool",
    "schedule": timedelta(minutes=5),
}
"""Entry of CELERY_BEAT_SCHEDULE: what is left in this machine's spool goes to the broker, every five minutes."""

StatsDeadLettersTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.purge_dead_letters",
    "schedule": timedelta(days=1),
}
"""Entry of CELERY_BEAT_SCHEDULE: dead letters older than STATS_DEAD_LETTERS_DAYS are deleted, once a day."""

logger = logging.getLogger(__name__)


@shared_task(ignore_result=False)
def process_events(event_types: Iterable[str]) -> list[tuple[str, Any]]:
    """Store what waits on the queues of these event types; return (name, (stored, failed)) for each.

    Those with our own indexer are worked on side by side, one with another alone and in its turn. One that fails is
    logged and does not stop the others; its result is a Failure.
    """
    types = list(event_types)
    limit = current_stats.agents_queue.connection_pool.limit  # 0 or None for none
    at_once = min(SIDE_BY_SIDE, limit // CONNECTIONS) if limit else SIDE_BY_SIDE
    results = run_all(process_one, types, current_stats.events, EventsIndexer, max(1, at_once))
    keep_agents()
    return list(zip(types, results, strict=True))


@shared_task(ignore_result=False)
def send_spool() -> int:
    """Send what waits in the spool of the machine that this runs on; return how many messages.

    Web processes send their own on as soon as the broker is back; this is for what dead ones have left. What the spool
    could not take is counted with the rest that counts for nobody.
    """
    report_refused()
    return outbox().send_spool(current_stats.agents_queue)


@shared_task(ignore_result=False)
def purge_dead_letters() -> dict[str, Any]:
    """Delete dead letters that are older than STATS_DEAD_LETTERS_DAYS; return how many, by event type.

    One that fails is logged and does not stop the others; its result is a Failure.
    """
    before = datetime.now(timezone.utc) - timedelta(days=current_app.config["STATS_DEAD_LETTERS_DAYS"])
    return {name: purge_one(name, before) for name in current_stats.events}


@shared_task(ignore_result=False)
def aggregate_events(
    aggregations: Iterable[str],
    start_date: str | None = None,
    end_date: str | None = None,
    update_bookmark: bool = True,
) -> list[Any]:
    """Bring the totals of these aggregations up to date; dates are ISO 8601.

    Those of our own class run side by side; one of another class, which may read what those before it wrote, runs
    alone and in its turn. Returns for each aggregation a list of (written, failed) by interval, or None where there
    are no events. One that fails is logged and does not stop the others; its result is a Failure.
    """
    start, end = (None if edge is None else parse_calendar(edge) for edge in (start_date, end_date))
    options = {"start_date": start, "end_date": end, "update_bookmark": update_bookmark}
    return run_all(partial(aggregate_one, **options), aggregations, current_stats.aggregations, StatAggregator)
