"""What a check of the doctor finds."""

from typing import Literal, NamedTuple

Level = Literal["ok", "warning", "error"]


class Finding(NamedTuple):
    """What one check found."""

    check: str
    level: Level
    message: str
    cure: str = ""
