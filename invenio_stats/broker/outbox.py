"""Outbox: from the request to the broker, or to the spool where the broker is away; nobody waits for it.

The first request that meets a broker which does not answer waits for it, less than half a second. From then on the
circuit is open: requests go to the spool at once, while a thread of this process tries the broker, closes the circuit
when it answers, and sends the spool on.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from flask import Flask, current_app
from invenio_queues.queue import Queue

from invenio_stats.broker.confirmed import deliver, failures
from invenio_stats.broker.messages import Outgoing
from invenio_stats.broker.spool import Spool
from invenio_stats.core import names
from invenio_stats.errors import EventsRefusedError

logger = logging.getLogger(__name__)

_KEY = "invenio-stats-outbox"
_AT_ONCE = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_SECONDS_OF_A_TRIAL = 5.0
_SECONDS_BETWEEN_COMPLAINTS = 60.0


class Outbox:
    """The way out of one application in one process."""

    def __init__(self, app: Flask):
        """Use the spool that STATS_SPOOL_DIR and STATS_SPOOL_MAX_MB describe."""
        self._app = app
        folder = app.config["STATS_SPOOL_DIR"] or os.path.join(app.instance_path, "stats-spool")
        self.spool = Spool(folder, int(app.config["STATS_SPOOL_MAX_MB"] * 1024 * 1024))
        self.is_open = False
        """Whether the broker is taken to be away."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._complained = -_SECONDS_BETWEEN_COMPLAINTS
        self._pid = os.getpid()

    def send(self, queue: Queue, messages: Sequence[Outgoing]) -> None:
        """Return when the broker, or the spool, has the messages; EventsRefusedError when neither takes them."""
        if self.is_open and self._is_ours():
            self._keep(messages)
            return
        try:
            deliver(queue.connection_pool, queue.exchange, messages)
        except failures(queue.connection_pool.connection) as error:
            self._keep(messages)
            self._open(queue, error)
        else:
            if not self._is_working() and self._has_waiting():
                self._work(queue)

    def send_spool(self, queue: Queue, on_batch: Callable[[int], None] | None = None) -> int:
        """Send what the spool holds; return how many messages. Raises what the broker's failures look like."""
        sent = 0
        while waiting := self.spool.take(_AT_ONCE):
            try:
                for name in {one.message.queue for one in waiting}:
                    part = [one for one in waiting if one.message.queue == name]
                    deliver(queue.connection_pool, queue.exchange, [one.message for one in part], _SECONDS_OF_A_TRIAL)
                    self.spool.settle(part, sent=True)
                    waiting = [one for one in waiting if one.message.queue != name]
                    sent += len(part)
                    if on_batch is not None:
                        on_batch(len(part))
            finally:
                if waiting:
                    self.spool.settle(waiting, sent=False)
        return sent

    def _keep(self, messages: Sequence[Outgoing]) -> None:
        try:
            self.spool.put(messages)
        except EventsRefusedError as error:
            # What the agent dictionary could not send it sends again.
            self.spool.note_refused([message for message in messages if message.queue != names.AGENTS])
            if self._may_complain():
                logger.error("Events are refused", extra={"events": error.count, "reason": str(error)})
            raise

    def _has_waiting(self) -> bool:
        try:
            return not self.spool.is_empty()
        except (OSError, sqlite3.Error) as error:  # the messages of this request are on the broker all the same
            if self._may_complain():
                logger.error("The spool cannot be read", extra={"error": type(error).__name__})
            return False

    def _may_complain(self) -> bool:
        """Say, once a minute, that it is time to say what is wrong."""
        if time.monotonic() - self._complained < _SECONDS_BETWEEN_COMPLAINTS:
            return False
        self._complained = time.monotonic()
        return True

    def _open(self, queue: Queue, error: BaseException) -> None:
        if not self.is_open or not self._is_ours():
            logger.warning("The broker is away; events go to the spool", extra={"error": type(error).__name__})
        self.is_open, self._pid = True, os.getpid()
        self._work(queue)

    def _is_ours(self) -> bool:
        """Say whether the circuit was opened by this process, not by the one it was forked from."""
        return self._pid == os.getpid()

    def _is_working(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and self._is_ours()

    def _work(self, queue: Queue) -> None:
        """Have the thread try the broker and empty the spool, unless it does."""
        with self._lock:
            if not self._is_working():
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._empty, args=(queue,), name="stats-outbox", daemon=True)
                self._thread.start()

    def _empty(self, queue: Queue) -> None:
        pause = 0.0 if not self.is_open else _FIRST_PAUSE
        while True:
            time.sleep(pause)
            try:
                with self._app.app_context():
                    if self.is_open:
                        _try(queue)
                        self.send_spool(queue)  # a broker that lets one connect may take nothing all the same
                        self.is_open = False
                        logger.warning("The broker is back; the spool is sent on")
                    self.send_spool(queue)
                return
            except Exception as error:  # whatever it is: as long as this process lives it is tried again
                logger.info("The broker is still away", extra={"error": type(error).__name__})
                self.is_open = True
                pause = min(max(pause, _FIRST_PAUSE) * 2, _LONGEST_PAUSE)


def outbox() -> Outbox:
    """Return the way out of the current application."""
    found = current_app.extensions.get(_KEY)
    if found is None:
        found = current_app.extensions.setdefault(_KEY, Outbox(current_app._get_current_object()))
    return found


def _try(queue: Queue) -> None:
    """Connect to the broker anew, over a connection that nobody else uses."""
    with queue.connection_pool.connection.clone() as connection:
        connection.connect_timeout = _SECONDS_OF_A_TRIAL
        connection.ensure_connection(max_retries=0)
