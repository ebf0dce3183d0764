"""Compaction that ends between any two requests: nothing is lost or counted twice, and the next run completes it."""

from contextlib import suppress

import pytest
from invenio_search.engine import search

from invenio_stats.errors import EngineUnavailableError
from tests.fixtures.months import NOW, Killed, Month, later

MOMENTS = [
    pytest.param(False, id="before the request"),
    pytest.param(True, id="before the answer"),
]


@pytest.fixture
def make_month(search_client, put_templates, index_prefix):
    """Return a function that makes the month anew."""

    def make():
        search_client.indices.delete(index=f"{index_prefix}events-*", ignore=[404])
        month = Month(search_client, index_prefix)
        for day, document_id in ((1, "a"), (1, "b"), (3, "c")):
            month.write(day, document_id)
        return month

    return make


def write_late(month, now):
    """Write two late events as an indexer does; return those that are stored."""
    stored = []
    for day in (1, 2):
        try:
            month.write(day, f"late-{day}", now=now)
        except (EngineUnavailableError, search.exceptions.ConflictError):  # not now, or it is there
            continue
        except search.exceptions.AuthorizationException:  # a write block
            continue
        stored.append(f"late-{day}")
    return stored


def end_at(month, requests_sent, number, **how):
    """Compact until a request; return whether it came to it."""
    requests_sent.cut(number, **how)
    with suppress(Killed, search.exceptions.ConnectionError):
        month.compact()
    return requests_sent.mend()


@pytest.mark.parametrize("is_answer_lost", MOMENTS)
def test_a_run_that_is_killed_anywhere_is_completed_by_the_next(make_month, requests_sent, is_answer_lost):
    number = 0
    while True:
        number += 1
        month = make_month()
        if not end_at(month, requests_sent, number, is_answer_lost=is_answer_lost):
            break
        assert month.found() == [3, 3], number
        stored = write_late(month, NOW)
        assert month.found() == [3 + len(stored)] * 2, number
        month.compact(now=later(minutes=1))
        assert month.documents().keys() == {"a", "b", "c", *stored}, number
        month.compact(now=later(minutes=2))
        assert [index.partition(".")[0] for index in month.indices()] == ["2026-01"], number
        assert month.found() == [3 + len(stored)] * 2, number
        write_late(month, later(minutes=3))
        assert month.found() == [5, 5], number
    assert number > 20


@pytest.mark.parametrize("is_answer_lost", MOMENTS)
def test_a_request_that_fails_anywhere_leaves_days_that_can_be_written_to(make_month, requests_sent, is_answer_lost):
    """Unless it is the last one, the swap: then the days wait for the next run."""
    error = search.exceptions.ConnectionError("N/A", "gone", OSError("gone"))
    number, waiting = 0, []
    while True:
        number += 1
        month = make_month()
        if not end_at(month, requests_sent, number, is_answer_lost=is_answer_lost, error=error):
            break
        stored = write_late(month, NOW)
        if len(stored) < 2:
            waiting.append(number)
        assert month.found() == [3 + len(stored)] * 2, number
        month.compact(now=later(minutes=1))
        month.compact(now=later(minutes=2))
        assert len(month.indices()) == 1, number
        assert month.found() == [3 + len(stored)] * 2, number
    assert number > 20
    assert len(waiting) <= 5
