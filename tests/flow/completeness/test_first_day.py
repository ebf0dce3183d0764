"""The first day is what it was when an aggregation was first counted, whatever becomes of the raw events."""

import pytest

from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.completeness.first_day import FirstDay
from invenio_stats.core.moments import parse


@pytest.fixture
def first_day(raw):
    return FirstDay(raw.client, "record-view-agg")


def test_nobody_knows_it_before_the_first_total(first_day, raw, aggregator):
    assert first_day.get() is None
    raw.put("2026-03-10", superseded=True)
    aggregator().run()
    assert first_day.get() is None


def test_it_is_the_day_of_the_oldest_total(first_day, raw, aggregator):
    raw.put("2026-03-12")
    raw.put("2026-03-10T23:00:00")
    aggregator().run()
    assert first_day.get() == parse("2026-03-10")


def test_a_later_run_and_deleted_events_do_not_move_it(first_day, raw, aggregator, clock):
    raw.put("2026-03-10")
    aggregator().run()
    raw.put("2026-02-01")
    clock.forward(hours=1)
    aggregator().run()
    raw.client.indices.delete(index=f"{raw.prefix}events-stats-record-view-2026-03")
    raw.put("2026-04-01")
    clock.forward(hours=1)
    aggregator().run()
    assert first_day.get() == parse("2026-03-10")


def test_it_is_the_first_complete_day_where_no_total_is_older(first_day, raw, aggregator):
    FirstCompleteDay(raw.client, "record-view").raise_to(parse("2026-03-08"))
    raw.put("2026-03-10")
    aggregator().run()
    assert first_day.get() == parse("2026-03-08")


def test_totals_of_an_older_release_may_be_older_than_the_first_complete_day(first_day, raw, aggregator):
    index = f"{raw.prefix}stats-record-view-2019-05"
    raw.client.index(index=index, body={"timestamp": "2019-05-03T00:00:00", "count": 4}, refresh=True)
    FirstCompleteDay(raw.client, "record-view").raise_to(parse("2026-03-08"))
    raw.put("2026-03-10")
    aggregator().run()
    assert first_day.get() == parse("2019-05-03")


def test_forgotten_it_is_found_again(first_day, raw, aggregator, clock):
    raw.put("2026-03-10")
    aggregator().run()
    first_day.forget()
    assert first_day.get() is None
    raw.put("2026-02-01")
    clock.forward(hours=1)
    aggregator().run()
    assert first_day.get() == parse("2026-02-01")
