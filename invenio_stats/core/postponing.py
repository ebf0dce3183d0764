"""How long an event that its index refuses waits before it is tried again."""

from datetime import datetime, timedelta

FIRST_WAIT = timedelta(minutes=10)
LONGEST_WAIT = timedelta(days=1)


def is_due(rejected: datetime, times: int, now: datetime) -> bool:
    """Return True if an event that was postponed so many times, last at `rejected`, is to be tried again.

    The wait doubles with each time, up to a day: an index that is blocked for good costs little.
    """
    doublings = min(max(times, 1) - 1, 10)
    return now - rejected >= min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
