"""The first complete day: where totals reach further back than the raw events do, those days are left alone."""

import pytest

from invenio_stats.aggregations import StatAggregator
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.definitions import AggregationDefinition
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.moments import parse
from invenio_stats.proxies import current_stats

NOW = parse("2026-04-01T12:00:00")


@pytest.fixture
def first_complete_day(raw, index_prefix):
    return FirstCompleteDay(raw.client, "record-view")


def find(first_complete_day, index_prefix, interval="day"):
    return first_complete_day.find(
        f"{index_prefix}events-stats-record-view", f"{index_prefix}stats-record-view", interval, NOW
    )


def test_nothing_is_too_old_on_a_fresh_instance(first_complete_day, index_prefix):
    assert first_complete_day.get() is None
    assert find(first_complete_day, index_prefix) == first_complete_day.get() == NOTHING_MISSING


def test_nothing_is_too_old_where_the_events_reach_as_far_back_as_the_totals(
    raw, aggregator, first_complete_day, index_prefix
):
    raw.put("2026-03-10", "recid_1")
    aggregator().run()
    assert find(first_complete_day, index_prefix) == NOTHING_MISSING


@pytest.fixture
def upgraded(raw, aggregator, index_prefix):
    """Totals of three days, of which the first has lost its events, before anybody has asked."""
    for day in ("2026-03-09", "2026-03-10", "2026-03-11"):
        raw.put(day)
    aggregator().run()
    client = raw.client
    client.delete_by_query(
        index=f"{index_prefix}events-stats-*",
        body={"query": {"range": {"timestamp": {"lt": "2026-03-10"}}}},
        refresh=True,
    )
    client.indices.refresh(index=f"{index_prefix}stats-record-view*")
    client.indices.delete(index=f"{index_prefix}stats-completeness")


def test_the_day_after_the_oldest_event_is_whole_where_totals_reach_further_back(
    upgraded, first_complete_day, index_prefix
):
    """The oldest event's own day may have lost some."""
    assert find(first_complete_day, index_prefix) == parse("2026-03-11")


def test_a_retracted_day_is_there(raw, aggregator, first_complete_day, index_prefix):
    """Its events do not count, but they are not gone."""
    ref = raw.put("2026-03-09")
    raw.put("2026-03-11")
    aggregator().run()
    raw.client.indices.delete(index=f"{index_prefix}stats-completeness")
    raw.change(ref, superseded=True)
    raw.client.indices.refresh(index=f"{index_prefix}*")
    assert find(first_complete_day, index_prefix) == NOTHING_MISSING


def test_it_is_today_where_all_events_are_gone(upgraded, raw, first_complete_day, index_prefix):
    raw.client.indices.delete(index=f"{index_prefix}events-stats-record-view-2026-03")
    assert find(first_complete_day, index_prefix) == parse("2026-04-01")


def test_it_only_rises(first_complete_day):
    first_complete_day.raise_to(parse("2026-03-10T12:00:00"))
    first_complete_day.raise_to(parse("2026-03-09"))
    assert first_complete_day.get() == parse("2026-03-10")


def test_totals_before_it_are_left_as_they_are(upgraded, raw, aggregator, counts, caplog):
    """A late event would make five of a hundred."""
    before = counts()
    assert aggregator().run() == [(0, 0)]  # of the one day that is whole
    raw.put("2026-03-09")
    raw.put("2026-03-10", "recid_2")
    raw.put("2026-03-11", "recid_2")
    assert aggregator().run() == [(1, 0)]
    assert counts() == {**before, "recid_2-2026-03-11": 1}
    assert "Intervals before the first complete day are not recounted" in caplog.text


def test_a_longer_interval_that_begins_before_it_is_left_as_it_is(raw, aggregator, first_complete_day, counts):
    raw.put("2026-03-09")
    raw.put("2026-04-02")
    first_complete_day.raise_to(parse("2026-03-02"))
    aggregator(interval="month").run()
    assert set(counts()) == {"recid_1-2026-04"}


def test_a_range_before_it_is_left_as_it_is(upgraded, raw, aggregator, counts):
    before = counts()
    aggregator().run()
    raw.put("2026-03-09")
    aggregator().run(start_date="2026-03-01", end_date="2026-03-31")
    assert counts() == before


def test_all_aggregations_of_an_event_type_have_one_day(raw, aggregator, first_complete_day, index_prefix, monkeypatch):
    """Whoever asks first, and wherever the others have their totals; else they would be judged to be all there."""

    class Elsewhere(StatAggregator):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.index = f"{index_prefix}stats-elsewhere"

    params = {"event": "record-view", "field": "unique_id", "fields": {"unique_id": {"type": "keyword"}}}
    elsewhere = AggregationDefinition("elsewhere-agg", None, Elsewhere, params)
    for day in ("2026-03-09", "2026-03-10", "2026-03-11"):
        raw.put(day)
    Elsewhere(name="elsewhere-agg", **params).run()
    raw.client.indices.delete(index=f"{index_prefix}stats-completeness")
    query = {"query": {"range": {"timestamp": {"lt": "2026-03-10"}}}}
    raw.client.delete_by_query(index=f"{index_prefix}events-stats-*", body=query, refresh=True)
    raw.client.indices.refresh(index=f"{index_prefix}stats-*")
    monkeypatch.setitem(current_stats.aggregations, "elsewhere-agg", elsewhere)
    assert find(first_complete_day, index_prefix) == parse("2026-03-11")


def test_a_month_that_begins_before_its_first_event_is_all_there(
    raw, aggregator, first_complete_day, index_prefix, monkeypatch
):
    """Also where an aggregation by day asks first."""
    params = {"event": "record-view", "field": "unique_id", "interval": "month"}
    monthly = AggregationDefinition("monthly-agg", None, StatAggregator, params)
    raw.put("2026-03-09")
    aggregator(name="monthly-agg", interval="month").run()
    raw.client.indices.delete(index=f"{index_prefix}stats-completeness")
    raw.client.indices.refresh(index=f"{index_prefix}stats-*")
    monkeypatch.setitem(current_stats.aggregations, "monthly-agg", monthly)
    assert find(first_complete_day, index_prefix) == NOTHING_MISSING
