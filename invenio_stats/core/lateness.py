"""Decide whether a worker is late: it had no run for three times the usual distance of its last runs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

_MAX_RUNS = 6
_MIN_RUNS = 3
"""Runs from which on their distance is usual."""

_FACTOR = 3
_MIN_DISTANCE = timedelta(minutes=5)
"""Runs closer together are one: several workers share the work, and a person may start some by hand."""


def add_run(runs: Sequence[datetime], run: datetime) -> list[datetime]:
    """Return the times of the last runs with one more."""
    if runs and run - runs[-1] < _MIN_DISTANCE:
        return list(runs)
    return [*runs, run][-_MAX_RUNS:]


def is_late(runs: Sequence[datetime], now: datetime) -> bool:
    """Return True if the next run is late; after fewer than three runs nobody can tell, and it is not."""
    if len(runs) < _MIN_RUNS:
        return False
    distances = [(later - earlier).total_seconds() for earlier, later in zip(runs, runs[1:], strict=False)]
    return (now - runs[-1]).total_seconds() > _FACTOR * median(distances)
