"""The first complete day: where totals reach further back than the raw events do, those days are left alone."""

import pytest

from invenio_stats.core.moments import parse
from invenio_stats.first_day import ALL_THERE, FirstDay

NOW = parse("2026-04-01T12:00:00")


@pytest.fixture
def first_day(raw, index_prefix):
    return FirstDay(raw.client, "record-view")


def find(first_day, index_prefix, interval="day"):
    return first_day.find(f"{index_prefix}events-stats-record-view", f"{index_prefix}stats-record-view", interval, NOW)


def test_nothing_is_too_old_on_a_fresh_instance(first_day, index_prefix):
    assert first_day.get() is None
    assert find(first_day, index_prefix) == first_day.get() == ALL_THERE


def test_nothing_is_too_old_where_the_events_reach_as_far_back_as_the_totals(raw, aggregator, first_day, index_prefix):
    raw.put("2026-03-10", "recid_1")
    aggregator().run()
    assert find(first_day, index_prefix) == ALL_THERE
