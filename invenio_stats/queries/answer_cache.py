"""Keep the numbers of answers in the instance's cache. Without a cache that works, they are counted each time.

Several instances may share a cache, and so do two releases while an instance is upgraded: neither has the numbers of
the other.
"""

import logging
import time
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from invenio_cache import current_cache

from invenio_stats.config import own_instance_name
from invenio_stats.queries.states import digest, release

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_WARNINGS = 60
_warned = float("-inf")
"""When this process logged the last error."""


def get(key: str) -> Any:
    """Return what was kept under the key; None if there is nothing, or if the cache does not answer."""
    try:
        return current_cache.get(_own(key))
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # each backend has exceptions of its own
        _warn(error)
        return None


def keep(key: str, value: Any, seconds: int) -> None:
    """Keep a value for some seconds, if the cache takes it."""
    try:
        current_cache.set(_own(key), value, timeout=seconds)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # each backend has exceptions of its own
        _warn(error)


def _own(key: str) -> str:
    return f"stats-answer:{digest(own_instance_name(), release(), key)}"


def _warn(error: Exception) -> None:
    """Log an error at most once a minute."""
    global _warned
    if time.monotonic() - _warned >= _SECONDS_BETWEEN_WARNINGS:
        _warned = time.monotonic()
        logger.warning(
            "The cache does not answer; numbers are counted without it", extra={"error": type(error).__name__}
        )
