"""Put another list into the file of robots that all processes of the instance read."""

from collections.abc import Sequence
from typing import NamedTuple

from invenio_stats.privacy.user_agents.cache import listed_patterns, load_lists, robots_file_path
from invenio_stats.privacy.user_agents.lists.file import format_list
from invenio_stats.support.whole_files import whole_file


class FileChange(NamedTuple):
    """What becomes of the file."""

    patterns: Sequence[str]
    """Those that it will have."""
    added: list[str]
    removed: list[str]

    @property
    def is_change(self) -> bool:
        """True if it will have other patterns."""
        return bool(self.added or self.removed)


def compare_file(patterns: Sequence[str]) -> FileChange:
    """Return how a list differs from that of the file in force."""
    now, new = set(listed_patterns()), set(patterns)
    return FileChange(patterns, sorted(new - now), sorted(now - new))


def replace_file(patterns: Sequence[str]) -> None:
    """Put a list in the place of the file in force, whole or not at all; this process uses it at once.

    OSError if it cannot be written.
    """
    path = robots_file_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(format_list(patterns))
    load_lists()
