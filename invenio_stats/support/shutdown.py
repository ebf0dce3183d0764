"""Stop a run at the end of its batch when its time budget is used up or the process is asked to shut down."""

import mmap
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import worker_shutting_down

_requested = mmap.mmap(-1, 1)
"""Not 0 once this process is asked to shut down. It is shared memory, because only the main process of a Celery worker
gets SIGTERM and then waits for the processes of its pool, which are forked from it."""


def is_due(started: float, budget: float | None) -> bool:
    """Return True if a run that started at a time of the monotonic clock must stop; `budget` None is no time limit."""
    return bool(_requested[0]) or (budget is not None and time.monotonic() - started >= budget)


@contextmanager
def on_sigterm() -> Iterator[None]:
    """While the block runs, let SIGTERM stop the run at the end of its batch; for commands, outside Celery."""
    before = signal.signal(signal.SIGTERM, _request)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _requested[0] = 0


def _request(*args: Any, **kwargs: Any) -> None:
    _requested[0] = 1


worker_shutting_down.connect(_request, weak=False)
