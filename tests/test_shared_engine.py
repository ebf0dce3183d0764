"""Tests that run at the same time share a search engine: each touches the indices with its own prefix only."""

import re
from pathlib import Path

FOLDERS = ("compat", "flow", "services")
EVERYBODYS = re.compile(r"""\bindex=f?["']\*""")


def test_no_test_touches_the_indices_of_others():
    """`index="*stats-locks"` would delete those of another process."""
    paths = [path for folder in FOLDERS for path in (Path(__file__).parent / folder).rglob("*.py")]
    assert len(paths) > 100
    assert not [f"{path.name}: {line}" for path in paths for line in path.read_text().splitlines() if is_wide(line)]


def is_wide(line: str) -> bool:
    """Return True for a call to the engine without a prefix; `refresh(index="*")` of the fixtures adds one."""
    return bool(EVERYBODYS.search(line)) and "def refresh_indices" not in line and "`refresh(" not in line
