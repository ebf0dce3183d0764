"""Tasks: what beat and the command line start for several event types or aggregations."""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from functools import partial
from itertools import groupby
from typing import Any

from celery import shared_task
from flask import current_app
from invenio_search import current_search_client

from invenio_stats import ingest, runs
from invenio_stats.aggregations import StatAggregator
from invenio_stats.apart import apart_from
from invenio_stats.broker import dead_letters
from invenio_stats.broker.batches import Outcome
from invenio_stats.broker.outbox import outbox
from invenio_stats.core import names
from invenio_stats.core.moments import iso_zoned, parse_calendar, to_second
from invenio_stats.errors import UnknownTypeError, without_text
from invenio_stats.privacy import dictionary
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

SIDE_BY_SIDE = 2
"""How many event types, or aggregations, a task works on at once: while one waits for the engine, another does not."""
_CONNECTIONS = 2
"""To the broker, for an event type: its queue is read over one, and what cannot be stored is buried over another."""

logger = logging.getLogger(__name__)

Failure = dict[str, str]
"""What stands for the result of a run that failed: `{"error": type of the exception}`. The log has the rest."""


@shared_task(ignore_result=False)
def process_events(event_types: Iterable[str]) -> list[tuple[str, Any]]:
    """Store what waits on the queues of these event types; return (name, (stored, failed)) for each.

    Those with our own indexer are worked on side by side, one with another alone and in its turn. One that fails is
    logged and does not stop the others; its result is a Failure.
    """
    types = list(event_types)
    limit = current_stats.agents_queue.connection_pool.limit  # 0 or None for none
    at_once = min(SIDE_BY_SIDE, limit // _CONNECTIONS) if limit else SIDE_BY_SIDE
    results = _do_all(process_one, types, current_stats.events, EventsIndexer, max(1, at_once))
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
    return {name: _purge(name, before) for name in current_stats.events}


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
    return _do_all(partial(aggregate_one, **options), aggregations, current_stats.aggregations, StatAggregator)


def process_one(name: str, on_batch: Callable[[int], None] | None = None) -> Any:
    """Do what the task does for one event type; `on_batch` is told how many messages each batch had."""
    return _run("events", name, lambda: _process(name, on_batch))


def keep_agents() -> None:
    """Store what waits for the agent dictionary; what goes wrong is logged, and waits for the next run."""
    try:
        dictionary.send(current_stats.agents_queue)  # those that this worker has met
        dictionary.keep(current_stats.agents_queue, current_search_client)
    except Exception as error:
        logger.warning("The agent dictionary could not be written", extra={"error": type(error).__name__})


def aggregate_one(name: str, on_interval: Callable[[int, int], None] | None = None, **options: Any) -> Any:
    """Do what the task does for one aggregation; `on_interval` is told how many intervals are done, and of how many."""
    return _run("aggregations", name, lambda: _aggregate(name, options, on_interval))


def _process(name: str, on_batch: Callable[[int], None] | None) -> Any:
    definition = current_stats.events.get(name)
    if definition is None:
        raise UnknownTypeError(name, "STATS_EVENTS")
    indexer = definition.cls(**definition.params)
    indexer.on_batch = on_batch
    indexer.time_budget = current_app.config["STATS_PROCESS_SECONDS"]
    counters = ingest.Counters(current_search_client, name)
    indexer.on_outcome = partial(_count, counters)
    result = indexer.run()
    _count(counters, Outcome())  # what could not be written at its batch
    return tuple(result) if isinstance(result, tuple) else result


def report_refused() -> None:
    """Count the events that this machine refused, each once; what goes wrong is logged, and counted by the next run."""
    spool, types = outbox().spool, {names.queue(name): name for name in current_stats.events}
    try:
        refusals = [one for one in spool.refusals() if one.queue in types]
        if refusals:
            lines = [(date.fromisoformat(one.day), types[one.queue], "refused", one.events) for one in refusals]
            ingest.keep(current_search_client, spool.name(), [ingest.Line(*line) for line in lines])
            spool.set_reported(refusals)
    except Exception as error:
        logger.warning("Refused events could not be counted", extra={"error": type(error).__name__})


def _purge(name: str, before: datetime) -> Any:
    try:
        return dead_letters.purge(current_stats.events[name].queue, dead_letters.Choice(before=before))
    except Exception as error:
        logger.error("Dead letters could not be deleted", exc_info=without_text(error), extra={"run": name})
        return {"error": type(error).__name__}


def _count(counters: ingest.Counters, outcome: Outcome) -> None:
    """Keep what was dropped, folded and buried; what goes wrong is logged, since the events are where they belong."""
    reasons = {**outcome.dropped, "double_click": outcome.double_clicks, "dead": outcome.dead}
    try:
        counters.add(datetime.now(timezone.utc).date(), reasons)
    except Exception as error:
        logger.warning("Counters of events could not be written", extra={"error": type(error).__name__})


def _do_all(
    work: Callable[[str], Any],
    some: Iterable[str],
    definitions: Mapping[str, Any],
    own: type,
    at_once: int = SIDE_BY_SIDE,
) -> list[Any]:
    """Return what the work returns for each name: several at once where they are of our own class, else in turn."""
    results: list[Any] = []
    for is_own, names_of_it in groupby(some, key=lambda name: name in definitions and definitions[name].cls is own):
        do = partial(_side_by_side, at_once=at_once) if is_own else map
        results += do(work, names_of_it)
    return results


def _side_by_side(work: Callable[[str], Any], some: Iterable[str], at_once: int) -> list[Any]:
    app = current_app._get_current_object()

    def run(name: str) -> Any:
        with app.app_context():  # and so with a database session of its own, where a copy function needs one
            return work(name)

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(run, some))


def _aggregate(name: str, options: dict[str, Any], on_interval: Callable[[int, int], None] | None) -> Any:
    definition = current_stats.aggregations.get(name)
    if definition is None:
        raise UnknownTypeError(name, "STATS_AGGREGATIONS")
    aggregator = definition.cls(name=name, **definition.params)
    aggregator.on_interval = on_interval
    results = aggregator.run(**options)
    held = getattr(aggregator, "held", 0)
    if held:
        logger.info("Intervals are left to another run", extra={"aggregation": name, "intervals": held})
    if getattr(aggregator, "apart", False):
        apart_from(aggregator).run(**options)
    return results


def _run(kind: runs.Kind, name: str, work: Callable[[], Any]) -> Any:
    """Run one of many, and remember for the status page how it went."""
    started = datetime.now(timezone.utc)
    try:
        result = work()
    except Exception as error:
        logger.error("A run failed", exc_info=without_text(error), extra={"kind": kind, "run": name})
        result = {"error": type(error).__name__}
    finished = datetime.now(timezone.utc)
    facts = {"finished": iso_zoned(to_second(finished)), "seconds": round((finished - started).total_seconds(), 3)}
    try:
        runs.remember(kind, name, {**facts, **_summary(kind, result)})
    except Exception as error:  # without a cache the work is done all the same
        logger.warning("A run could not be remembered", extra={"run": name, "error": type(error).__name__})
    return result


def _summary(kind: runs.Kind, result: Any) -> dict[str, Any]:
    """Return the numbers of a run, or the type of its error."""
    if isinstance(result, dict):
        return result
    if kind == "events":
        return dict(zip(("stored", "failed"), result, strict=False)) if isinstance(result, tuple) else {}
    pairs = [pair for pair in result or () if isinstance(pair, tuple)]
    return {
        "intervals": len(pairs),
        "written": sum(written for written, _ in pairs),
        "failed": sum(failed for _, failed in pairs),
    }
