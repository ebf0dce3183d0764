"""Stopping: a run ends at the end of its batch when its time is over, or when the process is asked to end."""

import mmap
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import worker_shutting_down

_asked = mmap.mmap(-1, 1)
"""Not 0 when this process is asked to end. A worker of Celery has it in common with its pool, which is forked from it:
only the worker gets SIGTERM, and then waits for what its pool does."""


def is_due(started: float, budget: float | None) -> bool:
    """Say whether a run that began at a moment of the monotonic clock is to stop."""
    return bool(_asked[0]) or (budget is not None and time.monotonic() - started >= budget)


@contextmanager
def on_sigterm() -> Iterator[None]:
    """Take SIGTERM as the wish to stop at the end of the batch while the block runs; for commands."""
    before = signal.signal(signal.SIGTERM, _ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _asked[0] = 0


def _ask(*args: Any, **kwargs: Any) -> None:
    _asked[0] = 1


worker_shutting_down.connect(_ask, weak=False)
