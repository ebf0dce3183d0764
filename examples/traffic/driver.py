"""Send the traffic to the instance over HTTP, a few visitors at a time."""

import heapq
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count, pairwise

from traffic.browser import Browser
from traffic.ledger import WINDOW, Ledger
from traffic.model import Observation, Step, Visit

THREADS = 12
_MARGIN = 3.0
"""Seconds that a double-click cell must have left before somebody starts to click in it."""


class Driver:
    """Makes the planned visits when their time has come, and writes the ledger."""

    def __init__(
        self,
        address: tuple[str, int],
        visits: list[Visit],
        on_request: Callable[[], object] = lambda: None,
        threads: int = THREADS,
    ):
        """Drive the instance that listens there; `on_request` is called after each request."""
        self.ledger = Ledger()
        self.straddled = 0
        """Double clicks that a slow machine stretched over the edge of a cell."""
        self._address = address
        self._on_request = on_request
        self._threads = threads
        self._order = count()
        self._lock = threading.Lock()
        self._at_the_door = threading.Lock()
        self._waiting = [(visit.start, next(self._order), visit, Browser(address, visit.visitor)) for visit in visits]
        self._busy = 0
        self._errors: list[BaseException] = []
        self._stop = threading.Event()

    def run(self, check: Callable[[], object] = lambda: None) -> Ledger:
        """Make all visits and return the ledger; raises what went wrong with the connection itself.

        `check` is called now and then, and may raise to stop the traffic.
        """
        heapq.heapify(self._waiting)
        self._began = time.monotonic()
        self._next_visit()  # the first one alone: whatever is made on first use is made once
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._threads)]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                check()
                time.sleep(0.1)
        finally:
            self._stop.set()
        if self._errors:
            raise self._errors[0]
        return self.ledger

    def _work(self) -> None:
        while not self._stop.is_set() and (self._waiting or self._busy):
            try:
                if not self._next_visit():
                    time.sleep(0.05)
            except BaseException as error:
                self._errors.append(error)
                self._stop.set()

    def _next_visit(self) -> bool:
        """Make the next visit if its time has come."""
        with self._lock:
            if not self._waiting or self._waiting[0][0] > time.monotonic() - self._began:
                return False
            _, _, visit, browser = heapq.heappop(self._waiting)
            self._busy += 1
        try:
            self._visit(visit, browser)
        finally:
            with self._lock:
                self._busy -= 1
        return True

    def _visit(self, visit: Visit, browser: Browser) -> None:
        with browser:
            for step, following in pairwise([*visit.steps, None]):
                if following and following.again and not step.again:
                    _wait_for_room()
                time.sleep(step.pause)
                self._observe(browser, step)
        if visit.returns:
            again = Visit(visit.visitor, visit.steps)
            earliest = time.monotonic() - self._began + 2 * WINDOW + 1
            with self._lock:
                heapq.heappush(self._waiting, (earliest, next(self._order), again, browser))

    def _observe(self, browser: Browser, step: Step) -> None:
        # One at a time sign in: invenio-accounts answers 500 to a user who does it twice at the same moment.
        with self._at_the_door if step.form else nullcontext():
            _wait_past_the_hour()
            started = time.time()
            answer = browser.request(step)
            ended = time.time()
        seen = Observation(step, browser.visitor, browser.session, started, ended, answer.status, answer.content_range)
        with self._lock:
            if step.again and int(self.ledger.observations[browser.last].started // WINDOW) != int(ended // WINDOW):
                self.straddled += 1
            browser.last = len(self.ledger.observations)
            self.ledger.observations.append(seen)
        self._on_request()


def _wait_for_room() -> None:
    """Wait for the next double-click cell when this one is nearly over."""
    left = WINDOW - time.time() % WINDOW
    if left < _MARGIN:
        time.sleep(left + 0.05)


def _wait_past_the_hour() -> None:
    """Send nothing in the last second of an hour, so that everybody agrees on the hour of each request."""
    left = 3600 - time.time() % 3600
    if left < 1.5:
        time.sleep(left + 0.1)
