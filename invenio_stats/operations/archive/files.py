"""Write and read documents as compressed JSON Lines; the same documents always give the same bytes."""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple, Protocol

from invenio_stats.errors import ArchiveError
from invenio_stats.search.scan import pages

SUFFIX = ".jsonl.gz"

_DOCUMENTS_IN_MEMORY = 20_000
"""Number of documents that are sorted in memory; more are sorted on disk in runs of this size."""
_BLOCK_BYTES = 1 << 20
_MAX_LINE_BYTES = 100 << 20
"""The search engine takes no larger request; a line that is cut there is not a document."""

Document = tuple[str, dict[str, Any]]
OnDone = Callable[[int], None]


class Progress(Protocol):
    """Shows progress, for example as a bar."""

    def begin(self, name: str, total: int | None = None) -> None:
        """Start to show the progress of a task with so many parts."""

    def advance(self, parts: int = 1) -> None:
        """Show that so many more parts are done."""


class Written(NamedTuple):
    """Number of documents, size and checksum of a file."""

    documents: int
    bytes: int
    sha256: str


def write(path: Path, documents: Iterable[Document], on_done: OnDone) -> Written:
    """Write documents in the order of their ids; the file gets its name only when it is complete.

    Only its owner can read it, because raw events are personal data.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    count = 0
    with _SortedLines(path.parent, documents, on_done) as lines, _open_private(part) as raw, _compressor(raw) as file:
        for line in lines:
            file.write(line)
            count += 1
    written = Written(count, part.stat().st_size, checksum(part))
    part.replace(path)
    return written


def read(path: Path) -> Iterator[Document]:
    """Yield the documents of a file; an ArchiveError names the line that is not a document."""
    number = 0  # of the line
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(_MAX_LINE_BYTES):
                number += 1
                document = json.loads(line)
                document_id, source = document["_id"], document["_source"]
                if not (isinstance(document_id, str) and isinstance(source, dict)):
                    raise TypeError
                yield document_id, source
    except (ValueError, KeyError, TypeError, RecursionError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(f"{path.name}, line {number}: {type(error).__name__}. Export again.") from error


def checksum(path: Path, on_read: OnDone = lambda read: None) -> str:
    """Return the SHA-256 of a file; `on_read` is called with the size of each block read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            on_read(len(block))
    return digest.hexdigest()


class _SortedLines:
    """Context manager that gives the lines of documents, sorted by id because each line begins with it."""

    def __init__(self, folder: Path, documents: Iterable[Document], on_done: OnDone):
        self._folder, self._documents, self._on_done = folder, documents, on_done
        self._stack = ExitStack()

    def __enter__(self) -> Iterator[bytes]:
        with self._stack:
            folder = Path(self._stack.enter_context(TemporaryDirectory(prefix=".sorting-", dir=self._folder)))
            runs = [
                self._run(folder / str(number), page)
                for number, page in enumerate(pages(self._lines(), _DOCUMENTS_IN_MEMORY))
            ]
            self._stack = self._stack.pop_all()
        return merge(*runs)

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _lines(self) -> Iterator[bytes]:
        for document_id, source in self._documents:
            fields = json.dumps(source, sort_keys=True, separators=(",", ":"))
            self._on_done(1)
            yield f'{{"_id":{json.dumps(document_id)},"_source":{fields}}}\n'.encode()

    def _run(self, path: Path, lines: list[bytes]) -> Iterable[bytes]:
        lines.sort()
        if len(lines) < _DOCUMENTS_IN_MEMORY:  # the last run, which fits in memory
            return lines
        with _open_private(path) as file:
            file.writelines(lines)
        return self._stack.enter_context(path.open("rb"))


def _open_private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _compressor(raw: IO[bytes]) -> gzip.GzipFile:
    # Without file name and time, so that the same documents give the same bytes.
    return gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6)
