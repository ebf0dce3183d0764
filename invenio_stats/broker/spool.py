"""Spool: pseudonymized messages that wait on the local disk while the broker is away.

It is a file of SQLite, by the standard library: any number of processes and threads may use it, what `put` has taken
survives their death and that of the machine, and no wait is long. Libraries for queues in SQLite were tried: one has
another interface for each Python, another keeps its counts in each process.
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

_PATIENCE = 0.3
"""Seconds that a request waits for others that write."""
_BETWEEN_TRIALS = 0.001
"""Seconds; SQLite itself waits longer the longer it has waited, so that who came last is served first."""
_LOST_AFTER = 60
"""Seconds after which what somebody took and never settled is anybody's again: he died."""

_MOST_UNCOUNTED = 100_000
"""Refused events that a process remembers while the disk takes not even their number."""

_SETTINGS = (
    "auto_vacuum = FULL",  # the file shrinks as it empties
    "journal_mode = WAL",
    "synchronous = FULL",  # what was committed outlives a loss of power
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
    """A message of the spool that is being sent."""

    ticket: int
    message: Outgoing


class Refusals(NamedTuple):
    """How many events of a queue were refused on a day (in UTC), all in all."""

    day: str
    queue: str
    events: int


class Spool:
    """The messages that the broker has not got yet, of all processes that use the same folder."""

    def __init__(self, folder: str, max_bytes: int):
        """Use a folder, which is made when it is needed; 0 bytes switch the spool off."""
        self._path = Path(folder) / "spool.sqlite"
        self._max_bytes = max_bytes
        self._inherited: list[sqlite3.Connection | None] = []
        self._begin()
        os.register_at_fork(after_in_child=_forget(weakref.ref(self)))

    def put(self, messages: Sequence[Outgoing]) -> None:
        """Keep messages, all or none; EventsRefusedError when there is no room for them, or no disk."""
        events = sum(message.events for message in messages)
        if not self._max_bytes:
            raise EventsRefusedError(events, "the spool is switched off")
        now = time.time()
        rows = [(now, message.to_json()) for message in messages]
        try:
            with self._writing() as database:
                database.executemany("INSERT INTO waiting (since, message) VALUES (?, ?)", rows)
                if _size(database) > self._max_bytes:
                    raise EventsRefusedError(events, "the spool is full")
        except (OSError, sqlite3.Error) as error:
            raise EventsRefusedError(events, f"the spool cannot be written ({type(error).__name__})") from error

    def take(self, most: int, without: Sequence[str] = ()) -> list[Waiting]:
        """Return messages to send, oldest first, but none of some queues; nobody else gets them unless we die."""
        if self.is_empty():
            return []
        now = time.time()
        with self._writing() as database:
            free = "(taken IS NULL OR abs(? - taken) > ?)"  # a clock may have been set back
            others = " AND instr(message, ?) != 1" * len(without)
            query = f"SELECT id, message FROM waiting WHERE {free}{others} ORDER BY id LIMIT ?"
            starts = [json.dumps([name])[:-1] for name in without]  # an Outgoing begins with its queue
            rows = database.execute(query, (now, _LOST_AFTER, *starts, most)).fetchall()
            database.executemany("UPDATE waiting SET taken = ? WHERE id = ?", [(now, ticket) for ticket, _ in rows])
        return [Waiting(ticket, Outgoing.from_json(text)) for ticket, text in rows]

    def settle(self, waiting: Sequence[Waiting], sent: bool) -> None:
        """Forget messages that the broker has confirmed, or make them anybody's again."""
        query = "DELETE FROM waiting WHERE id = ?" if sent else "UPDATE waiting SET taken = NULL WHERE id = ?"
        with self._writing() as database:
            database.executemany(query, [(one.ticket,) for one in waiting])

    def note_refused(self, messages: Sequence[Outgoing]) -> None:
        """Keep how many events nobody could take; where the disk takes nothing now, the next one notes them too."""
        day = datetime.now(timezone.utc).date().isoformat()
        self._uncounted.extend((day, message.queue) for message in messages for _event in range(message.events))
        counted: list[tuple[str, str]] = []
        try:
            with self._writing() as database:
                while self._uncounted:
                    counted.append(self._uncounted.popleft())
                query = "INSERT INTO refused (day, queue, events) VALUES (?, ?, ?)"
                query += " ON CONFLICT (day, queue) DO UPDATE SET events = events + excluded.events"
                database.executemany(query, [(*key, number) for key, number in Counter(counted).items()])
        except (OSError, sqlite3.Error):
            self._uncounted.extend(counted)

    def refused(self) -> int:
        """Return how many events were refused on this machine, ever."""
        return int(self._value("SELECT sum(events) FROM refused") or 0)

    def refusals(self) -> list[Refusals]:
        """Return the numbers of refused events that have changed since they were reported."""
        if not self.exists():
            return []
        with self._opened() as database:
            found = database.execute("SELECT day, queue, events FROM refused WHERE events != reported")
            return [Refusals(*row) for row in found]

    def set_reported(self, refusals: Sequence[Refusals]) -> None:
        """Keep that somebody else knows these numbers."""
        with self._writing() as database:
            query = "UPDATE refused SET reported = ? WHERE day = ? AND queue = ?"
            database.executemany(query, [(one.events, one.day, one.queue) for one in refusals])

    def name(self) -> str:
        """Return what no other spool is called."""
        return str(self._value("SELECT name FROM spool"))

    def exists(self) -> bool:
        """Say whether anything was ever kept here: cheap, for every request."""
        return self._path.exists()

    def is_empty(self) -> bool:
        """Say whether nothing waits."""
        return self._value("SELECT id FROM waiting LIMIT 1") is None

    def count(self) -> int:
        """Return how many messages wait."""
        return int(self._value("SELECT count(*) FROM waiting") or 0)

    def oldest(self) -> datetime | None:
        """Return since when the message that waits longest has been here."""
        since = self._value("SELECT since FROM waiting ORDER BY id LIMIT 1")
        return None if since is None else datetime.fromtimestamp(since, tz=timezone.utc)

    def _value(self, query: str) -> Any:
        """Return the one value that a query finds; None where there is none, or no spool."""
        if not self.exists():
            return None
        with self._opened() as database:
            row = database.execute(query).fetchone()
            return row and row[0]

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._uncounted: deque[tuple[str, str]] = deque(maxlen=_MOST_UNCOUNTED)

    def forget(self) -> None:
        """Begin anew in a process that was forked: neither connection nor lock are its own."""
        self._inherited.append(self._database)  # never closed here: it is the parent's
        self._begin()

    @contextmanager
    def _opened(self, deadline: float | None = None) -> Iterator[sqlite3.Connection]:
        """Give the database to one thread at a time."""
        deadline = deadline or time.monotonic() + _PATIENCE
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise sqlite3.OperationalError("another thread has the database")
        try:
            if self._database is None:
                self._database = _patiently(self._open, deadline)
            yield self._database
        finally:
            self._lock.release()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give the database for one transaction, which is undone on an error."""
        deadline = time.monotonic() + _PATIENCE
        with self._opened(deadline) as database:
            _patiently(lambda: database.execute("BEGIN IMMEDIATE"), deadline)
            try:
                yield database
                database.execute("COMMIT")
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(
            self._path, timeout=_BETWEEN_TRIALS * 10, isolation_level=None, check_same_thread=False
        )
        try:
            for setting in _SETTINGS:
                database.execute(f"PRAGMA {setting}")
            if not database.execute("PRAGMA user_version").fetchone()[0]:
                database.executescript(_TABLES.format(name=uuid.uuid4().hex))
        except BaseException:
            database.close()
            raise
        weakref.finalize(self, _close, database, os.getpid())
        return database


def _patiently(work: Callable[[], Any], deadline: float) -> Any:
    """Do what needs the file for itself, once nobody else has it."""
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(_BETWEEN_TRIALS)


def _size(database: sqlite3.Connection) -> int:
    """Return how many bytes of the file are in use."""
    page, pages, free = (
        database.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_size", "page_count", "freelist_count")
    )
    return int(page * (pages - free))


def _close(database: sqlite3.Connection, pid: int) -> None:
    if pid == os.getpid():
        database.close()


def _forget(spool: "weakref.ref[Spool]") -> Callable[[], None]:
    def forget() -> None:
        if (one := spool()) is not None:
            one.forget()

    return forget
