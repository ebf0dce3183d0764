"""Spool: sealed messages that wait on the local disk while the broker is away.

Kept in SQLite through litequeue: several processes and threads may use it, and it survives their death.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from litequeue import LiteQueue

from invenio_stats.broker.messages import Outgoing
from invenio_stats.errors import EventsRefusedError

_BUSY_SECONDS = 0.3
"""How long a request waits for another that writes."""
_LOST_AFTER = 60
"""Seconds after which what somebody took and never settled is anybody's again: it died."""
_PER_MESSAGE = 256
"""Bytes that a message takes beside its text."""


class Waiting(NamedTuple):
    """A message of the spool that is being sent."""

    ticket: str
    message: Outgoing


class Spool:
    """The messages that the broker has not got yet."""

    def __init__(self, folder: str, max_bytes: int):
        """Use a folder, which is made when it is needed; 0 bytes switch the spool off."""
        self._path = Path(folder) / "spool.sqlite"
        self._refused = Path(folder) / "refused"
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._queue: LiteQueue | None = None
        self._pid = 0

    def put(self, messages: Sequence[Outgoing]) -> None:
        """Keep messages, all or none; EventsRefusedError when there is no room for them, or no disk."""
        texts = [message.to_json() for message in messages]
        try:
            with self._opened() as queue:
                room = self._max_bytes - self._used(queue)
                if sum(len(text) + _PER_MESSAGE for text in texts) > room:
                    raise EventsRefusedError(len(texts), "the spool is full")
                with queue.transaction(mode="IMMEDIATE"):
                    for text in texts:
                        queue.put(text)
        except (OSError, sqlite3.Error) as error:
            raise EventsRefusedError(len(texts), f"the spool cannot be written ({type(error).__name__})") from error

    def take(self, most: int) -> list[Waiting]:
        """Return messages to send, oldest first; nobody else gets them unless this process dies."""
        if not self.exists():
            return []
        with self._opened() as queue:
            for lost in list(queue.list_locked(_LOST_AFTER)):
                queue.retry(lost.message_id)
            taken = []
            while len(taken) < most and (one := queue.pop()) is not None:
                taken.append(Waiting(one.message_id, Outgoing.from_json(one.data)))
            return taken

    def settle(self, waiting: Sequence[Waiting], sent: bool) -> None:
        """Forget messages that the broker has confirmed, or make them anybody's again."""
        with self._opened() as queue:
            with queue.transaction(mode="IMMEDIATE"):
                for one in waiting:
                    (queue.done if sent else queue.retry)(one.ticket)
            queue.prune()

    def note_refused(self, count: int) -> None:
        """Keep how many events nobody could take; where the disk takes nothing, only the log says it."""
        with suppress(OSError):
            self._refused.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(self._refused, "a") as file:
                file.write(f"{count}\n")

    def refused(self) -> int:
        """Return how many events were refused on this machine, ever."""
        try:
            return sum(int(line) for line in self._refused.read_text().split())
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def exists(self) -> bool:
        """Say whether anything was ever kept here: cheap, for every request."""
        return self._path.exists()

    def count(self) -> int:
        """Return how many messages wait."""
        if not self.exists():
            return 0
        with self._opened() as queue:
            return int(queue.qsize())

    def oldest(self) -> datetime | None:
        """Return since when the message that waits longest has been here."""
        if not self.exists():
            return None
        with self._opened() as queue:
            first = queue.peek()
            return None if first is None else datetime.fromtimestamp(first.in_time / 1e9, tz=timezone.utc)

    @contextmanager
    def _opened(self) -> Iterator[LiteQueue]:
        """Give the database to one thread at a time, opened anew in each process."""
        with self._lock:
            if self._queue is None or self._pid != os.getpid():
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._queue, self._pid = LiteQueue(str(self._path), timeout=_BUSY_SECONDS), os.getpid()
            yield self._queue

    @staticmethod
    def _used(queue: LiteQueue) -> int:
        """Return how many bytes of the file hold messages."""
        page, pages, free = (
            queue.conn.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_size", "page_count", "freelist_count")
        )
        return int(page * (pages - free))
