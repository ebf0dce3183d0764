"""Each large report is made once at a time, and nothing blocks it for ever."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.core.counter_queue import LIVES, MAX_WAITING, Job, decide, newest_made, read_jobs, write_jobs

NOW = datetime(2026, 8, 20, 12, tzinfo=timezone.utc)


def jobs(**states):
    """Return jobs whose state was confirmed so many seconds ago."""
    found = {name: Job(state, "t", NOW - timedelta(seconds=age)) for name, (state, age) in states.items()}
    return read_jobs(write_jobs(found), NOW)


@pytest.mark.parametrize(
    ("state", "age", "decision"),
    [
        ("queued", 0, "wait"),
        ("queued", 29 * 60, "wait"),
        ("queued", 30 * 60, "start"),
        ("running", 299, "wait"),
        ("running", 300, "start"),
        ("failed", 299, "failed"),
        ("failed", 300, "start"),
        ("made", 299, "failed"),
        ("made", 300, "start"),
        pytest.param("running", -86_400, "start", id="of a clock that was wrong"),
    ],
)
def test_what_to_do_without_a_file(state, age, decision):
    assert decide(jobs(report=(state, age)), "report", NOW) == decision


def test_what_nobody_makes_is_started():
    assert decide(jobs(other=("running", 0)), "report", NOW) == "start"


def test_too_many_that_wait_are_full():
    """Those that were made or failed do not count."""
    waiting = {f"r{number}": ("queued", 0) for number in range(MAX_WAITING)}
    assert decide(jobs(**waiting, made=("made", 0), failed=("failed", 0)), "report", NOW) == "full"
    del waiting["r0"]
    assert decide(jobs(**waiting, made=("made", 0), failed=("failed", 0)), "report", NOW) == "start"


def test_what_is_over_is_forgotten():
    """So the document does not grow."""
    assert jobs(**{state: (state, life.total_seconds()) for state, life in LIVES.items()}) == {}


def test_the_newest_file_that_was_made():
    assert newest_made(jobs(a=("made", 60), b=("made", 30), c=("running", 0))) == "b"
    assert newest_made(jobs(c=("running", 0))) is None
