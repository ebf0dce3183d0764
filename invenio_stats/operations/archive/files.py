"""Files: documents as compressed JSON Lines, the same documents always as the same bytes."""

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

_IN_MEMORY = 20_000
"""Documents that are sorted at once; beyond that they are sorted on disk."""
_BLOCK = 1 << 20

Document = tuple[str, dict[str, Any]]
OnDone = Callable[[int], None]


class Progress(Protocol):
    """Shows how far it is: a bar, or nothing."""

    def begin(self, name: str, total: int | None = None) -> None:
        """Start on a thing that has so many parts."""

    def advance(self, parts: int = 1) -> None:
        """Note that so many more parts are done."""


class Written(NamedTuple):
    """What a file holds."""

    documents: int
    bytes: int
    sha256: str


def write(path: Path, documents: Iterable[Document], on_done: OnDone) -> Written:
    """Write documents in the order of their ids; the file is there when it is complete.

    It is for its owner's eyes only: raw events are personal data.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    count = 0
    with _sorted(path.parent, documents, on_done) as lines, _opened(part) as raw, _compressor(raw) as file:
        for line in lines:
            file.write(line)
            count += 1
    written = Written(count, part.stat().st_size, checksum(part))
    part.replace(path)
    return written


def read(path: Path) -> Iterator[Document]:
    """Yield the documents of a file; ArchiveError names the line that is none."""
    number = 0  # the line
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                number += 1
                document = json.loads(line)
                yield document["_id"], document["_source"]
    except (ValueError, KeyError, TypeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(f"{path.name}, line {number}: {type(error).__name__}. Export again.") from error


def checksum(path: Path, on_read: OnDone = lambda read: None) -> str:
    """Return the SHA-256 of a file; `on_read` is told how many more bytes were read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            on_read(len(block))
    return digest.hexdigest()


class _sorted:
    """The lines of documents, sorted: a line begins with the id."""

    def __init__(self, folder: Path, documents: Iterable[Document], on_done: OnDone):
        self._folder, self._documents, self._on_done = folder, documents, on_done
        self._stack = ExitStack()

    def __enter__(self) -> Iterator[bytes]:
        with self._stack:
            folder = Path(self._stack.enter_context(TemporaryDirectory(prefix=".sorting-", dir=self._folder)))
            runs = [
                self._run(folder / str(number), page) for number, page in enumerate(pages(self._lines(), _IN_MEMORY))
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
        if len(lines) < _IN_MEMORY:  # the last one may stay
            return lines
        with _opened(path) as file:
            file.writelines(lines)
        return self._stack.enter_context(path.open("rb"))


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _compressor(raw: IO[bytes]) -> gzip.GzipFile:
    # Without name and time, so that the same documents make the same bytes.
    return gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6)
