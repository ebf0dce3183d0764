"""The first day is what it was when an aggregation was first counted, whatever becomes of the raw events."""

import pytest

from invenio_stats.aggregations import UsageBreakdownAggregator
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.completeness.first_day import FirstDay
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.core.moments import parse


@pytest.fixture(scope="module")
def aggregations_config(aggregations_config):
    return {**aggregations_config, **USAGE_AGGREGATIONS}


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


@pytest.fixture
def count_usage(usage, usage_aggregator, clock):
    """Return a function that counts the usage of items and its breakdowns, and returns the first days of both."""

    def run():
        clock.forward(hours=1)
        for name in ("item-usage-agg", "record-usage-agg"):
            usage_aggregator(name).run()
        usage_aggregator("usage-breakdown-agg", UsageBreakdownAggregator).run()
        return [FirstDay(usage.client, name).get() for name in ("item-usage-agg", "usage-breakdown-agg")]

    return run


def test_that_of_usage_is_what_its_first_complete_day_was(usage, count_usage):
    """The latest of the types': there are numbers from it on, though nothing happened on it."""
    usage.view(day="2026-03-02")
    usage.view(day="2026-03-15")
    FirstCompleteDay(usage.client, "record-view").raise_to(parse("2026-03-05"))
    FirstCompleteDay(usage.client, "file-download").raise_to(parse("2026-03-11"))
    assert count_usage() == [parse("2026-03-11")] * 2


def test_that_of_usage_is_its_oldest_total_if_nothing_is_missing(usage, count_usage):
    """Before the first event of either type there was nothing to count."""
    usage.view(day="2026-03-05")
    usage.download(day="2026-03-11")
    assert count_usage() == [parse("2026-03-05")] * 2


def test_retention_does_not_move_that_of_usage(usage, count_usage, search_client):
    """The first complete day rises, the first day stays: the numbers before are still there."""
    usage.view(day="2026-02-10")
    usage.view(day="2026-03-10")
    assert count_usage() == [parse("2026-02-10")] * 2
    search_client.indices.delete(index=f"{usage.prefix}events-stats-record-view-2026-02")
    usage.view(day="2026-03-11")
    assert count_usage() == [parse("2026-02-10")] * 2
    assert FirstCompleteDay(search_client, "record-view").get() == parse("2026-03-11")


def test_retention_between_a_failed_run_and_the_next_does_not_move_that_of_usage(
    usage, usage_aggregator, count_usage, search_client
):
    """The failed run has counted, and has not moved its bookmark."""
    usage.view(day="2026-02-10")
    usage.view(day="2026-03-10")
    usage_aggregator().run(update_bookmark=False)
    search_client.indices.delete(index=f"{usage.prefix}events-stats-record-view-2026-02")
    assert count_usage()[0] == parse("2026-02-10")
