"""Keep which large COUNTER reports are queued and made, in one document that all processes share."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.counter_queue import Decision, Job, Jobs, State, decide, read_jobs, write_jobs
from invenio_stats.search.indices import create_index
from invenio_stats.search.versions import SharedDocument, Source

_ID = "counter-reports:"
"""Id of the document; no aggregation has such a name."""
_BODY: mappings.Body = {"settings": mappings.INDEX_SETTINGS, "mappings": {"dynamic": False, "properties": {}}}
_MAX_ATTEMPTS = 20
_MAX_PAUSE_SECONDS = 0.05


def claim(client: Any, name: str, now: datetime) -> tuple[Decision, str]:
    """Return what to do for a report whose file is not there, and the token of whoever has to start it."""
    decisions: list[Decision] = []
    token = uuid4().hex

    def make(jobs: Jobs) -> bool:
        decisions.append(decide(jobs, name, now))
        if decisions[-1] != "start":
            return False
        jobs[name] = Job("queued", token, now)
        return True

    is_claimed = _change(client, now, make)
    return ("wait" if decisions[-1] == "start" and not is_claimed else decisions[-1]), token


def start(client: Any, name: str, token: str, now: datetime) -> bool:
    """Say that a report is being made with this token; False if that with another token is."""

    def make(jobs: Jobs) -> bool:
        job = jobs.get(name)
        if job is not None and job.token != token and job.state == "running":
            return False
        jobs[name] = Job("running", token, now)
        return True

    return _change(client, now, make)


def renew(client: Any, name: str, token: str, now: datetime) -> bool:
    """Give a sign of life; False if the report is another's by now."""
    return _set_own(client, name, token, "running", now)


def end(client: Any, name: str, token: str, state: State, now: datetime) -> None:
    """Say that the report was made, or failed; nothing if it is another's by now."""
    _set_own(client, name, token, state, now)


def withdraw(client: Any, name: str, token: str, now: datetime) -> None:
    """Forget a claim whose task could not be sent."""

    def make(jobs: Jobs) -> bool:
        return name in jobs and jobs[name].token == token and jobs.pop(name) is not None

    _change(client, now, make)


def fetch_jobs(client: Any, now: datetime) -> Jobs:
    """Return what is queued and made."""
    return read_jobs(_document(client).source, now)


def _set_own(client: Any, name: str, token: str, state: State, now: datetime) -> bool:
    def make(jobs: Jobs) -> bool:
        job = jobs.get(name)
        if job is not None and job.token != token:
            return False
        jobs[name] = Job(state, token, now)  # also if it was silent for long, and nobody took it
        return True

    return _change(client, now, make)


def _change(client: Any, now: datetime, make: Callable[[Jobs], bool]) -> bool:
    """Write what `make` changes; False if it changes nothing, or every attempt had a conflict."""
    changes: list[bool] = []

    def change(source: Source) -> Source | None:
        jobs = read_jobs(source, now)
        changes.append(make(jobs))
        return write_jobs(jobs) if changes[-1] else None

    return _document(client).change(change, _MAX_ATTEMPTS, _MAX_PAUSE_SECONDS) and changes[-1]


def _document(client: Any) -> SharedDocument:
    index = prefix_index(names.LOCKS)
    return SharedDocument(client, index, _ID, partial(create_index, client, index, _BODY))
