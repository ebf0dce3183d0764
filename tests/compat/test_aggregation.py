"""Contract, aggregation: what a run does, and what a total holds."""

from datetime import datetime, timedelta, timezone
from unittest.mock import Mock

import pytest

from invenio_stats.aggregations import filter_robots

from .samples import BROWSER, MACHINE, ROBOT, download, naive, on

TOTALS = "stats-file-download"


def test_a_total_has_its_fields(store_events, aggregate, sources):
    store_events(download(on(3, 9)), download(on(3, 9, 10)), download(on(3, 11), user_id="100"))
    assert aggregate() == [(1, 0)]
    (total,) = sources(TOTALS)
    assert datetime.fromisoformat(total.pop("updated_timestamp")).utcoffset() == timedelta(0)
    assert total == {
        "timestamp": naive(on(3, 0)),
        "unique_id": "B1_F1",
        "count": 3,
        "unique_count": 2,
        "volume": 27.0,
        "file_key": "paper.pdf",
        "bucket_id": "B1",
        "file_id": "F1",
    }


def test_copies_come_from_the_newest_event(store_events, aggregator, sources):
    """A field by its name, or a function of the event and of the total so far."""
    store_events(download(on(3, 15), file_key="new.pdf"), download(on(3, 9), file_key="old.pdf"))
    copies = {
        "file_key": "file_key",
        "by_attribute": lambda doc, aggregation_data: doc.file_key.upper(),
        "by_key": lambda doc, aggregation_data: f"{doc['file_id']}: {aggregation_data['count']}",
    }
    aggregator(copy_fields=copies).run()
    (total,) = sources(TOTALS)
    assert (total["file_key"], total["by_attribute"], total["by_key"]) == ("new.pdf", "NEW.PDF", "F1: 2")


@pytest.mark.parametrize(
    ("modifiers", "count"),
    [
        pytest.param(None, 1, id="people only by default"),
        pytest.param([filter_robots], 1, id="the shipped modifier"),
        pytest.param(["invenio_stats.aggregations:filter_robots"], 1, id="by its import string"),
        pytest.param([], 3, id="no modifier means all"),
        pytest.param([lambda search: search.filter("term", is_machine=True)], 1, id="one's own"),
    ],
)
def test_query_modifiers_say_what_counts(store_events, aggregator, sources, modifiers, count):
    store_events(*(download(on(3), user_agent=agent) for agent in (BROWSER, ROBOT, MACHINE)))
    aggregator(query_modifiers=modifiers).run()
    (total,) = sources(TOTALS)
    assert total["count"] == count


def test_metrics_are_computed_over_the_events_of_an_interval(store_events, aggregator, sources):
    store_events(*(download(on(3, hour), size=size) for hour, size in ((9, 1), (10, 2), (11, 6))))
    names = ("avg", "max", "min", "sum", "stats", "extended_stats", "percentiles")
    metrics = {name: (name, "size", {}) for name in names}
    aggregator(metric_fields={**metrics, "visitors": ("cardinality", "visitor_id", {"precision_threshold": 100})}).run()
    (total,) = sources(TOTALS)
    assert {name: total[name] for name in ("avg", "max", "min", "sum", "visitors")} == {
        "avg": 3.0, "max": 6.0, "min": 1.0, "sum": 9.0, "visitors": 1,
    }  # fmt: skip
    assert total["stats"]["count"] == total["extended_stats"]["count"] == 3
    assert total["percentiles"]["50.0"] == 2.0


def test_a_run_gives_one_pair_for_each_interval(store_events, aggregate):
    store_events(download(on(3)), download(on(3), file_id="F2"), download(on(4)))
    assert aggregate() == [(2, 0), (1, 0)]


def test_a_run_gives_none_when_there_is_nothing(aggregate):
    assert aggregate() is None


def test_a_run_of_a_range_counts_that_range(store_events, aggregate, documents):
    store_events(*(download(on(day)) for day in (3, 4, 5)))
    aggregate(start_date=on(4, 0), end_date=on(4, 0))
    assert list(documents(TOTALS)) == [f"B1_F1-{on(4):%Y-%m-%d}"]


@pytest.mark.parametrize("moves", [True, False])
def test_the_bookmark_moves_unless_it_is_told_not_to(store_events, aggregator, aggregate, moves):
    store_events(download(on(3)))
    aggregate(update_bookmark=moves)
    assert (aggregator().bookmark_api.get_bookmark() is not None) is moves


def test_agg_iter_yields_the_totals_of_an_interval(store_events, aggregator, index_prefix):
    store_events(download(on(3)), download(on(3), file_id="F2"), download(on(4)))
    actions = list(aggregator().agg_iter(on(3, 0), None))
    assert [action["_id"] for action in actions] == [f"B1_{file}-{on(3):%Y-%m-%d}" for file in ("F1", "F2")]
    assert {action["_index"] for action in actions} == {f"{index_prefix}{TOTALS}-{on(3):%Y-%m}"}
    assert {action["_op_type"] for action in actions} == {"index"}
    assert [action["_source"]["count"] for action in actions] == [1, 1]


def test_totals_are_deleted_between_two_dates(store_events, aggregate, aggregator, documents):
    store_events(*(download(on(day)) for day in (3, 4, 5)))
    aggregate()
    aggregator().delete(on(4, 0), on(4, 0))
    assert sorted(documents(TOTALS)) == [f"B1_F1-{on(day):%Y-%m-%d}" for day in (3, 5)]
    aggregator().delete()
    assert documents(TOTALS) == {}


def test_the_oldest_event_the_limit_and_the_intervals_are_methods_of_their_own(store_events, aggregator):
    store_events(download(on(4)), download(on(3)))
    aggregator_object = aggregator()
    assert aggregator_object._get_oldest_event_timestamp() == on(3)
    assert aggregator_object._upper_limit(on(5)) == on(5)
    assert abs(aggregator_object._upper_limit(None) - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert aggregator_object._split_date_range(on(3), on(5)) == {f"{on(day):%Y-%m-%d}": on(day, 0) for day in (3, 4, 5)}


@pytest.mark.parametrize("zone", [timezone.utc, None], ids=["aware", "naive"])
def test_the_clock_is_read_in_the_module(store_events, aggregator, sources, monkeypatch, zone):
    """Test suites replace the class `invenio_stats.aggregations.datetime`, by a mock as well."""
    store_events(download(on(3)))
    then = on(20).replace(tzinfo=zone)
    monkeypatch.setattr("invenio_stats.aggregations.datetime", Mock(now=lambda tz=None: then, utcnow=lambda: then))
    aggregator().run()
    assert aggregator().bookmark_api.get_bookmark(refresh_time=0) == on(20)
    assert [total["updated_timestamp"] for total in sources(TOTALS)] == [on(20).isoformat()]


@pytest.mark.parametrize("form", ["{}", "{}Z", "{}.123456", "{}.123+00:00"])
def test_events_of_other_programs_are_counted_however_they_write_the_time(
    put_templates, search_client, index_prefix, aggregate, sources, form
):
    """An older release, too: its events have none of our newer fields."""
    event = {
        "timestamp": form.format(naive(on(3))),
        "unique_id": "B1_F1",
        "unique_session_id": "S",
        "is_robot": False,
        "size": 9,
        "file_key": "paper.pdf",
    }
    search_client.index(index=f"{index_prefix}events-stats-file-download-{on(3):%Y-%m}", body=event, refresh=True)
    aggregate()
    (total,) = sources(TOTALS)
    assert (total["timestamp"], total["count"], total["unique_count"]) == (naive(on(3, 0)), 1, 1)
