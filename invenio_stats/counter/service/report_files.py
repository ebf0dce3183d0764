"""Keep large COUNTER reports as files, in a directory that web and worker processes share.

A file is whole or absent: it is written under another name first. Its name says of which months' state it was made, so
that a restatement or newer metadata leaves it aside.
"""

import gzip
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, cast

from flask import current_app

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_months import Month
from invenio_stats.core.counter_queue import FILE_LIFE
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.errors import StatsError
from invenio_stats.queries.states import digest, release
from invenio_stats.support.whole_files import whole_file

FOLDER = "stats-counter"
"""Name of the directory within the instance's, if STATS_COUNTER_DIR is not set."""
_PREFIX = "counter-"
_PART_LIFE = timedelta(hours=1)
"""After which a file that nobody writes any more is removed."""
_COMPRESSED = ("json", "tsv")
"""Formats that are kept gzip'ed; XLSX is compressed by itself."""


class NoRoomError(StatsError):
    """A report is larger than all that the directory of reports may hold."""

    def __init__(self) -> None:
        """Name the setting."""
        super().__init__("The report is larger than STATS_COUNTER_DIR_MAX_MB. Raise it, or ask for fewer months.")


def report_directory() -> Path:
    """Return the directory of large reports."""
    return Path(current_app.instance_path, current_app.config["STATS_COUNTER_DIR"] or FOLDER)


def file_name(
    request: ReportRequest,
    exceptions: Iterable[CounterException],
    media: str,
    months: Mapping[str, Month],
    newest_metadata: datetime | None,
) -> str:
    """Return the name of a report's file; it is another one after each restatement and each change of metadata."""
    what = digest(request.as_dict(), list(exceptions))
    state = digest(
        release(),
        [(month.month, month.revision, month.changed) for month in months.values()],
        newest_metadata,
        [current_app.config[f"STATS_COUNTER_{name}"] for name in ("PLATFORM", "PLATFORM_ID", "CREATED_BY")],
        current_app.config["STATS_COUNTER_REGISTRY_RECORD"],
        current_app.config["STATS_COUNTER_CUSTOMERS"],
    )
    suffix = f"{media}.gz" if is_compressed(media) else media
    return f"{_PREFIX}{request.report_id.lower()}-{what}-{state}.{suffix}"


def is_compressed(media: str) -> bool:
    """Return True if the files of a format (json, tsv, xlsx) are gzip'ed."""
    return media in _COMPRESSED


def open_file(name: str, now: datetime) -> IO[bytes] | None:
    """Return a report's file, opened; None if it is not there or older than a day."""
    path = report_directory() / name
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    if _age(os.fstat(file.fileno()).st_mtime, now) < FILE_LIFE:
        return file
    file.close()
    return None


@contextmanager
def new_file(name: str, now: datetime) -> Iterator[IO[bytes]]:
    """Give the file to write a report to; it has its name when the block ends, and is removed if the block fails.

    Old files are removed, as many as it takes to keep within STATS_COUNTER_DIR_MAX_MB; NoRoomError if the file alone
    is larger.
    """
    directory = report_directory()
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    limit = int(float(current_app.config["STATS_COUNTER_DIR_MAX_MB"]) * 1024 * 1024)
    with whole_file(directory / name) as file:
        bounded = cast(IO[bytes], _BoundedFile(file, limit))
        if is_compressed(name.removesuffix(".gz").rpartition(".")[2]):
            with gzip.GzipFile(filename="", fileobj=bounded, mode="wb", compresslevel=6) as stream:
                yield cast(IO[bytes], stream)
        else:
            yield bounded
        remove_old_files(now, limit - file.seek(0, os.SEEK_END))


def remove_old_files(now: datetime, room: int | None = None) -> int:
    """Remove reports older than a day, what killed workers left, and the oldest beyond `room` bytes.

    Returns the number of files.
    """
    kept = []
    removed = 0
    for path in _own_files():
        with suppress(FileNotFoundError):  # another process removes them, too
            facts = path.stat()
            is_part = path.name.startswith(".")
            if _age(facts.st_mtime, now) >= (_PART_LIFE if is_part else FILE_LIFE):
                path.unlink()
                removed += 1
            elif not is_part:
                kept.append((facts.st_mtime, facts.st_size, path))
    for _modified, size, path in sorted(kept, reverse=True) if room is not None else ():
        room = room - size  # type: ignore[operator]
        if room < 0:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _own_files() -> list[Path]:
    """Return the files of reports, and what is written at the moment, whose name begins with a dot."""
    directory = report_directory()
    if not directory.is_dir():
        return []
    return [path for path in directory.iterdir() if path.name.startswith((_PREFIX, f".{_PREFIX}"))]


def _age(modified: float, now: datetime) -> timedelta:
    """Return how old a file is; the distance counts, for clocks that were wrong when it was written."""
    return timedelta(seconds=abs(now.timestamp() - modified))


class _BoundedFile:
    """A file that takes a number of bytes only."""

    def __init__(self, file: IO[bytes], limit: int):
        self._file, self._left = file, limit

    def write(self, data: Any) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise NoRoomError
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        """Return what the file has: `flush`, `tell`, `seek`."""
        return getattr(self._file, name)
