"""Run over a queue batch by batch, and acknowledge each batch only when it is stored."""

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
from invenio_stats.processing.batch import Batch, nothing_is_too_old
from invenio_stats.support import garbage_collection, shutdown

if TYPE_CHECKING:  # what stores events is loaded by whoever makes an indexer
    from invenio_stats.processing.event_store import StoreResult

MAX_BATCHES_IN_FLIGHT = 2
"""Batches that may be stored at once while the next one is read."""

Turn = Callable[[Batch], Any]
"""Does one batch; returns its result, or a Future of it, so that the next batches are read meanwhile."""
Read = Callable[[Batch], Iterable[Any]]
"""Reads one batch; yields what is to be stored of it."""


class Outcome(tuple[int, int]):
    """What became of a run's events: (stored, failed), with more as attributes.

    Stored are those that the engine has, double clicks and repeated deliveries among them; failed ones are in the
    dead letters; what a preprocessor dropped is in neither.
    """

    duplicates: int
    """Of the stored: delivered again by the broker, and stored before."""
    double_clicks: int
    """Of the stored: one with another click, or superseded by one."""
    dropped: Counter[str]
    """Dropped by a rule, by reason."""
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
        """Make the pair that downstream unpacks."""
        self = super().__new__(cls, (stored, dead))
        self.duplicates = duplicates
        self.double_clicks = double_clicks
        self.dropped = Counter(dropped or {})
        self.postponed = postponed
        return self

    @property
    def stored(self) -> int:
        """How many events the engine has taken."""
        return self[0]

    @property
    def dead(self) -> int:
        """How many events went to the dead letters."""
        return self[1]

    def __add__(self, other: tuple[int, int]) -> "Outcome":  # type: ignore[override]
        """Return what both did together; another's plain pair has no more than its two numbers."""
        more = other if isinstance(other, Outcome) else Outcome(*other)
        return Outcome(
            self.stored + more.stored,
            self.dead + more.dead,
            self.duplicates + more.duplicates,
            self.double_clicks + more.double_clicks,
            self.dropped + more.dropped,
            self.postponed + more.postponed,
        )


class RunOptions(NamedTuple):
    """What whoever starts a run wants of it."""

    on_batch: Callable[[int], None] | None = None
    """Called with the number of messages of each batch, after the acknowledgement."""
    on_outcome: Callable[[Outcome], None] | None = None
    """Called with the outcome of each batch, after the acknowledgement: a worker killed earlier never calls it, so an
    outcome is reported at most once."""
    time_budget: float | None = None
    """Seconds after which the run stops at the end of a batch; None for no limit."""


NO_OPTIONS = RunOptions()


def store_batches(
    queue: Any,
    read: Read,
    store: Callable[[list[Any]], "StoreResult"],
    options: RunOptions = NO_OPTIONS,
    first_day: Callable[[], datetime] = nothing_is_too_old,
) -> Outcome:
    """Store what waits on a queue; return (stored, failed).

    On a queue of ours the next batch is read while others are stored. One that is not ours is read once, and what
    comes is stored part by part.
    """
    threads = ThreadPoolExecutor(MAX_BATCHES_IN_FLIGHT)

    def turn(batch: Batch) -> Outcome | Future[Outcome]:
        if isinstance(queue, Inbox):
            # Read to the end first: what is read belongs to this batch, and the inbox hands out the next one then.
            return threads.submit(copy_context().run, _store, store, [list(read(batch))], batch)
        return _store(store, _parts(read(batch)), batch)

    try:
        outcome: Outcome = run_batches(queue, turn, options, first_day)
        return outcome
    finally:
        threads.shutdown(cancel_futures=True)


def run_batches(
    queue: Any,
    turn: Turn,
    options: RunOptions = NO_OPTIONS,
    first_day: Callable[[], datetime] = nothing_is_too_old,
) -> Any:
    """Call `turn` once per batch of a queue, until it is empty; return what all turns did.

    Batches are acknowledged in order, each after it is done. The run stops before the queue is empty, at the end of a
    batch, when its time is over or the process is asked to end. A queue that is not ours gets one turn and is left
    alone.
    """
    if not isinstance(queue, Inbox):
        result = turn(Batch(first_day))
        _report(options, result)
        return result
    try:
        with garbage_collection.paused():
            return _run_all(queue, turn, options, first_day)
    finally:
        if queue.is_open:  # the last acknowledgement has not closed it: it is not at its end, or something failed
            queue.release()


class _Started(NamedTuple):
    """One batch whose turn has begun."""

    checkpoint: Checkpoint
    batch: Batch
    result: Any
    """What the turn did, or a Future of it."""

    @property
    def is_done(self) -> bool:
        """True when the batch is stored, so that waiting for it does not block."""
        return not isinstance(self.result, Future) or self.result.done()


def _run_all(inbox: Inbox, turn: Turn, options: RunOptions, first_day: Callable[[], datetime]) -> Any:
    begun, results = time.monotonic(), []
    started: deque[_Started] = deque()
    while True:
        batch = Batch(first_day)
        try:
            result = turn(batch)
        except Exception:  # of the batches before this one what is stored is acknowledged
            while started:
                _settle(inbox, started.popleft(), options)
            raise
        started.append(_Started(inbox.checkpoint(), batch, result))
        is_last = not inbox.has_more or shutdown.is_due(begun, options.time_budget)
        while started and (is_last or len(started) > MAX_BATCHES_IN_FLIGHT or started[0].is_done):
            results.append(_settle(inbox, started.popleft(), options))
        if is_last:
            return _sum(results)
        garbage_collection.collect_sometimes()


def _settle(inbox: Inbox, started: _Started, options: RunOptions) -> Any:
    """Wait for a batch, reject what failed, and acknowledge it: in this order, so that no event is lost."""
    result = started.result.result() if isinstance(started.result, Future) else started.result
    unreadable = started.checkpoint.rejected
    reject(inbox.source, [*started.batch.failures, *unreadable], started.checkpoint.postponed)
    if unreadable and _is_pair(result):
        result = Outcome(dead=len(unreadable)) + result
    handled = inbox.acknowledge()
    if handled:  # else a run of ours, within this one, has reported it already
        _report(options, result)
    if options.on_batch is not None:
        options.on_batch(handled)
    return result


def _store(store: Callable[[list[Any]], "StoreResult"], parts: Iterable[list[Any]], batch: Batch) -> Outcome:
    """Store what was read of a batch, perhaps beside the reading of the next; return what became of all of it."""
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


def _parts(things: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(things)
    return iter(lambda: list(islice(iterator, BATCH_SIZE)), [])


def _report(options: RunOptions, result: Any) -> None:
    if options.on_outcome is not None and _is_pair(result):
        options.on_outcome(result if isinstance(result, Outcome) else Outcome(*result))


def _sum(results: list[Any]) -> Any:
    """Return what all turns did together; where a subclass's results are no pairs of numbers, the last of them."""
    return sum(results, Outcome()) if all(_is_pair(result) for result in results) else results[-1]


def _is_pair(result: Any) -> bool:
    return isinstance(result, tuple) and len(result) == 2 and all(isinstance(number, int) for number in result)
