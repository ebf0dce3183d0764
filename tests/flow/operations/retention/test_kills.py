"""A run that ends at any request: no total shrinks, nothing counts twice, and the next run finishes."""

from contextlib import suppress

import pytest
from invenio_search.engine import search

from invenio_stats.errors import StatsError
from tests.fixtures.months import Killed
from tests.flow.operations.retention.conftest import DEADLINE

pytestmark = pytest.mark.embedded

OLD, KEPT = ("2026-02-09", "2026-02-10"), ("2026-03-02",)
LATE = "2026-02-10"


@pytest.fixture
def counted(site):
    """Return the site with fewer events than elsewhere, since each request is tried."""
    for day in (*OLD, *KEPT):
        site.use(day)
    for _ in range(2):
        site.clock.forward(minutes=10)
        site.count()
    return site


@pytest.fixture
def snapshot(counted):
    """Return `snapshot()`: makes the site as it was when it had been counted."""
    client, prefix = counted.client, counted.prefix

    def read():
        counted.refresh()
        found = client.indices.get(index=f"{prefix}*", expand_wildcards="all")
        documents = {index: client.search(index=index, body={"size": 10_000})["hits"]["hits"] for index in found}
        return found, documents

    indices, documents = read()
    now = counted.clock.now

    def restore():
        counted.clock.now = now
        state = ("bookmarks", "completeness", "locks")
        gone = ",".join([f"{prefix}events-*", *(f"{prefix}stats-{name}" for name in state)])
        client.indices.delete(index=gone, ignore=[404])
        for index, about in indices.items():
            if client.indices.exists(index):
                continue
            client.indices.create(index=index, body={"aliases": about["aliases"], "mappings": about["mappings"]})
            for hit in documents[index]:
                client.index(index=index, id=hit["_id"], body=hit["_source"])
        counted.refresh()

    return restore


def end_at(site, requests_sent, number, **how):
    """Delete until a request; return whether it came to it."""
    requests_sent.cut(number, **how)
    with suppress(Killed, StatsError, search.exceptions.TransportError):
        site.expire()
    return requests_sent.mend()


@pytest.mark.parametrize(
    ("is_answer_lost", "error"),
    [
        pytest.param(False, None, id="killed before a request"),
        pytest.param(True, None, id="killed before an answer"),
        pytest.param(True, search.exceptions.ConnectionError("N/A", "gone", OSError("gone")), id="an answer is lost"),
    ],
)
def test_a_run_that_ends_anywhere_is_finished_by_the_next(counted, snapshot, requests_sent, is_answer_lost, error):
    before, number, states = counted.totals(), 0, set()
    while True:
        number += 1
        snapshot()
        if not end_at(counted, requests_sent, number, is_answer_lost=is_answer_lost, error=error):
            break
        left = counted.days("record-view"), counted.days("file-download")
        states.add(tuple(map(len, left)))
        # What is gone lies before the first complete day, so that nothing counts what is left.
        for event_type, days in zip(("record-view", "file-download"), left, strict=True):
            gone = set(OLD) - set(days)
            assert not gone or max(gone) < counted.first_complete_day(event_type), number
        counted.clock.forward(minutes=5)  # the leases of the run are over
        counted.count()
        assert counted.totals() == before, number
        counted.expire()
        assert counted.days("record-view") == counted.days("file-download") == list(KEPT), number
        assert counted.blocked() == [], number
        assert counted.first_complete_day() == counted.first_complete_day("file-download") == DEADLINE, number
        counted.count()
        assert counted.totals() == before, number
    assert number > 30
    assert len(states) > 2


def test_an_event_that_comes_while_a_run_is_at_work_is_counted_or_refused(counted, snapshot, requests_sent):
    """At whatever request: an event of which a total does not know is never deleted."""
    number, stored = 0, 0
    while True:
        number += 1
        snapshot()
        came = []

        def come(number=number, came=came):
            if requests_sent.number == number:
                document = {
                    "timestamp": f"{LATE}T11:00:00",
                    "unique_id": "late",
                    "item_id": "i9",
                    "parent_id": "p9",
                    "unique_session_id": "s9",
                    "is_robot": False,
                    "is_machine": False,
                    "updated_timestamp": counted.clock.now.isoformat(),
                }
                index = f"{counted.prefix}events-stats-record-view-{LATE}"
                with suppress(search.exceptions.AuthorizationException, search.exceptions.NotFoundError):
                    if counted.client.indices.exists(index):  # else the worker asks for the first complete day
                        counted.client.index(index=index, id="late", body=document)
                        came.append(index)

        requests_sent.number, requests_sent.before = 0, come
        counted.expire()
        requests_sent.before = None
        if number > requests_sent.number:
            break
        counted.clock.forward(minutes=5)
        counted.count()
        if came:
            stored += 1
            assert counted.totals()["stats-record-view", f"late-{LATE}"]["count"] == 1, number
    assert number > 30
    assert stored > 10
