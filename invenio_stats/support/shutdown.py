"""Stop a run at the end of its batch when its time budget is used up or the process is asked to shut down."""

import mmap
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import worker_shutting_down

_requested = mmap.mmap(-1, 1)
"""Not 0 once this process is asked to shut down. It is shared memory, because only the main process of a Celery worker
gets SIGTERM and then waits for the processes of its pool, which are forked from it."""
_is_ending = threading.Event()
"""Set while runs in other threads of this process are to stop."""


def is_requested() -> bool:
    """Return True if the process is asked to shut down, or its runs are asked to stop."""
    return bool(_requested[0]) or _is_ending.is_set()


def is_due(started: float, budget: float | None) -> bool:
    """Return True if a run that started at a time of the monotonic clock must stop; `budget` None is no time limit."""
    return is_requested() or (budget is not None and time.monotonic() - started >= budget)


@contextmanager
def of_this_process() -> Iterator[None]:
    """While the block runs, runs in other threads of this process stop at the end of their batch, and no others."""
    _is_ending.set()
    try:
        yield
    finally:
        _is_ending.clear()


@contextmanager
def on_sigterm() -> Iterator[list[int]]:
    """While the block runs, let SIGTERM or Ctrl-C stop the run at the end of its batch; for commands, outside Celery.

    Gives the list of the signals that came. A second Ctrl-C interrupts as usual. Outside the main thread, which alone
    can have handlers, no signal is handled.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def stop(number: int, frame: Any) -> None:
        received.append(number)
        _request()
        if number == signal.SIGINT:
            _restore(number, before[number])

    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handled = [number for number in before if number == signal.SIGTERM or before[number] is not signal.SIG_IGN]
    for number in handled:  # not a Ctrl-C that is ignored, since it is meant for a program in the foreground
        signal.signal(number, stop)
    try:
        yield received
    finally:
        _requested[0] = 0
        for number in handled:
            _restore(number, before[number])


def _restore(number: int, handler: Any) -> None:
    if handler is not None:  # None: it was not installed by Python, and cannot be restored by it
        signal.signal(number, handler)


def _request(*args: Any, **kwargs: Any) -> None:
    _requested[0] = 1


worker_shutting_down.connect(_request, weak=False)
