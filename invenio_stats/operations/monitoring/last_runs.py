"""Run tasks, and store the result of the last run of each in the instance's cache for `invenio stats status`."""

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Literal

from celery.exceptions import SoftTimeLimitExceeded
from invenio_cache import current_cache

from invenio_stats.core.lateness import add_run
from invenio_stats.core.moments import iso_zoned, parse, to_second
from invenio_stats.privacy.error_texts import without_text

Kind = Literal["events", "aggregations", "tasks"]
"""Runs of event types, of aggregations, and of the tasks that are for all of them: `TASKS`."""

TASKS = ("daily", "expire_events", "purge_dead_letters", "send_spool")

Failure = dict[str, str]
"""The result of a run that failed: `{"error": type of the exception}`. The log has the traceback."""

_LIFETIME_SECONDS = 30 * 24 * 3600

logger = logging.getLogger(__name__)


def run(kind: Kind, name: str, work: Callable[[], Any]) -> Any:
    """Call `work` and store its result; return the result, or a Failure if it raised an exception, which is logged.

    If the soft time limit of the task is over, that is stored, too, and raised.
    """
    try:
        return note(kind, name, work)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.error("A run failed", exc_info=without_text(error), extra={"kind": kind, "run": name})
        return {"error": type(error).__name__}


def note(kind: Kind, name: str, work: Callable[[], Any]) -> Any:
    """Call `work`, store its result or the type of its exception, and return or raise that."""
    started = datetime.now(timezone.utc)
    try:
        result = work()
    except Exception as error:
        _store(kind, name, started, {"error": type(error).__name__})
        raise
    _store(kind, name, started, result)
    return result


def _store(kind: Kind, name: str, started: datetime, result: Any) -> None:
    finished = datetime.now(timezone.utc)
    facts = {"finished": iso_zoned(to_second(finished)), "seconds": round((finished - started).total_seconds(), 3)}
    try:
        summary = _summary(kind, result)
        remember(kind, name, {**facts, **summary})
        _remember_time(kind, name, started)
        if "error" not in summary:
            current_cache.set(_success_key(kind, name), iso_zoned(started), timeout=_LIFETIME_SECONDS)
    except Exception as error:  # without a cache the work is done nevertheless
        logger.warning("A run could not be remembered", extra={"run": name, "error": type(error).__name__})


def remember(kind: Kind, name: str, result: dict[str, Any]) -> None:
    """Store the result of a run for 30 days: numbers, times and the type of an error, but no personal data."""
    current_cache.set(_key(kind, name), result, timeout=_LIFETIME_SECONDS)


def recall(kind: Kind, name: str) -> dict[str, Any] | None:
    """Return the result of the last run, or None if none is stored."""
    return current_cache.get(_key(kind, name))


def run_times(kind: Kind, name: str) -> list[datetime]:
    """Return when the last runs began, the latest last; runs within a few minutes are one."""
    return [parse(moment) for moment in current_cache.get(_times_key(kind, name)) or ()]


def recall_success(kind: Kind, name: str) -> datetime | None:
    """Return when the newest run that came to its end began; None if none is stored."""
    moment = current_cache.get(_success_key(kind, name))
    return None if moment is None else parse(moment)


def remember_emptied(event_type: str, started: datetime) -> None:
    """Store that a run, which began at this moment, has found the queue of an event type empty in the end."""
    current_cache.set(_emptied_key(event_type), iso_zoned(started), timeout=_LIFETIME_SECONDS)


def recall_emptied(event_type: str) -> datetime | None:
    """Return the beginning of the newest run that found the queue empty: what was published before is stored."""
    moment = current_cache.get(_emptied_key(event_type))
    return None if moment is None else parse(moment)


def remember_waiting(event_type: str, waiting: int, now: datetime) -> None:
    """Store how many events a run has left on the queue of an event type."""
    waits = {"waiting": waiting, "counted": iso_zoned(to_second(now))}
    current_cache.set(_waiting_key(event_type), waits, timeout=_LIFETIME_SECONDS)


def recall_waiting(event_type: str) -> dict[str, Any] | None:
    """Return what the last run left on the queue, `waiting`, and when that was, `counted`; None if nobody knows."""
    return current_cache.get(_waiting_key(event_type))


def _remember_time(kind: Kind, name: str, started: datetime) -> None:
    times = add_run(run_times(kind, name), started)
    current_cache.set(_times_key(kind, name), [iso_zoned(moment) for moment in times], timeout=_LIFETIME_SECONDS)


def _key(kind: Kind, name: str) -> str:
    return f"stats:run:{kind}:{name}"


def _times_key(kind: Kind, name: str) -> str:
    return f"stats:run-times:{kind}:{name}"


def _success_key(kind: Kind, name: str) -> str:
    return f"stats:success:{kind}:{name}"


def _emptied_key(event_type: str) -> str:
    return f"stats:emptied:{event_type}"


def _waiting_key(event_type: str) -> str:
    return f"stats:waiting:{event_type}"


def _summary(kind: Kind, result: Any) -> dict[str, Any]:
    """Return the numbers of a run, or the type of its error."""
    if isinstance(result, dict):
        return result
    if kind == "tasks":
        return {"done": result}
    if kind == "events":
        return dict(zip(("stored", "failed"), result, strict=False)) if isinstance(result, tuple) else {}
    pairs = [pair for pair in result or () if isinstance(pair, tuple)]
    return {
        "intervals": len(pairs),
        "written": sum(written for written, _ in pairs),
        "failed": sum(failed for _, failed in pairs),
    }
