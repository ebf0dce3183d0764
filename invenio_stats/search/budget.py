"""Limit the time and the number of buckets of all searches that answer one request."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

from invenio_stats.errors import StatsError


class OutOfTimeError(StatsError):
    """The searches did not end within the time of their budget, or the engine stopped one of them."""


class OutOfBucketsError(StatsError):
    """The responses have more buckets than their budget."""

    def __init__(self, buckets: int):
        """Take the number of buckets, as far as it was counted."""
        self.buckets = buckets
        super().__init__(f"There are at least {buckets} buckets, more than the budget has.")


class Budget:
    """What is left for the searches of a request."""

    def __init__(self, seconds: float | None, buckets: float | None, clock: Callable[[], float] = time.monotonic):
        """Start the clock; None is no limit."""
        self._clock = clock
        self._deadline = inf if seconds is None else clock() + seconds
        self._limit = inf if buckets is None else buckets
        self._spent = 0

    def seconds_left(self) -> float:
        """Return the number of seconds until the deadline; OutOfTimeError if it has passed."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise OutOfTimeError("The deadline has passed.")
        return left

    def is_over(self) -> bool:
        """Return True if the deadline has passed."""
        return self._clock() >= self._deadline

    def check_buckets(self, buckets: int) -> None:
        """Raise OutOfBucketsError if so many buckets cannot be spent any more."""
        if self._spent + buckets > self._limit:
            raise OutOfBucketsError(self._spent + buckets)

    def spend(self, buckets: int) -> None:
        """Count buckets of a response; OutOfBucketsError or OutOfTimeError if the budget is used up."""
        self.check_buckets(buckets)
        self._spent += buckets
        self.seconds_left()


_current: ContextVar[Budget | None] = ContextVar("invenio_stats_budget", default=None)


def current_budget() -> Budget | None:
    """Return the budget of the searches that are sent now; None if they have none, outside of `limited`."""
    return _current.get()


@contextmanager
def limited(budget: Budget) -> Iterator[None]:
    """Limit all searches within the context."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)
