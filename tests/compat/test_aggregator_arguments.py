"""Contract, aggregation: the arguments of an aggregator, and its attributes."""

import inspect

import pytest

from invenio_stats import aggregations
from invenio_stats.aggregations import BookmarkAPI, StatAggregator, filter_robots


def test_the_arguments_keep_their_order_and_defaults():
    parameters = inspect.signature(StatAggregator).parameters
    assert list(parameters)[:10] == [
        "name", "event", "client", "field", "metric_fields", "copy_fields", "query_modifiers", "interval",
        "index_interval", "max_bucket_size",
    ]  # fmt: skip
    defaults = {name: parameters[name].default for name in ("interval", "index_interval", "max_bucket_size")}
    assert defaults == {"interval": "day", "index_interval": "month", "max_bucket_size": 10_000}


def test_an_aggregator_has_the_attributes_that_downstream_uses(app, search_client, index_prefix):
    aggregator = StatAggregator(
        "views",
        "record-view",
        search_client,
        "unique_id",
        {"size": ("sum", "size", {})},
        {"a": "b"},
        [filter_robots],
        interval="hour",
        index_interval="year",
        max_bucket_size=10,
    )
    assert (aggregator.name, aggregator.event, aggregator.client) == ("views", "record-view", search_client)
    assert aggregator.event_index == f"{index_prefix}events-stats-record-view"
    assert aggregator.index == f"{index_prefix}stats-record-view"
    assert (aggregator.field, aggregator.copy_fields) == ("unique_id", {"a": "b"})
    assert aggregator.metric_fields == {"size": ("sum", "size", {})}
    assert aggregator.query_modifiers == [filter_robots]
    assert (aggregator.interval, aggregator.doc_id_suffix) == ("hour", "%Y-%m-%dT%H")
    assert (aggregator.index_interval, aggregator.index_name_suffix) == ("year", "%Y")
    assert aggregator.max_bucket_size == 10
    assert isinstance(aggregator.bookmark_api, BookmarkAPI)
    assert StatAggregator("views", "record-view").query_modifiers == [filter_robots]


@pytest.mark.parametrize(
    "metric",
    ["avg", "cardinality", "extended_stats", "geo_centroid", "max", "min", "percentiles", "stats", "sum"],
)
def test_a_metric_is_allowed(app, metric):
    assert metric in aggregations.ALLOWED_METRICS
    StatAggregator("a", "record-view", metric_fields={"m": (metric, "size", {})})


def test_another_metric_is_a_value_error(app):
    with pytest.raises(ValueError, match="value_count"):
        StatAggregator("a", "record-view", metric_fields={"m": ("value_count", "size", {})})


def test_an_interval_longer_than_that_of_the_index_is_a_value_error(app):
    with pytest.raises(ValueError, match="month"):
        StatAggregator("a", "record-view", interval="month", index_interval="day")
