"""Provide the salt of each day, a random secret that all processes share and that expires after two days."""

import logging
import threading
import time
from datetime import date, datetime
from typing import NamedTuple

from celery.exceptions import SoftTimeLimitExceeded
from flask import current_app
from invenio_cache import current_cache

from invenio_stats.core.moments import parse
from invenio_stats.privacy.salt_stores import new_salt, salt_store
from invenio_stats.support.forks import renew_in_child

logger = logging.getLogger(__name__)

_KEY = "invenio-stats-salts"
_DAYS_IN_MEMORY = 2
_SECONDS_BETWEEN_TRIES = 30


class Salt(NamedTuple):
    """The salt of a day."""

    value: str
    is_shared: bool
    """False if the salt store was not available, so that only this process has the salt."""


def get_anonymization_salt(ts: datetime | str) -> str:
    """Return the salt of the day of a moment; creates it if there is none."""
    return salt_of(parse(ts).date()).value


def salt_of(day: date) -> Salt:
    """Return the salt of a day; creates it if there is none.

    While the salt store is not available, this process uses a local salt, so that no event is lost.
    """
    return _memory().get_or_make(day.isoformat())


def existing_salt_of(day: date) -> Salt | None:
    """Return the salt of a day if it still exists, otherwise None; never creates one. Without an application, None."""
    return _memory().get(day.isoformat()) if current_app else None


def is_own(day: date) -> bool:
    """Return True if this process uses a local salt for a day because the salt store was not available."""
    return bool(current_app) and _memory().is_own(day.isoformat())


class _Memory:
    """The salts known to this process: of at most two days, each fetched from the store once."""

    def __init__(self) -> None:
        self._renew_lock()
        self._shared: dict[str, Salt] = {}
        self._own: dict[str, Salt] = {}
        self._next_try = 0.0
        renew_in_child(self, _Memory._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()

    def get_or_make(self, day: str) -> Salt:
        known = self._shared.get(day)
        if known is not None:
            return known
        with self._lock:
            return self._shared.get(day) or self._fetch(day, make=True) or self._make_own(day)

    def get(self, day: str) -> Salt | None:
        known = self._shared.get(day) or self._own.get(day)
        if known is not None:
            return known
        with self._lock:
            return self._fetch(day, make=False)

    def is_own(self, day: str) -> bool:
        return bool(self._own) and day in self._own and day not in self._shared

    def _fetch(self, day: str, make: bool) -> Salt | None:
        """Ask the store unless it failed in the last seconds, so that not every request waits for its time-out."""
        return None if time.monotonic() < self._next_try else self._ask(day, make)

    def _ask(self, day: str, make: bool) -> Salt | None:
        try:
            store = salt_store(current_cache.cache)
            value = store.get_or_make(day) if make else store.get(day)
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:  # each backend has its own errors; their text may contain a password
            logger.warning("The salt store is not available", extra={"error": type(error).__name__})
            self._next_try = time.monotonic() + _SECONDS_BETWEEN_TRIES
            return None
        if value is None:
            return None
        self._shared[day] = Salt(value, is_shared=True)
        _keep_newest(self._shared)
        return self._shared[day] if day in self._shared else Salt(value, is_shared=True)

    def _make_own(self, day: str) -> Salt:
        salt = self._own.setdefault(day, Salt(new_salt(), is_shared=False))
        _keep_newest(self._own)
        return salt


def _keep_newest(salts: dict[str, Salt]) -> None:
    for oldest in sorted(salts)[:-_DAYS_IN_MEMORY]:
        del salts[oldest]


def _memory() -> _Memory:
    memory: _Memory | None = current_app.extensions.get(_KEY)
    return current_app.extensions.setdefault(_KEY, _Memory()) if memory is None else memory
