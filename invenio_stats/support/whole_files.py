"""Write files that are whole or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing; it gets its name when the block ends, and is removed if the block fails.

    Until then it has a hidden name of its own in the same directory; what was there before under the name stays.
    """
    file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115 - closed below
    part = Path(file.name)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o666 & ~_read_umask())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _read_umask() -> int:
    """Return the process's mask of permissions, which only setting it tells."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
