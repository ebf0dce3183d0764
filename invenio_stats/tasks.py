"""Define the Celery tasks for event types and aggregations, and their entries for Celery beat."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.schedules import crontab

from invenio_stats.core.moments import parse_calendar
from invenio_stats.operations import daily as daily_steps
from invenio_stats.operations import runner

__all__ = (
    "StatsAggregationTask",
    "StatsDailyTask",
    "StatsDeadLettersTask",
    "StatsEventTask",
    "StatsExpireTask",
    "StatsSearchResultsTask",
    "StatsSpoolTask",
    "StatsUsageTask",
    "aggregate_events",
    "daily",
    "expire_events",
    "process_events",
    "purge_dead_letters",
    "send_spool",
    "update_search_results",
)

StatsEventTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.process_events",
    "schedule": timedelta(minutes=30),
    "args": [("record-view", "file-download")],
}
"""Entry of CELERY_BEAT_SCHEDULE: store the events on the queues in the search engine, every half hour."""

StatsAggregationTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.aggregate_events",
    "schedule": timedelta(hours=1),
    "args": [("record-view-agg", "file-download-agg")],
}
"""Entry of CELERY_BEAT_SCHEDULE: aggregate raw events into totals, every hour."""

StatsUsageTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.aggregate_events",
    "schedule": timedelta(hours=1),
    "args": [("item-usage-agg", "record-usage-agg", "search-agg")],
}
"""Entry of CELERY_BEAT_SCHEDULE: aggregate raw events into usage totals, every hour."""

StatsSpoolTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.send_spool",
    "schedule": timedelta(minutes=5),
}
"""Entry of CELERY_BEAT_SCHEDULE: send the events in this machine's spool to the broker, every five minutes."""

StatsDeadLettersTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.purge_dead_letters",
    "schedule": timedelta(days=1),
}
"""Entry of CELERY_BEAT_SCHEDULE: delete dead letters older than STATS_DEAD_LETTERS_DAYS, once a day."""

StatsExpireTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.expire_events",
    "schedule": crontab(minute=30, hour=4),
}
"""Entry of CELERY_BEAT_SCHEDULE: delete raw events older than STATS_RETENTION_EVENTS_MONTHS, every day at 04:30.

Nothing is deleted unless it is scheduled.
"""

StatsDailyTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.daily",
    "schedule": crontab(minute=30, hour=2),
}
"""Entry of CELERY_BEAT_SCHEDULE: what is due once for each finished day, such as finding gaps, at 02:30."""

StatsSearchResultsTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.update_search_results",
    "schedule": crontab(minute=10),
}
"""Entry of CELERY_BEAT_SCHEDULE: bring the numbers of records into InvenioRDM's search results, at minute 10."""


@shared_task(ignore_result=False)
def process_events(event_types: Iterable[str]) -> list[tuple[str, Any]]:
    """Store the events on the queues of these event types; return (name, (stored, failed)) for each.

    Event types with the default indexer class run in parallel, those with a custom class alone and in order. A failure
    is logged and does not stop the other event types; its result is a Failure.
    """
    return runner.process_all(event_types)


@shared_task(ignore_result=False)
def send_spool() -> int:
    """Send the events in the spool of the machine that this runs on; return the number of messages sent.

    Web processes send the spool themselves as soon as the broker is available again; this task is for messages that
    dead processes have left. It also adds the events that the spool has refused to the counters of dropped events.
    """
    return runner.send_spool()


@shared_task(ignore_result=False)
def purge_dead_letters() -> dict[str, Any]:
    """Delete dead letters older than STATS_DEAD_LETTERS_DAYS; return how many, by event type.

    A failure is logged and does not stop the other event types; its result is a Failure.
    """
    return runner.purge_all()


@shared_task(ignore_result=False)
def expire_events() -> dict[str, Any]:
    """Delete raw events older than STATS_RETENTION_EVENTS_MONTHS; return how many, by event type.

    Events that some totals do not hold yet stay until they do. A failure is logged and does not stop the other event
    types; its result is a Failure.
    """
    from invenio_stats.operations.retention.run import expire_as_configured  # only where it is scheduled

    return expire_as_configured()


@shared_task(ignore_result=False)
def daily() -> dict[str, Any]:
    """Do what is due once for each finished day; return the result of each step.

    A failure is logged and does not stop the other steps; its result is a Failure.
    """
    return daily_steps.run_all()


@shared_task(ignore_result=False)
def update_search_results(since: str | None = None) -> int:
    """Bring the numbers of records that were used into InvenioRDM's search results; return how many documents changed.

    Since the last run, or since a date in ISO 8601. The next run repeats one that failed or was killed.
    """
    from invenio_stats.operations.rdm_search_results import update_search_results as update  # for InvenioRDM only

    return update(None if since is None else parse_calendar(since))


@shared_task(ignore_result=False)
def aggregate_events(
    aggregations: Iterable[str],
    start_date: str | None = None,
    end_date: str | None = None,
    update_bookmark: bool = True,
) -> list[Any]:
    """Update the totals of these aggregations; dates are ISO 8601.

    Aggregations of the default class run in parallel; a custom class runs alone and in order, because it may read what
    an earlier one wrote. Returns for each aggregation a list of (written, failed) by interval, or None if there are no
    events. A failure is logged and does not stop the other aggregations; its result is a Failure.
    """
    first, last = (None if date is None else parse_calendar(date) for date in (start_date, end_date))
    return runner.aggregate_all(aggregations, start_date=first, end_date=last, update_bookmark=update_bookmark)
