"""Bring together what belongs to the same item, on disk: the engine would need far longer to sort a month by item."""

from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any
from zlib import crc32

from invenio_stats.support.json_codec import decode, encode

PARTITIONS = 100
"""Files over which items are spread: one at a time is read into memory."""


class Partitions:
    """Values by item, in temporary files that are gone when the process ends, however it ends."""

    def __init__(self) -> None:
        """Create empty files."""
        self._open = ExitStack()
        files = (TemporaryFile() for _ in range(PARTITIONS))  # noqa: SIM115 - the stack closes them
        self._files: list[IO[bytes]] = [self._open.enter_context(file) for file in files]

    def __enter__(self) -> "Partitions":
        """Return the partitions, whose files are open until the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete the files."""
        self._open.close()

    def add(self, item_id: str, value: Any) -> None:
        """Add a value, of JSON types, of an item."""
        self._files[crc32(item_id.encode()) % PARTITIONS].write(encode([item_id, value]) + b"\n")

    def read(self) -> Iterator[dict[str, list[Any]]]:
        """Yield for each partition its values by item; of two objects, an item is in the same one."""
        for file in self._files:
            file.seek(0)
            values: dict[str, list[Any]] = {}
            for line in file:
                item_id, value = decode(line)
                values.setdefault(item_id, []).append(value)
            yield dict(sorted(values.items()))
