"""Limit how many requests a requestor of the COUNTER API may send, with the library and storage of Flask-Limiter."""

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import current_app

from invenio_stats.privacy.error_texts import describe

if TYPE_CHECKING:
    from limits.strategies import RateLimiter

logger = logging.getLogger(__name__)

_EXTENSION = "invenio-stats-counter-limiters"
_NAMESPACE = "invenio-stats-counter"
_PAUSE_SECONDS = 60.0
"""For how long a storage that failed is not asked again: each request would wait for it."""


class Excess(NamedTuple):
    """A limit that a requestor has reached."""

    limit: str
    """Such as `60 per 1 minute`."""
    seconds: int
    """After which it may ask again."""


class _Limiters:
    """The limiter with the application's storage, and one with this process's memory that stands in for it."""

    def __init__(self, settings: Any):
        # Only the processes that serve this API need them.
        from limits.storage import MemoryStorage, storage_from_string
        from limits.strategies import FixedWindowRateLimiter

        address = settings.get("RATELIMIT_STORAGE_URI") or settings.get("RATELIMIT_STORAGE_URL")
        self.own = FixedWindowRateLimiter(MemoryStorage())
        self.shared: RateLimiter = self.own
        self.failed: float | None = None
        if address:
            try:
                options = settings.get("RATELIMIT_STORAGE_OPTIONS") or {}
                self.shared = FixedWindowRateLimiter(storage_from_string(address, **options))
            except Exception as error:  # of any client library; the address may hold a password
                _warn(error)

    def in_turn(self) -> list["RateLimiter"]:
        """Return the limiters to try, in order."""
        is_paused = self.failed is not None and time.monotonic() - self.failed < _PAUSE_SECONDS
        return [self.own] if is_paused or self.shared is self.own else [self.shared, self.own]


def count_request(requestor: str) -> Excess | None:
    """Count a request of a requestor; return the limit that it exceeds, None if it is within all.

    If the storage of the limits fails, this process counts by itself.
    """
    limit = current_app.config["STATS_COUNTER_RATE_LIMIT"]
    if not limit:
        return None
    limiters: _Limiters | None = current_app.extensions.get(_EXTENSION)
    if limiters is None:
        limiters = current_app.extensions.setdefault(_EXTENSION, _Limiters(current_app.config))
    for limiter in limiters.in_turn():
        try:
            return _count(limiter, limit, requestor)
        except Exception as error:  # of any client library
            limiters.failed = time.monotonic()
            _warn(error)
    return None


def _count(limiter: "RateLimiter", limit: str, requestor: str) -> Excess | None:
    from limits import parse_many

    for item in parse_many(limit):
        if not limiter.hit(item, _NAMESPACE, requestor):
            reset = limiter.get_window_stats(item, _NAMESPACE, requestor).reset_time
            return Excess(str(item), max(1, round(reset - time.time())))
    return None


def _warn(error: Exception) -> None:
    logger.warning("The storage of rate limits failed", extra={"error": describe(error)})
