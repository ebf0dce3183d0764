"""Process a queue batch by batch, and acknowledge each batch only after it is stored."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from invenio_stats.broker.consume import BATCH_SIZE, Checkpoint, Inbox
from invenio_stats.broker.dead_letters import reject
from invenio_stats.processing.batch import AgentKey, Batch, nothing_is_too_old
from invenio_stats.support import garbage_collection, shutdown

if TYPE_CHECKING:  # a web process imports this module, and must not load the modules that store events
    from invenio_stats.processing.event_store import StoreResult

MAX_BATCHES_IN_FLIGHT = 2
"""Batches that are stored concurrently while the next one is read."""

ProcessBatch = Callable[[Batch], Any]
"""Processes one batch; returns its result, or a Future of it, so that the next batches are read meanwhile."""
ReadBatch = Callable[[Batch], Iterable[Any]]
"""Reads one batch; yields the clicks or actions to be stored."""


class Outcome(tuple[int, int]):
    """The outcome of a run or a batch: the pair (stored, failed), with further numbers as attributes.

    Stored events include double clicks and repeated deliveries; failed events are in the dead letters. Events that a
    preprocessor dropped are in neither number.
    """

    duplicates: int
    """Stored events that the broker delivered again after they had been stored."""
    double_clicks: int
    """Stored events that share the document of another click, or were superseded by one."""
    dropped: Counter[str]
    """Events that preprocessors dropped, by reason."""
    postponed: int
    """Of the failed: they come back from the dead letters by themselves."""

    def __new__(
        cls,
        stored: int = 0,
        dead: int = 0,
        duplicates: int = 0,
        double_clicks: int = 0,
        dropped: Mapping[str, int] | None = None,
        postponed: int = 0,
    ) -> "Outcome":
        """Create the pair; other programs unpack it."""
        self = super().__new__(cls, (stored, dead))
        self.duplicates = duplicates
        self.double_clicks = double_clicks
        self.dropped = Counter(dropped or {})
        self.postponed = postponed
        return self

    def __getnewargs__(self) -> tuple[int, int, int, int, Mapping[str, int], int]:
        """Return the arguments for `__new__`, with which copies and unpickled outcomes are created."""
        return (self.stored, self.dead, self.duplicates, self.double_clicks, self.dropped, self.postponed)

    @property
    def stored(self) -> int:
        """Number of events stored."""
        return self[0]

    @property
    def dead(self) -> int:
        """Number of events sent to the dead letters."""
        return self[1]

    def __add__(self, other: tuple[int, int]) -> "Outcome":  # type: ignore[override]
        """Return the sum; `other` may be a plain pair from a custom indexer."""
        other_outcome = other if isinstance(other, Outcome) else Outcome(*other)
        return Outcome(
            self.stored + other_outcome.stored,
            self.dead + other_outcome.dead,
            self.duplicates + other_outcome.duplicates,
            self.double_clicks + other_outcome.double_clicks,
            self.dropped + other_outcome.dropped,
            self.postponed + other_outcome.postponed,
        )


class RunOptions(NamedTuple):
    """Options of a run, set by its caller."""

    on_batch: Callable[[int], None] | None = None
    """Called with the number of messages of each batch, after the acknowledgement."""
    on_outcome: Callable[[Outcome], None] | None = None
    """Called with the outcome of each batch, after the acknowledgement: a worker killed earlier never calls it, so an
    outcome is reported at most once."""
    time_budget: float | None = None
    """Seconds after which the run stops at the end of a batch; None for no limit."""
    on_agents: Callable[[Mapping[AgentKey, int]], None] | None = None
    """Called like `on_outcome`, with the automated events of each batch by their agent."""


NO_OPTIONS = RunOptions()


def store_batches(
    queue: Any,
    read: ReadBatch,
    store: Callable[[list[Any]], "StoreResult"],
    options: RunOptions = NO_OPTIONS,
    first_complete_day: Callable[[], datetime] = nothing_is_too_old,
) -> Outcome:
    """Store the events on a queue; return (stored, failed).

    With an Inbox, the next batch is read while others are stored. Any other queue object is consumed once, and its
    events are stored in parts.
    """
    threads = ThreadPoolExecutor(MAX_BATCHES_IN_FLIGHT)

    def process_batch(batch: Batch) -> Outcome | Future[Outcome]:
        if isinstance(queue, Inbox):
            # Read the batch to its end before the thread starts: the inbox assigns what is read to the current batch.
            return threads.submit(copy_context().run, _store, store, [list(read(batch))], batch)
        return _store(store, _parts(read(batch)), batch)

    try:
        outcome: Outcome = run_batches(queue, process_batch, options, first_complete_day)
        return outcome
    finally:
        threads.shutdown(cancel_futures=True)


def run_batches(
    queue: Any,
    process_batch: ProcessBatch,
    options: RunOptions = NO_OPTIONS,
    first_complete_day: Callable[[], datetime] = nothing_is_too_old,
) -> Any:
    """Call `process_batch` for each batch of a queue until the queue is empty; return the sum of the results.

    Batches are acknowledged in order, each after it is stored. The run ends earlier, after a batch, if its time budget
    is used up or the process is asked to shut down. For a queue object that is not an Inbox, `process_batch` is called
    once, and nothing is acknowledged.
    """
    if not isinstance(queue, Inbox):
        batch = Batch(first_complete_day)
        result = process_batch(batch)
        _report(options, batch, result)
        return result
    try:
        with garbage_collection.paused():
            return _run_all(queue, process_batch, options, first_complete_day)
    finally:
        if queue.is_open:  # the last acknowledgement closes it, unless the run ended early or an error was raised
            queue.release()


class _BatchInFlight(NamedTuple):
    """One batch that is being stored, or is stored and not yet acknowledged."""

    checkpoint: Checkpoint
    batch: Batch
    result: Any
    """Result of `process_batch`, or a Future of it."""

    @property
    def is_done(self) -> bool:
        """True when the batch is stored, so that waiting for it does not block."""
        return not isinstance(self.result, Future) or self.result.done()


def _run_all(
    inbox: Inbox, process_batch: ProcessBatch, options: RunOptions, first_complete_day: Callable[[], datetime]
) -> Any:
    started_at, results = time.monotonic(), []
    in_flight: deque[_BatchInFlight] = deque()
    while True:
        batch = Batch(first_complete_day)
        try:
            result = process_batch(batch)
        except Exception:  # the batches before this one may be stored: acknowledge them first
            while in_flight:
                _finish(inbox, in_flight.popleft(), options)
            raise
        in_flight.append(_BatchInFlight(inbox.checkpoint(), batch, result))
        is_last = not inbox.has_more or shutdown.is_due(started_at, options.time_budget)
        while in_flight and (is_last or len(in_flight) > MAX_BATCHES_IN_FLIGHT or in_flight[0].is_done):
            results.append(_finish(inbox, in_flight.popleft(), options))
        if is_last:
            return _sum(results)
        garbage_collection.collect_sometimes()


def _finish(inbox: Inbox, current: _BatchInFlight, options: RunOptions) -> Any:
    """Wait for the oldest batch, send its failed events to the dead letters, and acknowledge it.

    In this order no event is lost: if the process is killed in between, the broker delivers the batch again.
    """
    result = current.result.result() if isinstance(current.result, Future) else current.result
    unreadable = current.checkpoint.rejected
    reject(inbox.source, [*current.batch.failures, *unreadable], current.checkpoint.postponed)
    if unreadable and _is_pair(result):
        result = Outcome(dead=len(unreadable)) + result
    handled = inbox.acknowledge()
    if handled:  # otherwise a custom `run` that called the default one: that has reported the batch already
        _report(options, current.batch, result)
    if options.on_batch is not None:
        options.on_batch(handled)
    return result


def _store(store: Callable[[list[Any]], "StoreResult"], parts: Iterable[list[Any]], batch: Batch) -> Outcome:
    """Store the parts of a batch, possibly while the next batch is read; return the outcome."""
    results = []
    for part in filter(None, parts):
        stored = store(part)
        batch.failures += stored.refused
        results.append(stored)
    return Outcome(
        sum(stored.taken for stored in results),
        len(batch.failures),
        sum(stored.duplicates for stored in results),
        sum(stored.collapsed + stored.superseded for stored in results),
        batch.dropped,
        sum(stored.postponed for stored in results),
    )


def _parts(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    return iter(lambda: list(islice(iterator, BATCH_SIZE)), [])


def _report(options: RunOptions, batch: Batch, result: Any) -> None:
    if options.on_agents is not None:
        options.on_agents(batch.agents)
    if options.on_outcome is not None and _is_pair(result):
        options.on_outcome(result if isinstance(result, Outcome) else Outcome(*result))


def _sum(results: list[Any]) -> Any:
    """Return the sum of the results; if a custom `run` returns anything but pairs of numbers, its last result."""
    return sum(results, Outcome()) if all(_is_pair(result) for result in results) else results[-1]


def _is_pair(result: Any) -> bool:
    return isinstance(result, tuple) and len(result) == 2 and all(isinstance(number, int) for number in result)
