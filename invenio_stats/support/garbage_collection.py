"""Collector: Python's look for reference cycles, put off while events and totals go by in their thousands.

They have none. It would look at them several times all the same, and at all of the application: for a quarter to a
third of a worker's time.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_SELDOM = 8
_YOUNG = 1
"""The collector's generation that holds what was made lately; the older one is the application."""

_lock = threading.Lock()
_calls = count(1)
_blocks = 0
_was_on = True


@contextmanager
def paused() -> Iterator[None]:
    """Switch the collector off while this block runs, and others like it in other threads."""
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
    """Tell that some thousands went by: after a few times the collector looks once at what they left."""
    if next(_calls) % _SELDOM == 0:
        gc.collect(_YOUNG)
