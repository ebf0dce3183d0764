"""Send the messages of a request to the broker, or to the spool while the broker is not available.

The first request whose broker does not answer waits less than half a second. Then the circuit breaker of its queue is
open: requests write to the spool at once, while a thread of this process tries the broker, closes the circuit when the
broker answers, and sends the spool. Each queue has its own circuit, so that a queue which the broker rejects, for
example because it is full, does not stop others.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from flask import Flask, current_app
from invenio_queues.queue import Queue

from invenio_stats.broker.delivery import RefusedMessage, deliver_all
from invenio_stats.broker.spool import Spool
from invenio_stats.broker.transports.drivers import failure_types
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core import names
from invenio_stats.core.instances import instance_name
from invenio_stats.errors import EventsRefusedError

logger = logging.getLogger(__name__)

_KEY = "invenio-stats-outbox"
_MESSAGES_PER_BATCH = 500
_MIN_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 1.0, 30.0
_TRIAL_SECONDS = 5.0
"""Time-out of the thread's attempts to reach the broker; no request waits for them."""
_SECONDS_BETWEEN_ERRORS = 60.0
"""Minimal time between two log records of errors that repeat with every request."""


class Outbox:
    """Sends the messages of one application in one process."""

    def __init__(self, app: Flask):
        """Use the spool configured by STATS_SPOOL_DIR and STATS_SPOOL_MAX_MB."""
        self._app = app
        folder = os.path.join(app.instance_path, app.config["STATS_SPOOL_DIR"] or "stats-spool")
        instance = instance_name(app.config.get("SEARCH_INDEX_PREFIX"), app.config.get("SECRET_KEY"))
        self.spool = Spool(folder, int(app.config["STATS_SPOOL_MAX_MB"] * 1024 * 1024), instance)
        self._shut: set[str] = set()
        """Names of the queues whose circuit is open because the broker did not answer or rejected messages."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._error_logged = -_SECONDS_BETWEEN_ERRORS
        self._pid = self._owner = os.getpid()

    @property
    def is_open(self) -> bool:
        """Whether the circuit of any queue is open."""
        return bool(self._shut)

    def send(self, queue: Queue, messages: Sequence[Outgoing]) -> None:
        """Return when the broker or the spool has stored the messages; EventsRefusedError if neither could."""
        if queue.routing_key in self._shut and self._is_own_state():
            self._ensure_thread(queue)
            self._spool(messages)
            return
        try:
            refused = deliver_all(queue.connection_pool, queue.exchange, messages)
        except failure_types(queue.connection_pool.connection) as error:
            self._open(queue, error)  # before writing to the spool, which may fail: the next request must not wait
            self._spool(messages)
        except Exception:  # an unexpected error of a client library, or one that stops this task
            self._spool(messages)
            raise
        else:
            self._reject(queue, refused)
            if not self._is_working() and self._has_waiting():
                self._ensure_thread(queue)

    def send_spool(self, queue: Queue, on_batch: Callable[[int], None] | None = None) -> int:
        """Send the messages in the spool; return their number.

        If a queue fails, the others are sent before the error of the broker is raised.
        """
        sent, failed = self._send_on(queue, on_batch)
        for error in failed.values():
            raise error
        return sent

    def _send_on(
        self, queue: Queue, on_batch: Callable[[int], None] | None = None
    ) -> tuple[int, dict[str, BaseException]]:
        """Send the messages in the spool; return their number, and the error of each queue that failed."""
        # Taken from the spool, then confirmed by the broker, then deleted: after a crash a message may be sent again,
        # with the same id, but none is lost. A failed queue is left out, so that its messages do not fill every batch.
        sent, failed = 0, {}
        while waiting := self.spool.take(_MESSAGES_PER_BATCH, tuple(failed)):
            try:
                for name in dict.fromkeys(entry.message.queue for entry in waiting):
                    batch = [entry for entry in waiting if entry.message.queue == name]
                    try:
                        refused = self._deliver(queue, name, [entry.message for entry in batch])
                    except failure_types(queue.connection_pool.connection) as error:
                        failed[name] = error
                        continue
                    self._reject(queue, refused)
                    self.spool.settle(batch, sent=True)
                    waiting = [entry for entry in waiting if entry.message.queue != name]
                    sent += len(batch)
                    if on_batch is not None:
                        on_batch(len(batch))
            finally:
                if waiting:
                    self.spool.settle(waiting, sent=False)
        return sent, failed

    def _deliver(self, queue: Queue, name: str, messages: Sequence[Outgoing]) -> list[RefusedMessage]:
        """Deliver messages of a queue of any name; return those that the broker will never take."""
        exchange = None if names.is_dead_letters(name) else queue.exchange
        return deliver_all(queue.connection_pool, exchange, messages, seconds=_TRIAL_SECONDS)

    def _reject(self, queue: Queue, refused: Sequence[RefusedMessage]) -> None:
        """Put stand-ins for messages that the broker never takes to the dead letters, or into the spool for later.

        What cannot be published even so stays in the spool as rejected.
        """
        if not refused:
            return
        from invenio_stats.broker.dead_letter_messages import dead_stand_in  # seldom needed: not in every web process

        stand_ins = [dead_stand_in(refusal) for refusal in refused if not names.is_dead_letters(refusal.message.queue)]
        lost = [refusal for refusal in refused if names.is_dead_letters(refusal.message.queue)]
        for name in dict.fromkeys(message.queue for message in stand_ins):
            part = [message for message in stand_ins if message.queue == name]
            try:
                lost += self._deliver(queue, name, part)
            except failure_types(queue.connection_pool.connection):
                self._spool(part)
        if lost:
            self.spool.reject([refusal.message for refusal in lost], lost[0].reason)

    def _spool(self, messages: Sequence[Outgoing]) -> None:
        try:
            self.spool.put(messages)
        except EventsRefusedError as error:
            # What is no event is sent again by whoever has sent it.
            events = [message for message in messages if message.queue not in names.QUEUES_WITHOUT_EVENTS]
            self.spool.note_refused(events)
            if self._may_log_error():
                logger.error("Events are refused", extra={"events": error.count, "reason": str(error)})
            raise

    def _has_waiting(self) -> bool:
        try:
            return not self.spool.is_empty()
        except (OSError, sqlite3.Error) as error:  # no failure of this request, whose messages are at the broker
            if self._may_log_error():
                logger.error("The spool cannot be read", extra={"error": type(error).__name__})
            return False

    def _may_log_error(self) -> bool:
        """Return True at most once a minute."""
        if time.monotonic() - self._error_logged < _SECONDS_BETWEEN_ERRORS:
            return False
        self._error_logged = time.monotonic()
        return True

    def _open(self, queue: Queue, error: BaseException) -> None:
        name = queue.routing_key
        if not self._is_own_state():
            self._shut, self._pid = set(), os.getpid()
        if name not in self._shut:
            facts = {"queue": name, "error": type(error).__name__}
            logger.warning("The broker is not available; events go to the spool", extra=facts)
        self._shut.add(name)
        self._ensure_thread(queue)

    def _is_own_state(self) -> bool:
        """Return True if circuits and thread are those of this process, not of the one it was forked from."""
        return self._pid == os.getpid()

    def _is_working(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and self._is_own_state()

    def _ensure_thread(self, queue: Queue) -> None:
        """Start the thread that tries the broker and empties the spool, unless it is running."""
        if self._is_working():
            return
        if self._owner != os.getpid():  # forked, possibly while a thread of the parent held the lock
            self._lock, self._owner = threading.Lock(), os.getpid()
        with self._lock:
            if self._is_working():
                return
            self._pid = os.getpid()
            self._thread = threading.Thread(target=self._empty, args=(queue,), name="stats-outbox", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:  # too many threads, or the process ends: the next request tries again
                self._thread = None
                logger.warning("The thread that sends the spool could not start", extra={"error": type(error).__name__})

    def _empty(self, queue: Queue) -> None:
        pause = _MIN_PAUSE_SECONDS if self._shut else 0.0
        while True:
            time.sleep(pause)
            try:
                with self._app.app_context():
                    self._send_on_and_close(queue)
            except Exception as error:  # any error: the thread tries again as long as the process lives
                logger.info("The broker is still not available", extra={"error": type(error).__name__})
            else:
                with self._lock:
                    if not self._shut:  # under the lock: a request that opens a circuit relies on this thread
                        self._thread = None
                        return
            pause = min(max(pause, _MIN_PAUSE_SECONDS) * 2, _MAX_PAUSE_SECONDS)

    def _send_on_and_close(self, queue: Queue) -> None:
        """Send the spool, and close the circuits of the queues that accept messages again."""
        shut = set(self._shut)
        if shut:
            _connect(queue)
        # Sent before circuits are closed, since a broker that accepts connections may still reject messages; and once
        # more afterwards, for messages that requests wrote to the spool meanwhile.
        _sent, failed = self._send_on(queue)
        self._shut -= shut - set(failed)
        if shut and not self._shut:
            logger.warning("The broker is available again; the spool is sent")
        _sent, failed_again = self._send_on(queue)
        self._shut |= {*failed, *failed_again}


def outbox() -> Outbox:
    """Return the outbox of the current application in this process."""
    existing = current_app.extensions.get(_KEY)
    if existing is None:
        existing = current_app.extensions.setdefault(_KEY, Outbox(current_app._get_current_object()))
    return existing


def _connect(queue: Queue) -> None:
    """Try a new connection to the broker, separate from those of requests; raises its failures."""
    with queue.connection_pool.connection.clone() as connection:
        connection.connect_timeout = _TRIAL_SECONDS
        connection.ensure_connection(max_retries=0)
