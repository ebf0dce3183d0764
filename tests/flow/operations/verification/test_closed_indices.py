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
def test_nothing_is_compared_or_rebuilt(closed, aggregator, interval):
    own = aggregator(name=interval, interval=interval)
    with pytest.raises(ClosedIndexError, match=CLOSED):
        prepare(own)
    with pytest.raises(ClosedIndexError, match=CLOSED):
        begin(own, parse("2026-03-01"), parse("2026-03-31"))


def test_days_go_on_and_months_wait(closed, raw, aggregator, counts):
    raw.put("2026-03-11", index="events-stats-record-view-2026-03-11")
    with pytest.raises(ClosedIndexError):
        aggregator(name="month", interval="month").run()
    aggregator(name="day").run()
    assert counts() == {"recid_1-2026-03": 2, "recid_1-2026-03-10": 1, "recid_1-2026-03-11": 2}
    raw.client.indices.open(index=f"{raw.prefix}{CLOSED}")
    aggregator(name="month", interval="month").run()
    assert counts()["recid_1-2026-03"] == 3
