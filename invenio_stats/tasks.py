"""Tasks: what beat and the command line start for several event types or aggregations."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from celery import shared_task

from invenio_stats.core.moments import parse_calendar
from invenio_stats.operations import runner

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


@shared_task(ignore_result=False)
def process_events(event_types: Iterable[str]) -> list[tuple[str, Any]]:
    """Store what waits on the queues of these event types; return (name, (stored, failed)) for each.

    Those with our own indexer are worked on side by side, one with another alone and in its turn. One that fails is
    logged and does not stop the others; its result is a Failure.
    """
    return runner.process_all(event_types)


@shared_task(ignore_result=False)
def send_spool() -> int:
    """Send what waits in the spool of the machine that this runs on; return how many messages.

    Web processes send their own on as soon as the broker is back; this is for what dead ones have left. What the spool
    could not take is counted with the rest that counts for nobody.
    """
    return runner.send_spool()


@shared_task(ignore_result=False)
def purge_dead_letters() -> dict[str, Any]:
    """Delete dead letters that are older than STATS_DEAD_LETTERS_DAYS; return how many, by event type.

    One that fails is logged and does not stop the others; its result is a Failure.
    """
    return runner.purge_all()


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
    first, last = (None if date is None else parse_calendar(date) for date in (start_date, end_date))
    return runner.aggregate_all(aggregations, start_date=first, end_date=last, update_bookmark=update_bookmark)
