"""Runner: runs indexers and aggregators for tasks and commands."""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from functools import partial
from itertools import groupby
from typing import Any

from flask import current_app
from invenio_search import current_search_client

from invenio_stats.aggregations import StatAggregator
from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.outbox import outbox
from invenio_stats.core import names
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.errors import UnknownTypeError, without_text
from invenio_stats.operations.monitoring import ingest_counters, last_runs
from invenio_stats.privacy.user_agents import catalog
from invenio_stats.processing.batch_runner import Outcome, RunOptions
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats

logger = logging.getLogger(__name__)

SIDE_BY_SIDE = 2
"""How many event types, or aggregations, a task works on at once: while one waits for the engine, another does not."""

_CONNECTIONS = 2
"""To the broker, for an event type: its queue is read over one, and what cannot be stored is rejected over another."""


def process_all(event_types: Iterable[str]) -> list[tuple[str, Any]]:
    """Store what waits on the queues of these event types; return (name, (stored, failed) or a Failure) for each.

    Types with our own indexer run side by side, as far as the pool has connections to the broker.
    """
    types = list(event_types)
    limit = current_stats.agents_queue.connection_pool.limit  # 0 or None for none
    at_once = min(SIDE_BY_SIDE, limit // _CONNECTIONS) if limit else SIDE_BY_SIDE
    results = _run_all(process_one, types, current_stats.events, EventsIndexer, max(1, at_once))
    keep_agents()
    return list(zip(types, results, strict=True))


def aggregate_all(aggregations: Iterable[str], **options: Any) -> list[Any]:
    """Bring the totals of these aggregations up to date; `options` are those of `StatAggregator.run`.

    Aggregations of our own class run side by side.
    """
    return _run_all(partial(aggregate_one, **options), aggregations, current_stats.aggregations, StatAggregator)


def purge_all() -> dict[str, Any]:
    """Delete dead letters that are older than STATS_DEAD_LETTERS_DAYS; return how many, or a Failure, by event type."""
    before = datetime.now(timezone.utc) - timedelta(days=current_app.config["STATS_DEAD_LETTERS_DAYS"])
    return {name: _purge_one(name, before) for name in current_stats.events}


def send_spool(on_batch: Callable[[int], None] | None = None) -> int:
    """Send what waits in this machine's spool, and count what the spool refused; return how many messages were sent."""
    report_refused()
    before = datetime.now(timezone.utc) - timedelta(days=current_app.config["STATS_DEAD_LETTERS_DAYS"])
    outbox().spool.purge_rejected(before)
    return outbox().send_spool(current_stats.agents_queue, on_batch=on_batch)


def process_one(name: str, on_batch: Callable[[int], None] | None = None) -> Any:
    """Do what the task does for one event type; `on_batch` is told how many messages each batch had."""
    return last_runs.run("events", name, lambda: _process(name, on_batch))


def keep_agents() -> None:
    """Store what waits for the agent dictionary; what goes wrong is logged, and waits for the next run."""
    try:
        catalog.send(current_stats.agents_queue)  # those that this worker has met
        catalog.keep(current_stats.agents_queue, current_search_client)
    except Exception as error:
        logger.warning("The agent dictionary could not be written", extra={"error": type(error).__name__})


def aggregate_one(name: str, **options: Any) -> Any:
    """Do what the task does for one aggregation; return its result, without that of its automated traffic."""
    return aggregate_with_automated(name, **options)[name]


def aggregate_with_automated(
    name: str, on_interval: Callable[[int, int], None] | None = None, **options: Any
) -> dict[str, Any]:
    """Run an aggregation, and after it that of its automated traffic, if any; return the result of each by name.

    Each is logged and remembered by itself: one that fails neither stops the other nor changes its result.
    `on_interval` is told how many intervals of the first are done, and of how many.
    """
    automated: dict[str, Any] = {}

    def work() -> Any:
        aggregators = make_aggregators(name)
        aggregator = aggregators.pop(name)
        automated.update(aggregators)
        aggregator.on_interval = on_interval
        return _aggregate(name, aggregator, options)

    results = {name: last_runs.run("aggregations", name, work)}
    for its_name, aggregator in automated.items():
        results[its_name] = last_runs.run("aggregations", its_name, partial(_aggregate, its_name, aggregator, options))
    return results


def _process(name: str, on_batch: Callable[[int], None] | None) -> Any:
    definition = current_stats.events.get(name)
    if definition is None:
        raise UnknownTypeError(name, "STATS_EVENTS")
    indexer = definition.cls(**definition.params)
    counters = ingest_counters.Counters(current_search_client, name)
    indexer.options = RunOptions(on_batch, partial(_count, counters), current_app.config["STATS_PROCESS_SECONDS"])
    result = indexer.run()
    _count(counters, Outcome())  # what could not be written at its batch
    if not getattr(indexer.queue, "has_more", True):
        _replay_postponed(name, definition.queue)
    return tuple(result) if isinstance(result, tuple) else result


def report_refused() -> None:
    """Count the events that this machine refused, each once; what goes wrong is logged, and counted by the next run."""
    spool, types = outbox().spool, {names.queue(name): name for name in current_stats.events}
    try:
        refusals = [one for one in spool.refusals() if one.queue in types]
        if refusals:
            lines = [(date.fromisoformat(one.day), types[one.queue], "refused", one.events) for one in refusals]
            ingest_counters.keep(current_search_client, spool.name(), [ingest_counters.Line(*line) for line in lines])
            spool.set_reported(refusals)
    except Exception as error:
        logger.warning("Refused events could not be counted", extra={"error": type(error).__name__})


def _purge_one(name: str, before: datetime) -> Any:
    try:
        return dead_letters.purge(current_stats.events[name].queue, dead_letters.DeadLetterFilter(before=before))
    except Exception as error:
        logger.error("Dead letters could not be deleted", exc_info=without_text(error), extra={"run": name})
        return {"error": type(error).__name__}


def _replay_postponed(name: str, queue: Any) -> None:
    """Put back events that an index has refused a while ago; the next run tries them again."""
    try:
        replayed = queue_depth.dead(queue) and dead_letters.replay_due(queue, datetime.now(timezone.utc))
    except Exception as error:
        facts = {"run": name, "error": type(error).__name__}
        logger.warning("Postponed events could not be put back; the next run tries again", extra=facts)
    else:
        if replayed:
            logger.info("Postponed events were put back", extra={"run": name, "events": replayed})


def _count(counters: ingest_counters.Counters, outcome: Outcome) -> None:
    """Keep what was dropped, folded and rejected; what goes wrong is logged, since the events are where they belong."""
    reasons = {**outcome.dropped, "double_click": outcome.double_clicks, "dead": outcome.dead - outcome.postponed}
    try:
        counters.add(datetime.now(timezone.utc).date(), reasons)
    except Exception as error:
        logger.warning("Counters of events could not be written", extra={"error": type(error).__name__})


def _run_all(
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


def _aggregate(name: str, aggregator: Any, options: dict[str, Any]) -> Any:
    results = aggregator.run(**options)
    held = getattr(aggregator, "held", 0)
    if held:
        logger.info("Intervals are left to another run", extra={"aggregation": name, "intervals": held})
    return results
