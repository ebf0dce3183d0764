"""A total that fails does not stop the others, and every run tries it again."""

import pytest

from invenio_stats.core import quarantine
from invenio_stats.core.moments import parse
from invenio_stats.totals.execution import RunResult
from invenio_stats.totals.writing import Failure

pytestmark = pytest.mark.usefixtures("expect_logged_errors")


def fails(event, total):
    if total.unique_id == "recid_1":
        raise ZeroDivisionError
    return "ok"


def is_refused(event, total):
    return {"an": "object"} if total.unique_id == "recid_1" else "ok"


@pytest.fixture
def quarantined(search_client, index_prefix):
    """Return `quarantined()`: the totals that are quarantined."""

    def read():
        source = search_client.get(index=f"{index_prefix}stats-locks", id="record-view-agg")["_source"]
        return [
            (f"{quarantined_total.start:%Y-%m-%d}", quarantined_total.key, quarantined_total.error)
            for quarantined_total in quarantine.read_quarantined(source)
        ]

    return read


@pytest.mark.parametrize("value", [fails, is_refused])
def test_the_rest_goes_on_and_the_bookmark_moves(raw, aggregator, counts, quarantined, clock, value):
    raw.put("2026-03-12", "recid_1")
    raw.put("2026-03-12", "recid_2")
    own = aggregator(copy_fields={"pid_value": value})
    assert own.run() == [(1, 1)]
    assert set(counts()) == {"recid_2-2026-03-12"}
    assert own.bookmark_api.get_bookmark(refresh_time=0) == clock.now
    assert [quarantined_total[:2] for quarantined_total in quarantined()] == [("2026-03-12", "recid_1")]


def test_the_log_says_where_it_failed_and_nothing_of_the_event(raw, aggregator, caplog):
    def quotes(event, total):
        raise ValueError(f"no such thing: {event.visitor_id}")

    raw.put("2026-03-12", session="v4711")
    aggregator(copy_fields={"pid_value": quotes}).run()
    assert "Error building a total" in caplog.text
    assert "v4711" not in caplog.text


def test_it_is_tried_again_by_every_run_until_it_goes_well(raw, aggregator, counts, quarantined, clock):
    raw.put("2026-03-12", "recid_1")
    aggregator(copy_fields={"pid_value": fails}).run()
    for _ in range(2):
        clock.forward(days=1)
        assert aggregator(copy_fields={"pid_value": fails}).run() == [(0, 1)]
        assert quarantined() == [("2026-03-12", "recid_1", "ZeroDivisionError")]
    clock.forward(days=1)
    assert aggregator().run() == [(1, 0)]
    assert counts() == {"recid_1-2026-03-12": 1}
    assert quarantined() == []
    clock.forward(days=1)
    assert aggregator().run() == []


def test_a_run_over_another_range_leaves_it_quarantined(raw, aggregator, quarantined, clock):
    raw.put("2026-03-12", "recid_1")
    raw.put("2026-03-14", "recid_2")
    aggregator(copy_fields={"pid_value": fails}).run()
    clock.forward(days=1)
    aggregator().run(start_date="2026-03-14", end_date="2026-03-14")
    assert len(quarantined()) == 1
    aggregator().run(start_date="2026-03-12", end_date="2026-03-12")
    assert quarantined() == []


def test_where_very_many_fail_the_bookmark_stays(raw, aggregator, counts, quarantined, monkeypatch):
    """That is no bad total any more, but something that is wrong with all of them."""
    monkeypatch.setattr(quarantine, "MAX_QUARANTINED", 2)
    for number in range(3):
        raw.put(f"2026-03-1{number}", "recid_1")
    own = aggregator(copy_fields={"pid_value": fails})
    assert own.run() == [(0, 1)] * 3
    assert counts() == {}
    assert own.bookmark_api.get_bookmark() is None
    assert aggregator().run() == [(1, 0)] * 3
    assert quarantined() == []


def test_of_very_many_no_more_are_kept_than_are_needed_to_know():
    """A run in which everything fails holds no list of it; what it does not know of is done again."""
    start = parse("2026-03-10")
    result = RunResult()
    result.add_failures([Failure(start, str(number), "busy", "never") for number in range(1000)], start)
    assert result.failed[start] == 1000
    assert len(result.quarantined) == quarantine.MAX_QUARANTINED + 1
    assert result.unfinished == {start}
