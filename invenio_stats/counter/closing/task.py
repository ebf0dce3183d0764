"""Close the months that are due, for the task that runs every day."""

from datetime import datetime, timezone
from typing import Any

from invenio_search import current_search_client

from invenio_stats.counter.closing.closing import Closing
from invenio_stats.counter.closing.restatement_log import note_restatements
from invenio_stats.counter.months import fetch_months
from invenio_stats.errors import MonthBusyError
from invenio_stats.operations.monitoring import last_runs
from invenio_stats.proxies import current_stats


def close_due() -> dict[str, Any]:
    """Close the months that are due; return by month the kinds of what stands in the way, or a Failure.

    Restatements that are not in the log of corrections are noted. Without COUNTER reports there is nothing to do, nor
    if another process is closing months.
    """
    result: dict[str, Any] = last_runs.run("tasks", "close_counter_months", _close)
    return result


def _close() -> dict[str, Any]:
    if current_stats.counter_platform is None:
        return {}
    now = datetime.now(timezone.utc)
    note_restatements(current_search_client, fetch_months(current_search_client, now.date()).values())
    closing = Closing(current_search_client, lambda: datetime.now(timezone.utc))
    found: dict[str, Any] = {}
    try:
        for outcome in closing.close(closing.find_due()):
            found[outcome.month] = [obstacle.kind for obstacle in outcome.obstacles]
    except MonthBusyError:
        return found
    return found
