"""Batches: run over a queue batch by batch, acknowledging each one only when it is done with."""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import wraps
from typing import Any, NamedTuple, Protocol

from invenio_stats.broker.consume import Batch, Inbox
from invenio_stats.broker.dead_letters import RejectedEvent, reject
from invenio_stats.support import garbage_collection, shutdown

MAX_BATCHES_IN_FLIGHT = 2
"""Batches that may be stored at once while the next one is read."""


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

    def __new__(
        cls,
        stored: int = 0,
        dead: int = 0,
        duplicates: int = 0,
        double_clicks: int = 0,
        dropped: Mapping[str, int] | None = None,
    ) -> "Outcome":
        """Make the pair that downstream unpacks."""
        self = super().__new__(cls, (stored, dead))
        self.duplicates = duplicates
        self.double_clicks = double_clicks
        self.dropped = Counter(dropped or {})
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
        )


class Reader(Protocol):
    """What runs over a queue: an indexer."""

    queue: Any
    failures: list[RejectedEvent]
    on_batch: Callable[[int], None] | None
    """Is told how many messages each batch had, once it is acknowledged."""
    on_outcome: Callable[[Outcome], None] | None
    """Is told what became of each batch, once it is acknowledged: who is killed before that has not told, nor twice."""
    time_budget: float | None
    """Seconds after which a run stops at the end of its batch."""

    def begin(self) -> None:
        """Get ready for a run of batches."""

    def prepare(self) -> None:
        """Get ready for the next batch, before a `run` that is not ours gets it."""


def run_batches(reader: Reader, turn: Callable[[], Any]) -> Any:
    """Call `turn` once per batch of the reader's queue, until it is empty; return what all turns did.

    A turn may return a Future of what it did: then the next batches are read meanwhile. Batches are acknowledged in
    order, each after it is done. It stops before the queue is empty, at the end of a batch, when its time is over or
    the process is asked to end. A queue that is not ours gets one turn and is left alone.
    """
    started, results = time.monotonic(), []
    reader.begin()
    if not isinstance(reader.queue, Inbox):
        reader.failures = []
        result = turn()
        _tell(reader, result)
        return result
    running: deque[_Turn] = deque()
    try:
        with garbage_collection.paused():
            while True:
                try:
                    running.append(_begin(reader, reader.queue, turn))
                except Exception:  # of the batches before this one what is stored is acknowledged
                    while running:
                        _end(reader, reader.queue, running.popleft())
                    raise
                is_last = not reader.queue.has_more or shutdown.is_due(started, reader.time_budget)
                while running and (is_last or len(running) > MAX_BATCHES_IN_FLIGHT or running[0].is_done):
                    results.append(_end(reader, reader.queue, running.popleft()))
                if is_last:
                    return _sum(results)
                garbage_collection.collect_sometimes()
    finally:
        reader.queue.release()


def in_batches(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a subclass's own `run` as one that is called for each batch, its results added up."""

    @wraps(run)
    def run_in_batches(self: Reader, *args: Any, **kwargs: Any) -> Any:
        def turn() -> Any:
            self.prepare()
            return run(self, *args, **kwargs)

        return run_batches(self, turn)

    return run_in_batches


class _Turn(NamedTuple):
    """One turn, with its batch."""

    batch: Batch
    failures: list[RejectedEvent]
    """What the turn could not store, complete when it is done."""
    result: Any
    """What it did, or a Future of it."""

    @property
    def is_done(self) -> bool:
        """Whether nobody has to wait for it."""
        return not isinstance(self.result, Future) or self.result.done()


def _begin(reader: Reader, inbox: Inbox, turn: Callable[[], Any]) -> _Turn:
    failures: list[RejectedEvent] = []
    reader.failures = failures
    result = turn()
    return _Turn(inbox.checkpoint(), failures, result)


def _end(reader: Reader, inbox: Inbox, turn: _Turn) -> Any:
    """Wait for a turn, reject what failed, and acknowledge its batch."""
    result = turn.result.result() if isinstance(turn.result, Future) else turn.result
    rejected = turn.batch.rejected
    reject(inbox.source, [*turn.failures, *rejected])
    if rejected and _is_pair(result):
        result = Outcome(dead=len(rejected)) + result
    handled = inbox.acknowledge()
    if handled:  # else a run of ours, within this one, has told already
        _tell(reader, result)
    if reader.on_batch is not None:
        reader.on_batch(handled)
    return result


def _tell(reader: Reader, result: Any) -> None:
    if reader.on_outcome is not None and _is_pair(result):
        reader.on_outcome(result if isinstance(result, Outcome) else Outcome(*result))


def _sum(results: list[Any]) -> Any:
    """Return what all turns did together; where a subclass's results are no pairs of numbers, the last of them."""
    return sum(results, Outcome()) if all(_is_pair(one) for one in results) else results[-1]


def _is_pair(result: Any) -> bool:
    return isinstance(result, tuple) and len(result) == 2 and all(isinstance(number, int) for number in result)
