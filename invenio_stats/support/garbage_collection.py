"""Pause cyclic garbage collection during bulk work.

Events and totals contain no reference cycles, and scanning the heap for them costs a quarter to a third of a worker's
CPU time.
"""

import gc
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


@contextmanager
def paused() -> Iterator[None]:
    """Pause collection while this block runs, or any other such block in another thread."""
    global _blocks, _was_on
    with _lock:
        _was_on = _was_on if _blocks else gc.isenabled()
        _blocks += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if _was_on and not _blocks:
                gc.enable()


def collect_sometimes() -> None:
    """Call this after each few thousand events or totals: every eighth call collects recent objects once."""
    if next(_calls) % _CALLS_PER_COLLECTION == 0:
        gc.collect(_YOUNG_GENERATION)
