"""Store messages in a spool on the local disk while the broker is not available.

The spool is an SQLite file: any number of processes and threads can use it, messages that `put` has stored survive a
crash of the process or the machine, and all waits are short. Two libraries for queues in SQLite were tried and not
used: the interface of one depends on the version of Python, and the other counts messages in each process separately.
"""

import json
import logging
import os
import sqlite3
import time
import weakref
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from invenio_stats.broker.spool_file import SpoolFile, read_owner
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.errors import EventsRefusedError, SpoolVersionError

logger = logging.getLogger(__name__)

_TAKEN_SECONDS = 60
"""Time after which messages that were taken and not settled are free again, because the process that took them died."""

_MAX_UNCOUNTED_EVENTS = 100_000
"""Refused events that a process keeps in memory while not even their number can be written to the disk."""


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

    def __init__(self, folder: str, max_bytes: int, instance: str = ""):
        """Use a directory, which is created when needed; with `max_bytes` 0 the spool is switched off.

        `instance` is the name of the instance. If another one was first in the directory, this one has its own file.
        """
        self._max_bytes = max_bytes
        self._file = SpoolFile(Path(folder) / "spool.sqlite", instance)
        self._uncounted: deque[tuple[str, str]] = deque(maxlen=_MAX_UNCOUNTED_EVENTS)
        os.register_at_fork(after_in_child=_forget(weakref.ref(self)))

    def put(self, messages: Sequence[Outgoing]) -> None:
        """Store all messages or none; EventsRefusedError if the spool is full, off or cannot be written."""
        events = sum(message.events for message in messages)
        if not self._max_bytes:
            raise EventsRefusedError(events, "the spool is switched off")
        now = time.time()
        rows = [(now, message.to_json()) for message in messages]
        try:
            with self._file.writing() as database:
                database.executemany("INSERT INTO waiting (since, message) VALUES (?, ?)", rows)
                if _size(database) > self._max_bytes:
                    raise EventsRefusedError(events, "the spool is full")
        except (OSError, sqlite3.Error) as error:
            raise EventsRefusedError(events, _why(error)) from error

    def take(self, limit: int, without: Sequence[str] = ()) -> list[Waiting]:
        """Return up to `limit` messages to send, oldest first, but none of the queues in `without`.

        Other processes do not get them until they are settled, or a minute later if this process dies.
        """
        if self.is_empty():
            return []
        while True:
            rows, unreadable = self._take(limit, without)
            if rows or not unreadable:
                return rows

    def _take(self, limit: int, without: Sequence[str]) -> tuple[list[Waiting], int]:
        """Return the messages among the oldest rows, and how many rows hold none: those are rejected."""
        now = time.time()
        taken, unreadable = [], []
        with self._file.writing() as database:
            free = "(taken IS NULL OR abs(? - taken) > ?)"  # a clock may have been set back
            others = " AND instr(message, ?) != 1" * len(without)
            query = f"SELECT id, message FROM waiting WHERE {free}{others} ORDER BY id LIMIT ?"
            starts = [json.dumps([name])[:-1] for name in without]  # an Outgoing begins with its queue
            for ticket, text in database.execute(query, (now, _TAKEN_SECONDS, *starts, limit)).fetchall():
                try:
                    taken.append(Waiting(ticket, Outgoing.from_json(text)))
                except (ValueError, TypeError) as error:  # of a newer release, or for another's queue
                    unreadable.append((f"not readable: {type(error).__name__}", ticket))
            database.executemany("UPDATE waiting SET taken = ? WHERE id = ?", [(now, entry.ticket) for entry in taken])
            database.executemany("INSERT INTO rejected SELECT since, ?, message FROM waiting WHERE id = ?", unreadable)
            database.executemany("DELETE FROM waiting WHERE id = ?", [(ticket,) for _reason, ticket in unreadable])
        if unreadable:
            facts = {"messages": len(unreadable), "reason": unreadable[0][0]}
            logger.error("Messages of the spool cannot be read; they are rejected", extra=facts)
        return taken, len(unreadable)

    def reject(self, messages: Sequence[Outgoing], reason: str) -> None:
        """Keep messages that nobody will ever take."""
        now = time.time()
        with self._file.writing() as database:
            rows = [(now, reason, message.to_json()) for message in messages]
            database.executemany("INSERT INTO rejected VALUES (?, ?, ?)", rows)

    def rejected(self) -> int:
        """Return how many messages there are that cannot be read, or that the broker never takes."""
        return int(self._value("SELECT count(*) FROM rejected") or 0)

    def retry_rejected(self) -> int:
        """Try once more to read what could not be read, by a newer release, say; return how many messages."""
        if not self.rejected():
            return 0
        with self._file.writing() as database:
            query = "INSERT INTO waiting (since, message) SELECT since, message FROM rejected ORDER BY since"
            retried = database.execute(query).rowcount
            database.execute("DELETE FROM rejected")
        return retried

    def purge_rejected(self, before: datetime) -> int:
        """Delete rejected messages that came before a moment; return how many."""
        if not self.rejected():
            return 0
        with self._file.writing() as database:
            return database.execute("DELETE FROM rejected WHERE since < ?", (before.timestamp(),)).rowcount

    def settle(self, waiting: Sequence[Waiting], sent: bool) -> None:
        """Delete taken messages that were sent, or make them free to be taken again."""
        query = "DELETE FROM waiting WHERE id = ?" if sent else "UPDATE waiting SET taken = NULL WHERE id = ?"
        with self._file.writing() as database:
            database.executemany(query, [(entry.ticket,) for entry in waiting])

    def note_refused(self, messages: Sequence[Outgoing]) -> None:
        """Count refused events; if the disk cannot be written, they are kept in memory for the next call."""
        day = datetime.now(timezone.utc).date().isoformat()
        self._uncounted.extend((day, message.queue) for message in messages for _event in range(message.events))
        counted: list[tuple[str, str]] = []
        try:
            with self._file.writing() as database:
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
        if not self._is_there():
            return []
        with self._file.opened() as database:
            rows = database.execute("SELECT day, queue, events FROM refused WHERE events != reported")
            return [Refusals(*row) for row in rows]

    def set_reported(self, refusals: Sequence[Refusals]) -> None:
        """Mark these numbers as reported, that is, stored in the search engine."""
        with self._file.writing() as database:
            query = "UPDATE refused SET reported = ? WHERE day = ? AND queue = ?"
            database.executemany(query, [(refusal.events, refusal.day, refusal.queue) for refusal in refusals])

    def name(self) -> str:
        """Return the unique name of the spool."""
        return str(self._value("SELECT name FROM spool"))

    @property
    def path(self) -> Path:
        """The file of the spool, for messages."""
        return self._file.path

    def files(self) -> list[Path]:
        """Return the files of all spools in the directory: usually one."""
        return sorted(self.path.parent.glob("spool*.sqlite"))

    def owner(self, path: Path) -> str | None:
        """Return the name of the instance that was the first to use a file; None if it is not known."""
        try:
            return read_owner(path)
        except sqlite3.Error:  # of another user, or no spool
            return None

    def exists(self) -> bool:
        """Return True if anything was ever stored here; cheap enough for every request."""
        return self.path.exists()

    def obstacle(self) -> Path | None:
        """Return the file or directory that keeps this user from writing to the spool; None if nothing does."""
        if not self._max_bytes:
            return None
        existing = next(path for path in (self.path, *self.path.parents) if path.exists())
        is_fit = existing == self.path or existing.is_dir()
        return None if is_fit and os.access(existing, os.W_OK) else existing

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

    def look(self, limit: int) -> list[str]:
        """Return the oldest messages as they are kept, waiting and rejected; at most `limit` of each."""
        if not self._is_there():
            return []
        with self._file.opened() as database:
            queries = (f"SELECT message FROM {table} LIMIT ?" for table in ("waiting", "rejected"))
            return [str(text) for query in queries for (text,) in database.execute(query, (limit,))]

    def _is_there(self) -> bool:
        """Return True if anything is kept, also in a file that was removed while it is open."""
        return self.exists() or self._file.is_open

    def _value(self, query: str) -> Any:
        """Return the single value of a query's result; None if there is no row or no spool."""
        if not self._is_there():
            return None
        with self._file.opened() as database:
            row = database.execute(query).fetchone()
            return row and row[0]

    def forget(self) -> None:
        """Begin anew in a process that was forked."""
        self._file.forget()
        self._uncounted = deque(maxlen=_MAX_UNCOUNTED_EVENTS)


def is_denied(error: BaseException) -> bool:
    """Return True if an error means that this user may not open the spool, which belongs to that of the web processes.

    An error of a connection is none: it has no file name.
    """
    if isinstance(error, sqlite3.OperationalError):
        return any(text in str(error) for text in ("readonly", "unable to open"))
    return isinstance(error, PermissionError) and error.filename is not None


def _why(error: Exception) -> str:
    """Return why the spool takes nothing; texts of SQLite may hold what was to be written."""
    if isinstance(error, SpoolVersionError):
        return str(error)
    return f"the spool cannot be written ({type(error).__name__})"


def _size(database: sqlite3.Connection) -> int:
    """Return the number of bytes in use in the file."""
    page, pages, free = (
        database.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_size", "page_count", "freelist_count")
    )
    return int(page * (pages - free))


def _forget(spool: "weakref.ref[Spool]") -> Callable[[], None]:
    def forget() -> None:
        if (existing := spool()) is not None:
            existing.forget()

    return forget
