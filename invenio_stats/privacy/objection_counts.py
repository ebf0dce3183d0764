"""Count the events that were not built because their visitors object, and send the numbers to the workers in batches.

A number belongs to a day and an event type, and to no visitor. A web process holds it for a minute; then a thread sends
it in a message of its own.
"""

import atexit
import logging
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import date, datetime, timezone
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from flask import Flask, current_app

from invenio_stats.broker.publish import publish
from invenio_stats.proxies import current_stats
from invenio_stats.support.forks import renew_in_child

logger = logging.getLogger(__name__)

SECONDS_HELD = 60.0
"""Time after which a process sends what it has counted."""

_KEY = "invenio-stats-objections"

_DayAndType = tuple[date, str]


class HeldCounts:
    """The numbers of one application in one process that are not sent yet."""

    def __init__(self, app: Flask):
        """Hold nothing."""
        self._app = app
        self._renew()
        renew_in_child(self, HeldCounts._renew)

    def _renew(self) -> None:
        """Begin anew in a process that was forked: its parent sends what it has counted."""
        self._lock = threading.Lock()
        self._counts: Counter[_DayAndType] = Counter()
        self._timer: threading.Timer | None = None
        self._since = 0.0

    def add(self, event_type: str, number: int, day: date) -> None:
        """Add to the number of a day; sends nothing, except where threads do not run."""
        with self._lock:
            if not self._counts:
                self._since = time.monotonic()
            self._counts[day, event_type] += number
            is_late = time.monotonic() - self._since > 2 * SECONDS_HELD
            if self._timer is None:
                self._start_timer()
        if is_late:
            self.send()

    def send(self) -> None:
        """Send what is held to the broker, or to the spool; what neither takes is held until the next time."""
        with self._lock:
            counts, self._counts, timer, self._timer = self._counts, Counter(), self._timer, None
        if timer is not None:
            timer.cancel()
        if not counts:
            return
        entries = [
            {"date": day.isoformat(), "event_type": event_type, "count": number}
            for (day, event_type), number in sorted(counts.items())
        ]
        try:
            with self._app.app_context():
                publish(current_stats.objections_queue, entries)
        except SoftTimeLimitExceeded:
            self._put_back(counts)
            raise
        except Exception as error:  # of whatever kind: no request, and no other thread, is at fault
            self._put_back(counts)
            logger.warning("The number of objections could not be sent", extra={"error": type(error).__name__})

    def _put_back(self, counts: Counter[_DayAndType]) -> None:
        with self._lock:
            self._counts.update(counts)
            self._since = time.monotonic()
            if self._timer is None:
                self._start_timer()

    def _start_timer(self) -> None:
        timer = threading.Timer(SECONDS_HELD, self.send)
        timer.name, timer.daemon = "stats-objections", True
        with suppress(RuntimeError):  # too many threads, or the process ends: a later request tries again
            timer.start()
            self._timer = timer


def note(event_type: str, number: int = 1) -> None:
    """Count events of the current application that were not built or published."""
    if number:
        _held().add(event_type, number, datetime.now(timezone.utc).date())


def send() -> None:
    """Send what the current application holds in this process."""
    _held().send()


def _held() -> HeldCounts:
    held: Any = current_app.extensions.get(_KEY)
    if held is None:
        held = current_app.extensions.setdefault(_KEY, HeldCounts(current_app._get_current_object()))
        atexit.register(held.send)  # a process may end within the minute
    return held
