"""Searches pass over closed indices, so no interval that may have events there is counted."""

import pytest

from invenio_stats.core.moments import parse
from invenio_stats.errors import ClosedIndexError
from invenio_stats.operations.verification.rebuild import begin
from invenio_stats.operations.verification.verify import prepare

CLOSED = "events-stats-record-view-2026-03-10"


@pytest.fixture
def closed(raw, aggregator):
    raw.put("2026-03-10", index=CLOSED)
    raw.put("2026-03-11", index="events-stats-record-view-2026-03-11")
    for interval in ("day", "month"):
        aggregator(name=interval, interval=interval).run()
    raw.client.indices.close(index=f"{raw.prefix}{CLOSED}")
    yield
    raw.client.indices.open(index=f"{raw.prefix}{CLOSED}")


@pytest.mark.parametrize("interval", ["day", "month"])
def test_nothing_is_rebuilt(closed, aggregator, interval):
    with pytest.raises(ClosedIndexError, match=CLOSED):
        begin(aggregator(name=interval, interval=interval), parse("2026-03-01"), parse("2026-03-31"))


def test_other_days_are_compared(closed, raw, aggregator, search_client, index_prefix):
    """And those that the closed index may have are not, although their totals are there."""
    search_client.delete(index=f"{index_prefix}stats-record-view-2026-03", id="recid_1-2026-03-11", refresh=True)
    verification = prepare(aggregator(name="day"))
    assert [difference.kind for difference in verification.differences()] == ["missing"]
    assert parse("2026-03-10") not in verification.starts
    assert verification.skipped == [("closed", None, [parse("2026-03-10")])]
    assert verification.closed == [f"{raw.prefix}{CLOSED}"]


def test_a_month_whose_events_are_in_several_indices_is_not_compared(closed, raw, aggregator):
    verification = prepare(aggregator(name="month", interval="month"))
    assert (verification.comparison, list(verification.differences())) == (None, [])
    assert verification.closed == [f"{raw.prefix}{CLOSED}"]


def test_an_index_whose_name_does_not_tell_its_days_may_have_any(closed, raw, aggregator, search_client):
    index = f"{raw.prefix}of-an-archive"
    search_client.indices.create(index=index, body={"aliases": {f"{raw.prefix}events-stats-record-view": {}}})
    search_client.indices.close(index=index)
    assert prepare(aggregator(name="day")).comparison is None


def test_days_whose_totals_are_in_a_closed_index_are_not_compared(raw, aggregator, search_client, index_prefix):
    for day in ("2026-02-10", "2026-03-10"):
        raw.put(day)
    aggregator().run()
    index = f"{index_prefix}stats-record-view-2026-02"
    search_client.indices.close(index=index)
    verification = prepare(aggregator())
    assert (list(verification.differences()), verification.totals) == ([], 1)
    assert verification.skipped == [("closed", None, [parse("2026-02-10")])]
    with pytest.raises(ClosedIndexError, match=index):
        begin(aggregator(), parse("2026-02-01"), parse("2026-03-31"))


def test_days_go_on_and_months_wait(closed, raw, aggregator, counts):
    raw.put("2026-03-11", index="events-stats-record-view-2026-03-11")
    with pytest.raises(ClosedIndexError):
        aggregator(name="month", interval="month").run()
    aggregator(name="day").run()
    assert counts() == {"recid_1-2026-03": 2, "recid_1-2026-03-10": 1, "recid_1-2026-03-11": 2}
    raw.client.indices.open(index=f"{raw.prefix}{CLOSED}")
    aggregator(name="month", interval="month").run()
    assert counts()["recid_1-2026-03"] == 3
