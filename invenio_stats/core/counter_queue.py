"""Decide which large COUNTER reports have to be made, so that each is made once at a time.

Every state of a report ends by itself after a while: a worker or a queue that is gone blocks no report for ever.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from invenio_stats.core.moments import iso_zoned, parse

State = Literal["queued", "running", "made", "failed"]
Decision = Literal["start", "wait", "failed", "full"]

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


class Job(NamedTuple):
    """The job of one report."""

    state: State
    token: str
    """Of the one who has claimed it; a later one has another."""
    moment: datetime
    """When its state was last confirmed."""

    def is_alive(self, now: datetime) -> bool:
        """Return True if the state still holds; one that a wrong clock has set far in the future does not."""
        return abs(now - self.moment) < LIVES[self.state]


Jobs = dict[str, Job]
"""By name of the report's file."""


def read_jobs(source: Mapping[str, Any], now: datetime) -> Jobs:
    """Return those that are alive in the shared document."""
    found = {
        name: Job(entry["state"], entry["token"], parse(entry["moment"]))
        for name, entry in source.get("reports", {}).items()
    }
    return {name: job for name, job in found.items() if job.is_alive(now)}


def write_jobs(jobs: Jobs) -> dict[str, Any]:
    """Return the fields of the shared document."""
    return {
        "reports": {
            name: {"state": job.state, "token": job.token, "moment": iso_zoned(job.moment)}
            for name, job in jobs.items()
        }
    }


def decide(jobs: Jobs, name: str, now: datetime) -> Decision:
    """Return what to do for a report whose file is not there."""
    job = jobs.get(name)
    if job is not None and job.state in ("queued", "running"):
        return "wait"
    if job is not None and (job.state == "failed" or now - job.moment < _AT_ONCE):
        return "failed"  # a file that was just made is in a directory that this host does not share
    waiting = sum(job.state in ("queued", "running") for job in jobs.values())
    return "full" if waiting >= MAX_WAITING else "start"


def newest_made(jobs: Jobs) -> str | None:
    """Return the name of the last file that was made, which is never removed to have room for others; None without."""
    made = [(job.moment, name) for name, job in jobs.items() if job.state == "made"]
    return max(made)[1] if made else None
