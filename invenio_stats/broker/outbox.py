"""Outbox: from the request to the broker, or to the spool where the broker is away; nobody waits for it.

The first request that meets a broker which does not answer waits for it, less than half a second. From then on the
circuit of its queue is open: requests go to the spool at once, while a thread of this process tries the broker, closes
the circuit when it answers, and sends the spool on. Each queue has a circuit of its own: one that the broker refuses,
because it is full, say, stops no other.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from flask import Flask, current_app
from invenio_queues.queue import Queue

from invenio_stats.broker.dead_letter_messages import dead_stand_in, is_dead_name
from invenio_stats.broker.delivery import RefusedMessage, deliver_all
from invenio_stats.broker.spool import Spool
from invenio_stats.broker.transports.amqp_publisher import failures
from invenio_stats.broker.transports.outgoing import Outgoing
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
        self._shut: set[str] = set()
        """Names of the queues whose circuit is open: the broker is taken to be away, or to refuse."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._complained = -_SECONDS_BETWEEN_COMPLAINTS
        self._pid = self._owner = os.getpid()

    @property
    def is_open(self) -> bool:
        """Whether the broker is taken to be away, for any queue."""
        return bool(self._shut)

    def send(self, queue: Queue, messages: Sequence[Outgoing]) -> None:
        """Return when the broker, or the spool, has the messages; EventsRefusedError when neither takes them."""
        if queue.routing_key in self._shut and self._is_ours():
            self._work(queue)
            self._keep(messages)
            return
        try:
            refused = deliver_all(queue.connection_pool, queue.exchange, messages)
        except failures(queue.connection_pool.connection) as error:
            self._open(queue, error)  # before the spool is asked, which may refuse: the next one must not wait, either
            self._keep(messages)
        except Exception:  # of a client library that has lost its way, or of whoever stops this task
            self._keep(messages)
            raise
        else:
            self._reject(queue, refused)
            if not self._is_working() and self._has_waiting():
                self._work(queue)

    def send_spool(self, queue: Queue, on_batch: Callable[[int], None] | None = None) -> int:
        """Send what the spool holds; return how many messages. Raises what the broker's failures look like.

        A queue that fails stops no other: the error comes at the end.
        """
        sent, failed = self._send_on(queue, on_batch)
        for error in failed.values():
            raise error
        return sent

    def _send_on(
        self, queue: Queue, on_batch: Callable[[int], None] | None = None
    ) -> tuple[int, dict[str, BaseException]]:
        """Send what the spool holds; return how many messages, and the error of each queue that took none."""
        sent, failed = 0, {}
        while waiting := self.spool.take(_AT_ONCE, tuple(failed)):
            try:
                for name in dict.fromkeys(one.message.queue for one in waiting):
                    part = [one for one in waiting if one.message.queue == name]
                    try:
                        refused = self._deliver(queue, name, [one.message for one in part])
                    except failures(queue.connection_pool.connection) as error:
                        failed[name] = error
                        continue
                    self._reject(queue, refused)
                    self.spool.settle(part, sent=True)
                    waiting = [one for one in waiting if one.message.queue != name]
                    sent += len(part)
                    if on_batch is not None:
                        on_batch(len(part))
            finally:
                if waiting:
                    self.spool.settle(waiting, sent=False)
        return sent, failed

    def _deliver(self, queue: Queue, name: str, messages: Sequence[Outgoing]) -> list[RefusedMessage]:
        """Deliver messages of a queue of any name; return those that the broker will never take."""
        exchange = None if is_dead_name(name) else queue.exchange
        return deliver_all(queue.connection_pool, exchange, messages, seconds=_SECONDS_OF_A_TRIAL)

    def _reject(self, queue: Queue, refused: Sequence[RefusedMessage]) -> None:
        """Put stand-ins for messages that the broker never takes to the dead letters, or into the spool for later.

        What cannot be published even so stays in the spool as rejected.
        """
        if not refused:
            return
        stand_ins = [dead_stand_in(one) for one in refused if not is_dead_name(one.message.queue)]
        lost = [one for one in refused if is_dead_name(one.message.queue)]
        for name in dict.fromkeys(one.queue for one in stand_ins):
            part = [one for one in stand_ins if one.queue == name]
            try:
                lost += self._deliver(queue, name, part)
            except failures(queue.connection_pool.connection):
                self._keep(part)
        if lost:
            self.spool.reject([one.message for one in lost], lost[0].reason)

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
        name = queue.routing_key
        if not self._is_ours():
            self._shut, self._pid = set(), os.getpid()
        if name not in self._shut:
            facts = {"queue": name, "error": type(error).__name__}
            logger.warning("The broker is away; events go to the spool", extra=facts)
        self._shut.add(name)
        self._work(queue)

    def _is_ours(self) -> bool:
        """Say whether circuits were opened by this process, not by the one it was forked from."""
        return self._pid == os.getpid()

    def _is_working(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and self._is_ours()

    def _work(self, queue: Queue) -> None:
        """Have the thread try the broker and empty the spool, unless it does."""
        if self._is_working():
            return
        if self._owner != os.getpid():  # forked: somebody may have held the lock at that moment
            self._lock, self._owner = threading.Lock(), os.getpid()
        with self._lock:
            if self._is_working():
                return
            self._pid = os.getpid()
            self._thread = threading.Thread(target=self._empty, args=(queue,), name="stats-outbox", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:  # no more threads, or the process ends: the next one tries again
                self._thread = None
                logger.warning("The spool is left to others", extra={"error": type(error).__name__})

    def _empty(self, queue: Queue) -> None:
        pause = _FIRST_PAUSE if self._shut else 0.0
        while True:
            time.sleep(pause)
            try:
                with self._app.app_context():
                    self._send_on_and_close(queue)
            except Exception as error:  # whatever it is: as long as this process lives it is tried again
                logger.info("The broker is still away", extra={"error": type(error).__name__})
            else:
                with self._lock:
                    if not self._shut:  # nobody has opened one meanwhile, who would rely on this thread
                        self._thread = None
                        return
            pause = min(max(pause, _FIRST_PAUSE) * 2, _LONGEST_PAUSE)

    def _send_on_and_close(self, queue: Queue) -> None:
        """Send the spool on, and close the circuits of the queues that take messages again."""
        shut = set(self._shut)
        if shut:
            _try(queue)
        _sent, failed = self._send_on(queue)  # a broker that lets one connect may take nothing all the same
        self._shut -= shut - set(failed)
        if shut and not self._shut:
            logger.warning("The broker is back; the spool is sent on")
        _sent, more = self._send_on(queue)
        self._shut |= {*failed, *more}


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
