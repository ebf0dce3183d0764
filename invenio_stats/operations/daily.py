"""Do what is due once for each finished day."""

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.aggregations import breakdowns_among
from invenio_stats.operations import runner
from invenio_stats.operations.anomalies.detection import detection
from invenio_stats.operations.anomaly_decisions import finish_decisions
from invenio_stats.operations.monitoring import gaps, last_runs
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.proxies import current_stats

logger = logging.getLogger(__name__)


def _count_breakdowns() -> Any:
    """Recount and fold the configured breakdowns of usage; return the number of days, or the Failure of a run."""
    results = runner.aggregate_all(breakdowns_among(current_stats.aggregations))
    failures = [result for result in results if isinstance(result, dict)]
    return failures[0] if failures else sum(len(result or ()) for result in results)


def _remove_counter_reports() -> int:
    """Remove large COUNTER reports that are older than a day; return the number of files."""
    from invenio_stats.counter.service.report_files import remove_old_files  # only where there are COUNTER reports

    return remove_old_files(datetime.now(timezone.utc))


STEPS: dict[str, Callable[[], Any]] = {
    "breakdowns": _count_breakdowns,
    "gaps": gaps.find_all,
    "decisions": finish_decisions,
    "anomalies": detection.find_all,
}
"""The steps by name, in order. Each returns the number of things that it has made or found."""


def run_all() -> dict[str, Any]:
    """Run all steps; return the result of each, or `{"error": type of the exception}` if it failed."""
    steps = dict(STEPS)
    if current_stats.counter_platform is not None:
        steps["counter_reports"] = _remove_counter_reports
    results: dict[str, Any] = last_runs.run(
        "tasks", "daily", lambda: {name: _run(name, step) for name, step in steps.items()}
    )
    return results


def _run(name: str, step: Callable[[], Any]) -> Any:
    try:
        return step()
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.error("A step of the daily task failed", exc_info=without_text(error), extra={"step": name})
        return {"error": type(error).__name__}
