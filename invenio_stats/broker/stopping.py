"""Stopping: a run ends at the end of its batch when its time is over, or when the process is asked to end."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import worker_shutting_down

_asked = threading.Event()


def is_due(started: float, budget: float | None) -> bool:
    """Say whether a run that began at a moment of the monotonic clock is to stop."""
    return _asked.is_set() or (budget is not None and time.monotonic() - started >= budget)


@contextmanager
def on_sigterm() -> Iterator[None]:
    """Take SIGTERM as the wish to stop at the end of the batch while the block runs; for commands."""
    before = signal.signal(signal.SIGTERM, _ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _asked.clear()


def _ask(*args: Any, **kwargs: Any) -> None:
    _asked.set()


worker_shutting_down.connect(_ask, weak=False)
