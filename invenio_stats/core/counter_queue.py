"""Decide which large COUNTER reports have to be made, so that each is made once at a time.

Every state of a report ends by itself after a while: a worker or a queue that is gone blocks no report for ever.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from invenio_stats.core.moments import iso_zoned, parse

State = Literal["queued", "running", "made", "failed"]
Verdict = Literal["start", "wait", "failed", "full"]

FILE_LIFE = timedelta(hours=24)
"""For how long the file of a report is used."""

LIVES: Mapping[str, timedelta] = {
    "queued": timedelta(minutes=30),
    "running": timedelta(minutes=5),
    "made": FILE_LIFE,
    "failed": timedelta(minutes=5),
}
"""For how long a state holds: until a worker takes the report, after its last sign of life, as long as its file is
used, until a report that failed is tried again."""

_AT_ONCE = timedelta(minutes=5)
"""How long after a report was made nobody can have removed its file."""

MAX_WAITING = 50
"""Reports that are queued or made at the same time; the service is busy for any other."""


class Making(NamedTuple):
    """The making of one report."""

    state: State
    token: str
    """Of the one who has claimed it; a later one has another."""
    moment: datetime
    """When its state was last confirmed."""

    def is_alive(self, now: datetime) -> bool:
        """Return True if the state still holds."""
        return now - self.moment < LIVES[self.state]


Makings = dict[str, Making]
"""By name of the report's file."""


def read_makings(source: Mapping[str, Any], now: datetime) -> Makings:
    """Return those that are alive in the shared document."""
    found = {
        name: Making(entry["state"], entry["token"], parse(entry["moment"]))
        for name, entry in source.get("reports", {}).items()
    }
    return {name: making for name, making in found.items() if making.is_alive(now)}


def write_makings(makings: Makings) -> dict[str, Any]:
    """Return the fields of the shared document."""
    return {
        "reports": {
            name: {"state": making.state, "token": making.token, "moment": iso_zoned(making.moment)}
            for name, making in makings.items()
        }
    }


def judge(makings: Makings, name: str, now: datetime) -> Verdict:
    """Return what to do for a report whose file is not there."""
    making = makings.get(name)
    if making is not None and making.state in ("queued", "running"):
        return "wait"
    if making is not None and (making.state == "failed" or now - making.moment < _AT_ONCE):
        return "failed"  # a file that was just made is in a directory that this host does not share
    waiting = sum(making.state in ("queued", "running") for making in makings.values())
    return "full" if waiting >= MAX_WAITING else "start"


def newest_made(makings: Makings) -> str | None:
    """Return the name of the last file that was made, which is never removed to have room for others; None without."""
    made = [(making.moment, name) for name, making in makings.items() if making.state == "made"]
    return max(made)[1] if made else None
