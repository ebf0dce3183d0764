"""Pause cyclic garbage collection during bulk work.

Events and totals contain no reference cycles, and scanning the heap for them costs a quarter to a third of a worker's
CPU time.
"""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_CALLS_PER_COLLECTION = 8
_YOUNG_GENERATION = 1
"""Generation of the collector with recent objects; the older generation has those of the application."""

_lock = threading.Lock()
_calls = count(1)
_blocks = 0
_was_on = True
_process = object()
"""Another object in each process that is forked, which the blocks of its parent do not belong to."""


@contextmanager
def paused() -> Iterator[None]:
    """Pause collection while this block runs, or any other such block in another thread."""
    global _blocks, _was_on
    with _lock:
        _was_on = _was_on if _blocks else gc.isenabled()
        _blocks += 1
        gc.disable()
        process = _process
    try:
        yield
    finally:
        with _lock:
            if process is _process:
                if _was_on and _blocks == 1:
                    gc.enable()
                _blocks -= 1  # last, so that a process that is forked before has its collector back


def collect_sometimes() -> None:
    """Call this after each few thousand events or totals: every eighth call collects recent objects once."""
    if next(_calls) % _CALLS_PER_COLLECTION == 0:
        gc.collect(_YOUNG_GENERATION)


def _begin_in_child() -> None:
    """Give a forked process its collector back: the threads whose blocks paused it are the parent's."""
    global _lock, _blocks, _process
    if _blocks and _was_on:
        gc.enable()
    _lock, _blocks, _process = threading.Lock(), 0, object()


os.register_at_fork(after_in_child=_begin_in_child)
