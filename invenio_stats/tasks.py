"""Define the Celery tasks for event types and aggregations, and their entries for Celery beat."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from celery import shared_task
from celery.schedules import crontab
from invenio_search import current_search_client

from invenio_stats.core.moments import parse_calendar
from invenio_stats.operations import daily as daily_steps
from invenio_stats.operations import runner
from invenio_stats.proxies import current_stats

__all__ = (
    "StatsAggregationTask",
    "StatsCounterDepositTask",
    "StatsCounterTask",
    "StatsDailyTask",
    "StatsDeadLettersTask",
    "StatsEventTask",
    "StatsExpireTask",
    "StatsSearchResultsTask",
    "StatsSpoolTask",
    "StatsUsageTask",
    "aggregate_events",
    "close_counter_months",
    "daily",
    "deposit_counter_months",
    "expire_events",
    "make_counter_report",
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
    "schedule": crontab(minute=30, hour=5),
}
"""Entry of CELERY_BEAT_SCHEDULE: delete raw events older than STATS_RETENTION_EVENTS_MONTHS, every day at 05:30.

Nothing is deleted unless it is scheduled.
"""

StatsDailyTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.daily",
    "schedule": crontab(minute=30, hour=2),
}
"""Entry of CELERY_BEAT_SCHEDULE: what is due once for each finished day, such as finding gaps, at 02:30."""

StatsCounterTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.close_counter_months",
    "schedule": crontab(minute=30, hour=4),
}
"""Entry of CELERY_BEAT_SCHEDULE: close the months that are due for COUNTER reports, at 04:30."""

StatsSearchResultsTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.update_search_results",
    "schedule": crontab(minute=10),
}
"""Entry of CELERY_BEAT_SCHEDULE: bring the numbers of records into InvenioRDM's search results, at minute 10."""

StatsCounterDepositTask: dict[str, Any] = {
    "task": "invenio_stats.tasks.deposit_counter_months",
    "schedule": crontab(minute=0, hour=5),
}
"""Entry of CELERY_BEAT_SCHEDULE: deposit the months that were closed or restated with DataCite, at 05:00."""


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
def make_counter_report(name: str, token: str, wanted: dict[str, Any]) -> str:
    """Write a large COUNTER report to a file of STATS_COUNTER_DIR; return what became of it.

    `made`, `there` if it was made before, `running` if another worker makes it, or `failed`, which is logged. The
    COUNTER API and the page of reports send this task; it needs no schedule.
    """
    from invenio_stats.counter.service.large_reports import (  # only where there are such reports
        WantedReport,
        make_report_file,
    )

    report = WantedReport.from_task(wanted)
    return make_report_file(current_search_client, name, token, report, lambda: datetime.now(timezone.utc))


@shared_task(ignore_result=False)
def close_counter_months() -> dict[str, Any]:
    """Close the months that are due for COUNTER reports, oldest first; return by month what stands in the way, or [].

    What stands in the way of a month is logged, and the next run tries again. A failure is logged, and the result is a
    Failure.
    """
    from invenio_stats.counter.closing.task import close_due  # for instances with COUNTER reports only

    return close_due()


@shared_task(ignore_result=False)
def update_search_results(since: str | None = None) -> int:
    """Bring the numbers of records that were used into InvenioRDM's search results; return how many documents changed.

    Since the last run, or since a date in ISO 8601. The next run repeats one that failed or was killed.
    """
    from invenio_stats.operations.rdm_search_results import update_search_results as update  # for InvenioRDM only

    return update(None if since is None else parse_calendar(since))


@shared_task(ignore_result=False)
def deposit_counter_months() -> dict[str, Any]:
    """Deposit the closed months that are due with DataCite's usage reports service; return what was done by month.

    A failure is logged, and its result is `{"error": type of the exception}`; the next run goes on from there.
    """
    account = current_stats.counter_deposit_account
    if account is None:
        return {}
    from invenio_stats.counter.deposit.months import deposit_due_months  # only where months are deposited

    return deposit_due_months(current_search_client, account, lambda: datetime.now(timezone.utc))


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
