"""Batches: run over a queue batch by batch, acknowledging each one only when it is done with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Protocol

from invenio_stats.broker.consume import Inbox
from invenio_stats.broker.dead_letters import DeadLetter, bury


class Outcome(tuple[int, int]):
    """What became of a run's events: (stored, failed); failed ones are in the dead letters."""

    def __new__(cls, stored: int, failed: int) -> "Outcome":
        """Make the pair that downstream unpacks."""
        return super().__new__(cls, (stored, failed))

    @property
    def stored(self) -> int:
        """How many documents the engine has taken."""
        return self[0]

    @property
    def failed(self) -> int:
        """How many events went to the dead letters."""
        return self[1]


class Reader(Protocol):
    """What runs over a queue: an indexer."""

    queue: Any
    failures: list[DeadLetter]
    on_batch: Callable[[int], None] | None
    """Is told how many messages each batch had, once it is acknowledged."""

    def prepare(self) -> None:
        """Get ready for the next batch, before a `run` that is not ours gets it."""


def run_batches(reader: Reader, turn: Callable[[], Any]) -> Any:
    """Call `turn` once per batch of the reader's queue, until it is empty; return what all turns did.

    A queue that is not ours gets one turn and is left alone.
    """
    results = []
    while True:
        reader.failures = []
        with _acknowledging(reader):
            results.append(turn())
        if not (isinstance(reader.queue, Inbox) and reader.queue.has_more):
            return _sum(results)


def in_batches(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a subclass's own `run` as one that is called for each batch, its results added up."""

    @wraps(run)
    def run_in_batches(self: Reader, *args: Any, **kwargs: Any) -> Any:
        def turn() -> Any:
            self.prepare()
            return run(self, *args, **kwargs)

        return run_batches(self, turn)

    return run_in_batches


@contextmanager
def _acknowledging(reader: Reader) -> Iterator[None]:
    """Bury what failed and acknowledge the batch at the end; on an error give it back to the queue."""
    inbox = reader.queue if isinstance(reader.queue, Inbox) else None
    try:
        yield
        if inbox is not None:
            bury(inbox.source, [*reader.failures, *inbox.rejected])
            reader.failures = []  # once: a subclass's run may go around ours
            handled = inbox.acknowledge()
            if reader.on_batch is not None:
                reader.on_batch(handled)
    finally:
        if inbox is not None:
            inbox.release()


def _sum(results: list[Any]) -> Any:
    """Return (stored, failed) of all turns; where a subclass's results have another shape, the last of them."""
    if all(isinstance(one, tuple) and len(one) == 2 and all(isinstance(n, int) for n in one) for one in results):
        return Outcome(sum(one[0] for one in results), sum(one[1] for one in results))
    return results[-1]
