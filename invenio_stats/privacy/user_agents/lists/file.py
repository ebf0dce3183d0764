"""Read the operator's file of robots: a list as COUNTER publishes it, or one pattern on each line.

COUNTER's list is JSON: `[{"pattern": "..."}, ...]`; other keys are ignored.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from invenio_stats.errors import ConfigurationError
from invenio_stats.privacy.user_agents.lists.operator import compile_pattern

MAX_BYTES = 1_048_576
SECONDS_BETWEEN_CHECKS = 60.0
"""How often the file is looked at: a new one is in use after a minute."""

_COMMENT = "#"
"""Begins a line of a plain list that is no pattern."""

_CURE = 'Write a list as COUNTER publishes it, [{"pattern": "..."}, ...], or one pattern on each line.'


def read_file(path: Path) -> tuple[str, ...]:
    """Return the patterns of a file; a ConfigurationError names file, line or entry, value and cure.

    OSError if it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{path} has more than {MAX_BYTES} bytes. Is it a list of robots?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}, line {line} is not UTF-8. Save the file in that encoding.") from error
    patterns = tuple(compile_pattern(location, pattern).pattern for location, pattern in _entries(path, text))
    if not patterns:
        raise ConfigurationError(f"{path} has no pattern. To use none, delete the file.")
    return patterns


def format_list(patterns: Iterable[str]) -> bytes:
    """Return the content of a file with these patterns, as `read_file` reads it."""
    lines = (json.dumps({"pattern": pattern}, ensure_ascii=False) for pattern in patterns)
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def _entries(path: Path, text: str) -> Iterator[tuple[str, object]]:
    """Yield what should be a pattern, with its location."""
    is_named_so = path.suffix.lower() == ".json"
    if not is_named_so and not text.lstrip().startswith("["):
        yield from _lines(path, text)
        return
    try:
        entries = json.loads(text)
    except RecursionError:
        raise ConfigurationError(f"{path} is nested too deeply. {_CURE}") from None
    except json.JSONDecodeError as error:
        if not is_named_so:  # the first pattern of a plain list may begin with a bracket
            yield from _lines(path, text)
            return
        raise ConfigurationError(
            f"{path}, line {error.lineno} is not JSON ({error.msg} at column {error.colno}). {_CURE}"
        ) from error
    if not isinstance(entries, list):
        raise ConfigurationError(f"{path} is a JSON {type(entries).__name__}. {_CURE}")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or "pattern" not in entry:
            raise ConfigurationError(f"{path}, entry {number} is {_shorten(entry)}. {_CURE}")
        yield f"{path}, entry {number}", entry["pattern"]


def _lines(path: Path, text: str) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.splitlines(), 1):
        pattern = line.strip()
        if pattern and not pattern.startswith(_COMMENT):
            yield f"{path}, line {number}", pattern


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


class RobotsFile:
    """The file in force, as one process has read it last; without a file there are no patterns."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic):
        """Read the file; a ConfigurationError names what is wrong with it."""
        self.path = path
        self._clock = clock
        self._next_check = clock() + SECONDS_BETWEEN_CHECKS
        try:
            self._version = self._version_on_disk()
            self.patterns = () if self._version is None else read_file(path)
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be read ({error.strerror or type(error).__name__}). Let the processes of this instance "
                "read it, or set STATS_ROBOTS_FILE to another file."
            ) from error

    def is_replaced(self) -> bool:
        """Return True, once, if there is another file by now, or none any more; looks at most once a minute."""
        if self._clock() < self._next_check:
            return False
        self._next_check = self._clock() + SECONDS_BETWEEN_CHECKS
        try:
            version = self._version_on_disk()
        except OSError:  # a directory that is away for a moment
            return False
        is_replaced, self._version = version != self._version, version
        return is_replaced

    def _version_on_disk(self) -> tuple[int, int, int] | None:
        """Return inode, time of the last change and size; None if there is no file."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
