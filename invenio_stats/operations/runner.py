"""Run indexers and aggregators for tasks and commands."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from functools import partial
from itertools import groupby
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app
from invenio_search import current_search_client

from invenio_stats.aggregations import StatAggregator
from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.outbox import outbox
from invenio_stats.core import names
from invenio_stats.definitions.aggregators import make_aggregators
from invenio_stats.errors import UnknownTypeError
from invenio_stats.operations import keyless_events
from invenio_stats.operations.monitoring import ingest_counters, last_runs
from invenio_stats.operations.monitoring.excluded_agents import ExcludedAgents
from invenio_stats.operations.monitoring.instance_checks import compare_once
from invenio_stats.operations.objections import count_objections
from invenio_stats.operations.quality.versions import note_versions
from invenio_stats.privacy.error_texts import without_text
from invenio_stats.privacy.user_agents import catalog
from invenio_stats.processing.batch_runner import Outcome, RunOptions
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats
from invenio_stats.support import shutdown

logger = logging.getLogger(__name__)

MAX_PARALLEL_RUNS = 2
"""Event types or aggregations that a task runs in parallel: while one waits for the engine, another can compute."""

MAX_EVENTS_HELD = 10_000
"""Stored events that are not counted yet: as many are missing in the counters if the worker is killed."""

_CONNECTIONS_PER_TYPE = 2
"""Connections to the broker for each event type: one reads its queue, another rejects events that cannot be stored."""


def process_all(event_types: Iterable[str]) -> list[tuple[str, Any]]:
    """Store the events on the queues of these event types; return (name, (stored, failed) or a Failure) for each.

    Event types with the default indexer class run in parallel, as far as the pool has connections to the broker.
    """
    types = list(event_types)
    compare_once()
    with _only_logged("Versions in force could not be noted"):
        note_versions(datetime.now(timezone.utc))
    limit = current_stats.agents_queue.connection_pool.limit  # 0 or None: no limit
    max_parallel = min(MAX_PARALLEL_RUNS, limit // _CONNECTIONS_PER_TYPE) if limit else MAX_PARALLEL_RUNS
    results = _run_all(process_one, types, current_stats.events, EventsIndexer, max(1, max_parallel))
    store_agents()
    with _only_logged("Objections could not be counted"):
        count_objections(current_stats.objections_queue, current_search_client)
    return list(zip(types, results, strict=True))


def aggregate_all(aggregations: Iterable[str], **options: Any) -> list[Any]:
    """Update the totals of these aggregations; `options` are those of `StatAggregator.run`.

    Aggregations of the default class run in parallel. Returns the result of each, in order.
    """
    return _run_all(partial(aggregate_one, **options), aggregations, current_stats.aggregations, StatAggregator)


def purge_all() -> dict[str, Any]:
    """Delete dead letters older than STATS_DEAD_LETTERS_DAYS; return how many, or a Failure, by event type."""
    before = datetime.now(timezone.utc) - timedelta(days=current_app.config["STATS_DEAD_LETTERS_DAYS"])
    purged: dict[str, Any] = last_runs.run(
        "tasks", "purge_dead_letters", lambda: {name: _purge_one(name, before) for name in current_stats.events}
    )
    return purged


def send_spool(on_batch: Callable[[int], None] | None = None) -> int:
    """Send the events in this machine's spool, and count those it refused; return the number of messages sent."""
    sent: int = last_runs.note("tasks", "send_spool", lambda: _send_spool(on_batch))
    return sent


def _send_spool(on_batch: Callable[[int], None] | None) -> int:
    count_refused()
    before = datetime.now(timezone.utc) - timedelta(days=current_app.config["STATS_DEAD_LETTERS_DAYS"])
    outbox().spool.purge_rejected(before)
    return outbox().send_spool(current_stats.agents_queue, on_batch=on_batch)


def process_one(name: str, on_batch: Callable[[int], None] | None = None) -> Any:
    """Store the events of one event type; `on_batch` is called with the number of messages of each batch."""
    started = datetime.now(timezone.utc)
    result = last_runs.run("events", name, lambda: _process(name, on_batch, started))
    _remember_waiting(name, started, is_done=not isinstance(result, dict))
    return result


def store_agents() -> None:
    """Store new user agents in the catalog; an error is logged, and the next run tries again."""
    with _only_logged("The user-agent catalog could not be written"):
        catalog.send(current_stats.agents_queue)  # the user agents that this worker has seen
        catalog.keep(current_stats.agents_queue, current_search_client)


def aggregate_one(name: str, **options: Any) -> Any:
    """Run one aggregation and that of its automated traffic; return the result of the first."""
    return aggregate_with_automated(name, **options)[name]


def aggregate_with_automated(
    name: str, on_interval: Callable[[int, int], None] | None = None, **options: Any
) -> dict[str, Any]:
    """Run an aggregation, and after it that of its automated traffic, if any; return the result of each by name.

    Each is logged and recorded as a run of its own: a failure of one neither stops the other nor changes its result.
    `on_interval` is called with the number of intervals of the first that are done, and the number of all.
    """
    automated: dict[str, Any] = {}

    def work() -> Any:
        aggregators = make_aggregators(name)
        aggregator = aggregators.pop(name)
        automated.update(aggregators)
        aggregator.on_interval = on_interval
        return _aggregate(name, aggregator, options)

    results = {name: last_runs.run("aggregations", name, work)}
    for aggregation, aggregator in automated.items():
        results[aggregation] = last_runs.run(
            "aggregations", aggregation, partial(_aggregate, aggregation, aggregator, options)
        )
    return results


def _process(name: str, on_batch: Callable[[int], None] | None, started: datetime) -> Any:
    definition = current_stats.events.get(name)
    if definition is None:
        raise UnknownTypeError(name, "STATS_EVENTS")
    indexer = definition.cls(**definition.params)
    counters = ingest_counters.Counters(current_search_client, name)
    agents = ExcludedAgents(current_search_client, name)
    indexer.run_options = RunOptions(
        on_batch,
        partial(_count, counters),
        current_app.config["STATS_PROCESS_SECONDS"],
        lambda clicks: _write_counters(lambda: agents.add(_today(), clicks)),
    )
    result = indexer.run()
    _write_counters(lambda: counters.add(_today(), {}))  # writes what was held, or could not be written before
    _write_counters(agents.write)
    if not getattr(indexer.queue, "has_more", True):
        with _only_logged("A run could not be remembered", run=name):
            last_runs.remember_emptied(name, started)
        _replay_postponed(name, definition.queue)
    return tuple(result) if isinstance(result, tuple) else result


def _remember_waiting(name: str, started: datetime, is_done: bool) -> None:
    """Keep how many events still wait, for web pages, which do not ask the broker."""
    definition = current_stats.events.get(name)
    if definition is None:
        return
    with _only_logged("Waiting events could not be counted", run=name):
        waiting = queue_depth.depth(definition.queue)
        last_runs.remember_waiting(name, waiting, datetime.now(timezone.utc))
        if is_done and not waiting:  # also for a class that reads its queue in its own way
            last_runs.remember_emptied(name, started)


def count_refused() -> None:
    """Count the events that this machine refused, each once; an error is logged, and the next run counts them."""
    spool, types = outbox().spool, {names.queue(name): name for name in current_stats.events}
    with _only_logged("Refused events could not be counted"):
        refusals = [refusal for refusal in spool.refusals() if refusal.queue in types]
        if refusals:
            lines = [
                (date.fromisoformat(refusal.day), types[refusal.queue], "refused", refusal.events)
                for refusal in refusals
            ]
            ingest_counters.keep(current_search_client, spool.name(), [ingest_counters.Line(*line) for line in lines])
            spool.set_reported(refusals)


def _purge_one(name: str, before: datetime) -> Any:
    try:
        return dead_letters.purge(current_stats.events[name].queue, dead_letters.DeadLetterFilter(before=before))
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.error("Dead letters could not be deleted", exc_info=without_text(error), extra={"run": name})
        return {"error": type(error).__name__}


def _replay_postponed(name: str, queue: Any) -> None:
    """Put back events that an index has refused a while ago; the next run tries them again."""
    with _only_logged("Postponed events could not be put back; the next run tries again", run=name):
        replayed = queue_depth.dead(queue) and dead_letters.replay_due(queue, datetime.now(timezone.utc))
        if replayed:
            logger.info("Postponed events were put back", extra={"run": name, "events": replayed})


def _count(counters: ingest_counters.Counters, outcome: Outcome) -> None:
    """Count the outcome of a batch; stored events, which most batches have only, are written later."""
    stored = outcome.stored - outcome.duplicates - outcome.double_clicks
    reasons = {**outcome.dropped, "double_click": outcome.double_clicks, "dead": outcome.dead - outcome.postponed}
    counters.hold(_today(), {ingest_counters.STORED: stored})
    if any(reasons.values()) or counters.held > MAX_EVENTS_HELD:
        _write_counters(lambda: counters.add(_today(), reasons))


def _write_counters(write: Callable[[], None]) -> None:
    with _only_logged("Counters of events could not be written"):
        write()


def _today() -> date:
    return datetime.now(timezone.utc).date()


def _count_keyless(name: str, aggregator: StatAggregator) -> None:
    with _only_logged("Events without an item could not be counted", aggregation=name):
        keyless_events.count(aggregator)


@contextmanager
def _only_logged(message: str, **facts: Any) -> Iterator[None]:
    """Log an error of the block as a warning: no event is lost by it. The soft time limit of a task is raised."""
    try:
        yield
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        logger.warning(message, extra={**facts, "error": type(error).__name__})


def _run_all(
    work: Callable[[str], Any],
    run_names: Iterable[str],
    definitions: Mapping[str, Any],
    own: type,
    max_parallel: int = MAX_PARALLEL_RUNS,
) -> list[Any]:
    """Return the results of `work` for each name: in parallel for consecutive names of the class `own`, else in turn.

    A custom class runs alone and in order, because it may read what an earlier one wrote.
    """
    results: list[Any] = []
    for is_own, group in groupby(run_names, key=lambda name: name in definitions and definitions[name].cls is own):
        apply = partial(_run_parallel, max_parallel=max_parallel) if is_own else map
        results += apply(work, group)
    return results


def _run_parallel(work: Callable[[str], Any], run_names: Iterable[str], max_parallel: int) -> list[Any]:
    app = current_app._get_current_object()

    def run(name: str) -> Any:
        with app.app_context():  # gives a copy function its own database session
            return work(name)

    with ThreadPoolExecutor(max_parallel) as pool:
        runs = [pool.submit(run, name) for name in run_names]
        try:
            return [running.result() for running in runs]
        except SoftTimeLimitExceeded:  # only this thread gets it
            with shutdown.of_this_process():
                pool.shutdown(cancel_futures=True)
            raise


def _aggregate(name: str, aggregator: Any, options: dict[str, Any]) -> Any:
    results = aggregator.run(**options)
    if getattr(aggregator, "usage", None) is not None:
        _count_keyless(name, aggregator)
    held = getattr(aggregator, "held", 0)
    if held:
        logger.info("Intervals are left to another run", extra={"aggregation": name, "intervals": held})
    return results
