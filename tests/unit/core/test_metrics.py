"""Metrics are parsed once, requested from the engine, and read from its answer."""

import pytest

from invenio_stats.core.metrics import ALLOWED_METRICS, Metric, parse_metrics


def test_a_triple_becomes_a_metric():
    assert parse_metrics({"volume": ("sum", "size", {})}) == {"volume": Metric("sum", "size", {})}
    assert parse_metrics({"volume": ["sum", "size", None]}) == {"volume": Metric("sum", "size", {})}
    assert parse_metrics(None) == {}


def test_parsing_twice_is_parsing_once():
    metrics = parse_metrics({"volume": ("sum", "size", {"missing": 0})})
    assert parse_metrics(metrics) == metrics


@pytest.mark.parametrize(
    ("triple", "text"),
    [
        pytest.param(("median", "size", {}), "'median' is not a metric. Use one of: avg, cardinality", id="metric"),
        pytest.param(("sum", "", {}), "Name the field", id="no source"),
        pytest.param(("sum", "size", "fast"), "Write them as a dict", id="options"),
        pytest.param(("sum", "size"), "metric, field, options", id="not three"),
        pytest.param("sum", "metric, field, options", id="text"),
    ],
)
def test_an_invalid_metric_is_a_value_error_with_its_setting_path(triple, text):
    with pytest.raises(ValueError, match=text) as raised:
        parse_metrics({"volume": triple}, setting_path="STATS_X")
    assert str(raised.value).startswith("STATS_X['volume']")


@pytest.mark.parametrize("name", sorted(ALLOWED_METRICS - {"cardinality"}))
def test_a_metric_is_asked_for_with_its_options(name):
    assert Metric(name, "size", {"missing": 0}).body() == {name: {"field": "size", "missing": 0}}


def test_a_distinct_count_is_as_precise_as_can_be():
    """What an option asks for below that is needless."""
    for options in ({}, {"precision_threshold": 100}):
        metric = Metric("cardinality", "session", options)
        assert metric.is_distinct_count
        assert metric.body() == {"cardinality": {"field": "session", "precision_threshold": 40_000}}


def test_a_distinct_count_with_other_options_is_the_engines():
    metric = Metric("cardinality", "session", {"missing": "-"})
    assert not metric.is_distinct_count
    assert metric.body() == {"cardinality": {"field": "session", "missing": "-"}}


@pytest.mark.parametrize(
    ("name", "answer", "value"),
    [
        pytest.param("sum", {"value": 5.0}, 5.0, id="sum"),
        pytest.param("sum", {"value": None}, 0, id="empty sum"),
        pytest.param("cardinality", {"value": None}, 0, id="empty count"),
        pytest.param("avg", {"value": None}, None, id="empty average"),
        pytest.param("stats", {"count": 1, "sum": 2.0}, {"count": 1, "sum": 2.0}, id="stats"),
        pytest.param("percentiles", {"values": {"50.0": 3.0}}, {"50.0": 3.0}, id="percentiles"),
        pytest.param("geo_centroid", {"location": {"lat": 1, "lon": 2}, "count": 1}, {"lat": 1, "lon": 2}, id="place"),
        pytest.param("geo_centroid", {"count": 0}, None, id="no place"),
    ],
)
def test_an_answer_is_read(name, answer, value):
    assert Metric(name, "size", {}).read(answer) == value


@pytest.mark.parametrize("name", sorted(ALLOWED_METRICS))
def test_without_any_document_there_is_a_value_of_the_same_kind(name):
    several = {"count": 0, "min": None, "max": None, "avg": None, "sum": 0.0}
    known = {"sum": 0, "cardinality": 0, "percentiles": {}, "stats": several, "extended_stats": several}
    assert Metric(name, "size", {}).empty == known.get(name)
