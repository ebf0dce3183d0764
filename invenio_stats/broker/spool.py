"""Store messages in a spool on the local disk while the broker is not available.

The spool is an SQLite file: any number of processes and threads can use it, messages that `put` has stored survive a
crash of the process or the machine, and all waits are short. Two libraries for queues in SQLite were tried and not
used: the interface of one depends on the version of Python, and the other counts messages in each process separately.
"""

import json
import os
import sqlite3
import threading
import time
import uuid
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.errors import EventsRefusedError

_LOCK_SECONDS = 0.3
"""Time that a request waits for the database while others write to it."""
_RETRY_SECONDS = 0.001
"""Constant pause between attempts. SQLite's own pauses grow, so that the latest request would go first."""
_TAKEN_SECONDS = 60
"""Time after which messages that were taken and not settled are free again, because the process that took them died."""

_MAX_UNCOUNTED_EVENTS = 100_000
"""Refused events that a process keeps in memory while not even their number can be written to the disk."""

_PRAGMAS = (
    "auto_vacuum = FULL",  # the file shrinks as it empties
    "journal_mode = WAL",
    "synchronous = FULL",  # a committed transaction survives a power failure
    "secure_delete = ON",
)
_TABLES = """
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS spool (name TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY, since REAL, taken REAL, message TEXT);
    CREATE TABLE IF NOT EXISTS refused (
        day TEXT, queue TEXT, events INTEGER, reported INTEGER DEFAULT 0, PRIMARY KEY (day, queue));
    INSERT INTO spool SELECT '{name}' WHERE NOT EXISTS (SELECT 1 FROM spool);
    PRAGMA user_version = 1;
    COMMIT;
"""


class Waiting(NamedTuple):
    """A message taken from the spool to be sent."""

    ticket: int
    message: Outgoing


class Refusals(NamedTuple):
    """Number of events of a queue that were refused on a day (UTC)."""

    day: str
    queue: str
    events: int


class Spool:
    """The messages not yet sent to the broker, of all processes that use the same directory."""

    def __init__(self, folder: str, max_bytes: int):
        """Use a directory, which is created when needed; with `max_bytes` 0 the spool is switched off."""
        self._path = Path(folder) / "spool.sqlite"
        self._max_bytes = max_bytes
        self._inherited: list[sqlite3.Connection | None] = []
        self._begin()
        os.register_at_fork(after_in_child=_forget(weakref.ref(self)))

    def put(self, messages: Sequence[Outgoing]) -> None:
        """Store all messages or none; EventsRefusedError if the spool is full, off or cannot be written."""
        events = sum(message.events for message in messages)
        if not self._max_bytes:
            raise EventsRefusedError(events, "the spool is switched off")
        now = time.time()
        rows = [(now, message.to_json()) for message in messages]
        try:
            with self._transaction() as database:
                database.executemany("INSERT INTO waiting (since, message) VALUES (?, ?)", rows)
                if _size(database) > self._max_bytes:
                    raise EventsRefusedError(events, "the spool is full")
        except (OSError, sqlite3.Error) as error:
            raise EventsRefusedError(events, f"the spool cannot be written ({type(error).__name__})") from error

    def take(self, limit: int, without: Sequence[str] = ()) -> list[Waiting]:
        """Return up to `limit` messages to send, oldest first, but none of the queues in `without`.

        Other processes do not get them until they are settled, or a minute later if this process dies.
        """
        if self.is_empty():
            return []
        now = time.time()
        with self._transaction() as database:
            free = "(taken IS NULL OR abs(? - taken) > ?)"  # a clock may have been set back
            others = " AND instr(message, ?) != 1" * len(without)
            query = f"SELECT id, message FROM waiting WHERE {free}{others} ORDER BY id LIMIT ?"
            starts = [json.dumps([name])[:-1] for name in without]  # an Outgoing begins with its queue
            rows = database.execute(query, (now, _TAKEN_SECONDS, *starts, limit)).fetchall()
            database.executemany("UPDATE waiting SET taken = ? WHERE id = ?", [(now, ticket) for ticket, _ in rows])
        return [Waiting(ticket, Outgoing.from_json(text)) for ticket, text in rows]

    def settle(self, waiting: Sequence[Waiting], sent: bool) -> None:
        """Delete taken messages that were sent, or make them free to be taken again."""
        query = "DELETE FROM waiting WHERE id = ?" if sent else "UPDATE waiting SET taken = NULL WHERE id = ?"
        with self._transaction() as database:
            database.executemany(query, [(entry.ticket,) for entry in waiting])

    def note_refused(self, messages: Sequence[Outgoing]) -> None:
        """Count refused events; if the disk cannot be written, they are kept in memory for the next call."""
        day = datetime.now(timezone.utc).date().isoformat()
        self._uncounted.extend((day, message.queue) for message in messages for _event in range(message.events))
        counted: list[tuple[str, str]] = []
        try:
            with self._transaction() as database:
                while self._uncounted:
                    counted.append(self._uncounted.popleft())
                query = "INSERT INTO refused (day, queue, events) VALUES (?, ?, ?)"
                query += " ON CONFLICT (day, queue) DO UPDATE SET events = events + excluded.events"
                database.executemany(query, [(*key, number) for key, number in Counter(counted).items()])
        except (OSError, sqlite3.Error):
            self._uncounted.extend(counted)

    def refused(self) -> int:
        """Return the number of all events that were refused on this machine."""
        return int(self._value("SELECT sum(events) FROM refused") or 0)

    def refusals(self) -> list[Refusals]:
        """Return the numbers of refused events that have changed since they were last reported."""
        if not self.exists():
            return []
        with self._connection() as database:
            rows = database.execute("SELECT day, queue, events FROM refused WHERE events != reported")
            return [Refusals(*row) for row in rows]

    def set_reported(self, refusals: Sequence[Refusals]) -> None:
        """Mark these numbers as reported, that is, stored in the search engine."""
        with self._transaction() as database:
            query = "UPDATE refused SET reported = ? WHERE day = ? AND queue = ?"
            database.executemany(query, [(refusal.events, refusal.day, refusal.queue) for refusal in refusals])

    def name(self) -> str:
        """Return the unique name of the spool."""
        return str(self._value("SELECT name FROM spool"))

    @property
    def path(self) -> Path:
        """The file of the spool, for messages."""
        return self._path

    def exists(self) -> bool:
        """Return True if anything was ever stored here; cheap enough for every request."""
        return self._path.exists()

    def is_empty(self) -> bool:
        """Return True if the spool has no messages."""
        return self._value("SELECT id FROM waiting LIMIT 1") is None

    def count(self) -> int:
        """Return the number of messages."""
        return int(self._value("SELECT count(*) FROM waiting") or 0)

    def oldest(self) -> datetime | None:
        """Return when the oldest message was stored; None if there is none."""
        since = self._value("SELECT since FROM waiting ORDER BY id LIMIT 1")
        return None if since is None else datetime.fromtimestamp(since, tz=timezone.utc)

    def _value(self, query: str) -> Any:
        """Return the single value of a query's result; None if there is no row or no spool."""
        if not self.exists():
            return None
        with self._connection() as database:
            row = database.execute(query).fetchone()
            return row and row[0]

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._uncounted: deque[tuple[str, str]] = deque(maxlen=_MAX_UNCOUNTED_EVENTS)

    def forget(self) -> None:
        """Start with a new connection and lock in a forked process, since both are the parent's."""
        self._inherited.append(self._database)  # kept, so that it is never closed here: it is the parent's
        self._begin()

    @contextmanager
    def _connection(self, deadline: float | None = None) -> Iterator[sqlite3.Connection]:
        """Give the connection to one thread at a time; sqlite3.OperationalError if the lock is not free in time."""
        deadline = deadline or time.monotonic() + _LOCK_SECONDS
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise sqlite3.OperationalError("another thread has the database")
        try:
            if self._database is None:
                self._database = _retry_while_locked(self._open, deadline)
            yield self._database
        finally:
            self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one transaction, which is rolled back after an error."""
        deadline = time.monotonic() + _LOCK_SECONDS
        with self._connection(deadline) as database:
            _retry_while_locked(lambda: database.execute("BEGIN IMMEDIATE"), deadline)
            try:
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(
            self._path, timeout=_RETRY_SECONDS * 10, isolation_level=None, check_same_thread=False
        )
        try:
            for setting in _PRAGMAS:
                database.execute(f"PRAGMA {setting}")
            if not database.execute("PRAGMA user_version").fetchone()[0]:
                database.executescript(_TABLES.format(name=uuid.uuid4().hex))
        except BaseException:
            database.close()
            raise
        weakref.finalize(self, _close, database, os.getpid())
        return database


def is_denied(error: BaseException) -> bool:
    """Return True if an error means that this user may not open the spool, which belongs to that of the web processes.

    An error of a connection is none: it has no file name.
    """
    if isinstance(error, sqlite3.OperationalError):
        return any(text in str(error) for text in ("readonly", "unable to open"))
    return isinstance(error, PermissionError) and error.filename is not None


def _retry_while_locked(work: Callable[[], Any], deadline: float) -> Any:
    """Return the result of a function that needs a lock of the file, called again until it gets it or time is up."""
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)


def _size(database: sqlite3.Connection) -> int:
    """Return the number of bytes in use in the file."""
    page, pages, free = (
        database.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_size", "page_count", "freelist_count")
    )
    return int(page * (pages - free))


def _close(database: sqlite3.Connection, pid: int) -> None:
    if pid == os.getpid():
        database.close()


def _forget(spool: "weakref.ref[Spool]") -> Callable[[], None]:
    def forget() -> None:
        if (existing := spool()) is not None:
            existing.forget()

    return forget
