"""Open the spool's file for one thread at a time, and open it anew when somebody has removed it."""

import ctypes
import fcntl
import logging
import os
import sqlite3
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from invenio_stats.core.instances import file_tag, may_be_same
from invenio_stats.errors import SpoolVersionError

logger = logging.getLogger(__name__)

_VERSION = 2
"""Of the tables. Version 1 gave the number of a row that was sent to a later one."""
_LOCK_SECONDS = 0.3
"""Seconds that a request waits for others that write."""
_RETRY_SECONDS = 0.001
"""Seconds; SQLite itself waits longer the longer it has waited, so that who came last is served first."""

_BESIDE = ("-wal", "-shm", "-journal")
"""Ends of the names of the files that SQLite puts beside its own."""
_SETTINGS = (
    "auto_vacuum = FULL",  # the file shrinks as it empties
    "journal_mode = WAL",
    "synchronous = FULL",  # what was committed outlives a loss of power
    "secure_delete = ON",
)
_WAITING = "(id INTEGER PRIMARY KEY AUTOINCREMENT, since REAL, taken REAL, message TEXT)"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS spool (name TEXT NOT NULL)",
    f"CREATE TABLE IF NOT EXISTS waiting {_WAITING}",
    "CREATE TABLE IF NOT EXISTS rejected (since REAL, reason TEXT, message TEXT)",
    """CREATE TABLE IF NOT EXISTS refused (
        day TEXT, queue TEXT, events INTEGER, reported INTEGER DEFAULT 0, PRIMARY KEY (day, queue))""",
)
_FROM_VERSION_1 = (
    "ALTER TABLE waiting RENAME TO numbered",
    f"CREATE TABLE waiting {_WAITING}",
    "INSERT INTO waiting SELECT id, since, taken, message FROM numbered",
    "DROP TABLE numbered",
    "DELETE FROM sqlite_sequence WHERE name = 'waiting'",
)


class SpoolFile:
    """A connection to the file; `opened` and `writing` give it to one thread at a time."""

    def __init__(self, path: Path, instance: str = ""):
        """Name the file; it is made when it is first opened, and only its owner may read it.

        If it is the file of another instance, that with the tag of this one takes its place.
        """
        self._instance = instance
        self._own_path = path.with_stem(f"{path.stem}-{file_tag(instance)}") if instance else path
        self.path = self._own_path if self._own_path.exists() else path
        self._inherited: list[sqlite3.Connection | None] = []
        self._begin()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection; the file itself may be gone."""
        return self._database is not None

    def forget(self) -> None:
        """Begin anew in a process that was forked: neither connection nor lock are its own."""
        self._inherited.append(self._database)  # never closed here: it is the parent's
        self._begin()

    @contextmanager
    def opened(self, deadline: float | None = None) -> Iterator[sqlite3.Connection]:
        """Give the database to one thread at a time."""
        deadline = deadline or time.monotonic() + _LOCK_SECONDS
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise sqlite3.OperationalError("another thread has the database")
        try:
            self._ensure_current(deadline)
            assert self._database is not None
            yield self._database
        finally:
            self._lock.release()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the database for one transaction, which is undone on an error.

        What was written is in the file that others see, also if somebody has removed the file meanwhile.
        """
        deadline = time.monotonic() + _LOCK_SECONDS
        with self.opened(deadline) as database:
            _retry_while_locked(lambda: database.execute("BEGIN IMMEDIATE"), deadline)
            with _transaction(database):
                yield database
            self._ensure_current(deadline)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._inode = (0, 0)

    def _ensure_current(self, deadline: float) -> None:
        """Open the file; where another one, or none, is in its place, take along what is in the one that was open."""
        removed = self._database
        if removed is not None and _inode(self.path) == self._inode:
            return
        database = _retry_while_locked(self._open, deadline)
        inode = _inode(self.path)
        weakref.finalize(self, _close, database, os.getpid(), self.path, inode)
        if removed is not None:
            moved = _move(removed, database)
            logger.error("The spool was removed while it was in use", extra={"messages": moved})
            _keep_open(removed)
        self._database, self._inode = database, inode

    def _open(self) -> sqlite3.Connection:
        database = self._connect()
        if not self._instance:
            return database
        owner = _claim(database, self._instance)
        if may_be_same(owner, self._instance) or self.path == self._own_path:
            return database
        # The sender of that instance would count these events as its own, and this one its events.
        database.close()
        facts = {"owner": owner, "file": self._own_path.name}
        logger.warning("The spool belongs to another instance; this one uses a file of its own", extra=facts)
        self.path = self._own_path
        return self._open()

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _protect(self.path)
        inode = _inode(self.path)
        database = sqlite3.connect(
            self.path, timeout=_RETRY_SECONDS * 10, isolation_level=None, check_same_thread=False
        )
        try:
            for setting in _SETTINGS:
                database.execute(f"PRAGMA {setting}")
            if _version(database) != _VERSION:
                self._make_tables(database)
            if _inode(self.path) != inode:
                raise sqlite3.OperationalError("the file is locked: somebody has just removed it")
        except BaseException:
            database.close()
            raise
        return database

    def _make_tables(self, database: sqlite3.Connection) -> None:
        database.execute("BEGIN IMMEDIATE")
        with _transaction(database):
            version = _version(database)  # another process may have been faster
            if version > _VERSION:
                raise SpoolVersionError(str(self.path), version)
            for statement in _TABLES:
                database.execute(statement)
            if version == 1:
                for statement in _FROM_VERSION_1:
                    database.execute(statement)
            if version < _VERSION:
                name = uuid.uuid4().hex
                database.execute("INSERT INTO spool SELECT ? WHERE NOT EXISTS (SELECT 1 FROM spool)", (name,))
                # Also in a file that takes the place of a removed one no number is given twice.
                now = time.time_ns() // 1_000_000
                database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('waiting', ?)", (now,))
                database.execute(f"PRAGMA user_version = {_VERSION}")


def read_owner(path: Path) -> str | None:
    """Return the name of the instance to which a file belongs; None if nobody has left a name."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_LOCK_SECONDS)) as database:
        return _owner(database)


def _owner(database: sqlite3.Connection) -> str | None:
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'owner'").fetchone() is None:
        return None
    row = database.execute("SELECT instance FROM owner").fetchone()
    return row and str(row[0])


def _claim(database: sqlite3.Connection, instance: str) -> str:
    """Return the name of the instance to which the file belongs: this one, if it is the first."""
    if (owner := _owner(database)) is not None:
        return owner
    database.execute("BEGIN IMMEDIATE")
    with _transaction(database):
        database.execute("CREATE TABLE IF NOT EXISTS owner (instance TEXT NOT NULL)")
        database.execute("INSERT INTO owner SELECT ? WHERE NOT EXISTS (SELECT 1 FROM owner)", (instance,))
    return _owner(database) or instance


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Commit a transaction that has begun; undo it on an error."""
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


def _move(removed: sqlite3.Connection, database: sqlite3.Connection) -> int:
    """Move what a removed file holds, which nobody else can open any more; return how many messages.

    Others that have it open do the same: each message is deleted there once it is here, so that it is moved once.
    """
    moved = 0
    _retry_while_locked(lambda: removed.execute("BEGIN IMMEDIATE"), time.monotonic() + _LOCK_SECONDS)
    with _transaction(removed):
        database.execute("BEGIN IMMEDIATE")
        with _transaction(database):
            rows = removed.execute("SELECT since, message FROM waiting ORDER BY id").fetchall()
            database.executemany("INSERT INTO waiting (since, message) VALUES (?, ?)", rows)
            database.executemany("INSERT INTO rejected VALUES (?, ?, ?)", removed.execute("SELECT * FROM rejected"))
            query = "INSERT INTO refused (day, queue, events) VALUES (?, ?, ?)"
            query += " ON CONFLICT (day, queue) DO UPDATE SET events = events + excluded.events"
            unreported = "SELECT day, queue, events - reported FROM refused WHERE events != reported"
            database.executemany(query, removed.execute(unreported))
            moved = len(rows)
        for table in ("waiting", "rejected", "refused"):
            removed.execute(f"DELETE FROM {table}")
    return moved


def _protect(path: Path) -> None:
    """Make the file if it is missing; nobody but its owner may read it, or what SQLite puts beside it.

    A file that is there is not opened: to close it would take away the locks that this process has on it.
    """
    if not path.exists():
        _make(path)
    for suffix in ("", *_BESIDE):
        with suppress(FileNotFoundError, PermissionError):
            if os.stat(f"{path}{suffix}").st_mode & 0o077:
                os.chmod(f"{path}{suffix}", 0o600)


def _make(path: Path) -> None:
    """Make an empty file, unless another process is faster.

    What SQLite has put beside a file that was removed goes first, or SQLite takes it for a part of the new one. The
    folder is locked meanwhile, and named by its descriptor: it may be removed, too.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        os.stat(path.name, dir_fd=folder)
    except FileNotFoundError:
        for suffix in _BESIDE:
            with suppress(FileNotFoundError):
                os.unlink(f"{path.name}{suffix}", dir_fd=folder)
        os.close(os.open(path.name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, dir_fd=folder))
    finally:
        os.close(folder)


def _inode(path: Path) -> tuple[int, int]:
    """Return what tells a file from another one in the same place; (0, 0) if there is none."""
    try:
        there = os.stat(path)
    except OSError:
        return 0, 0
    return there.st_dev, there.st_ino


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _retry_while_locked(work: Callable[[], Any], deadline: float) -> Any:
    """Do what needs the file for itself, once nobody else has it."""
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(_RETRY_SECONDS)


def _close(database: sqlite3.Connection, pid: int, path: Path, inode: tuple[int, int]) -> None:
    if pid != os.getpid():
        return
    if _inode(path) == inode:
        database.close()
    else:
        _keep_open(database)


def _keep_open(database: sqlite3.Connection) -> None:
    """Never close the connection to a removed file, not even when the process ends.

    SQLite would then delete the write-ahead log by its name, which is that of the file that has taken its place.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(database))
