"""Name what is wrong with a COUNTER document."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that is wrong."""

    rule: str
    """A short name, for programs."""
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text} [{self.rule}]"
