"""What does not fit together across the three dicts is named, with what to do."""

import pytest

from invenio_stats.aggregations import StatAggregator
from invenio_stats.core.definitions import AggregationDefinition, EventDefinition, QueryDefinition
from invenio_stats.definitions.consistency import (
    find_inconsistencies,
    refuse_shared_templates,
    refuse_shared_totals,
)
from invenio_stats.errors import ConfigurationError

EVENTS = {"file-download": EventDefinition("file-download", None, object, {})}


def aggregation(name="a", event="file-download", alias=..., exclusive=False, **params):
    params = {"event": event, "field": "unique_id", **params}
    alias = f"stats-{event}" if alias is ... else alias
    interval = params.get("interval", "day") if alias else None
    return AggregationDefinition(name, None, StatAggregator, params, alias, interval, exclusive)


def query(index):
    return {"q": QueryDefinition("q", object, None, {"index": index} if index else {})}


def found(aggregations=(), queries=None, events=EVENTS):
    by_name = {aggregation.name: aggregation for aggregation in aggregations}
    return [
        (inconsistency.kind, inconsistency.setting_path)
        for inconsistency in find_inconsistencies(events, by_name, queries or {})
    ]


def test_two_fields_of_one_event_type_and_interval_share_their_totals():
    first, other = aggregation("a"), aggregation("b", field="file_key")
    assert found([first, other]) == [("shared_totals", "STATS_AGGREGATIONS['b']")]
    (said,) = find_inconsistencies(EVENTS, {"a": first, "b": other}, {})
    assert "those of 'a' where a unique_id equals a file_key" in said.value


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(aggregation("b", interval="month"), id="interval"),
        pytest.param(aggregation("b", index_interval="year"), id="index"),
        pytest.param(aggregation("b", event="record-view"), id="event type"),
        pytest.param(aggregation("b", alias=None), id="its own constructor"),
    ],
)
def test_what_differs_in_place_shares_nothing(other):
    events = {**EVENTS, "record-view": EVENTS["file-download"]}
    assert found([aggregation("a"), other], events=events) == []


def test_an_aggregation_that_has_to_be_alone_is_refused():
    refuse_shared_totals({"a": aggregation("a"), "b": aggregation("b", field="file_key")})
    with pytest.raises(ConfigurationError, match="overwrite those of 'a'"):
        refuse_shared_totals({"a": aggregation("a", exclusive=True), "b": aggregation("b", field="file_key")})


@pytest.mark.parametrize("name", ["file-download", "file-downloads", "download"])
def test_an_event_type_outside_of_the_templates_of_others_is_fine(name):
    events = {first: EventDefinition(first, "a.package", object, {}) for first in ("file-download", name)}
    assert found(events=events) == []


def test_an_event_type_whose_indices_match_the_templates_of_another_is_named():
    """Its indices would get the aliases of the other, and its events and totals be counted twice."""
    events = {
        "file-download": EventDefinition("file-download", "a.package", object, {}),
        "file-download-preview": EventDefinition("file-download-preview", None, object, {}),
    }
    assert found(events=events) == [("shared_templates", "STATS_EVENTS['file-download-preview']")]
    by_name = {"a": aggregation("a"), "b": aggregation("b", event="file-download-preview")}
    refuse_shared_templates(events, by_name)
    by_name["b"] = aggregation("b", event="file-download-preview", exclusive=True)
    with pytest.raises(ConfigurationError, match="Choose a name that does not begin with 'file-download-'"):
        refuse_shared_templates(events, by_name)


@pytest.mark.parametrize(
    ("other", "templates", "is_matched"),
    [
        ("record-view", "invenio_stats.contrib.record_view", True),
        ("search", "invenio_stats.contrib.search", False),
    ],
)
def test_the_patterns_of_the_templates_decide(other, templates, is_matched):
    """Those of searches match names with a date only."""
    events = {
        other: EventDefinition(other, templates, object, {}),
        f"{other}-made": EventDefinition(f"{other}-made", None, object, {}),
    }
    assert bool(found(events=events)) is is_matched


def test_each_unknown_event_type_of_several_is_named():
    several = aggregation(event=None, events=["file-download", "file-downlod", "x"], index="stats-uses")
    assert found([several]) == [("unknown_event_type", "STATS_AGGREGATIONS['a']")] * 2


def test_an_unknown_event_type_is_named():
    assert found([aggregation(event="file-downlod")]) == [("unknown_event_type", "STATS_AGGREGATIONS['a']")]


@pytest.mark.parametrize(
    ("index", "is_known"),
    [
        ("stats-file-download", True),
        ("stats-file-download-2026-01", True),
        ("stats-file-*", True),
        ("stats-automated-file-download", True),
        ("events-stats-file-download", True),
        (None, True),
        ("stats-file-downlod", False),
        ("stats-file", False),
        ("stats-file-download,stats-record-veiw", False),
    ],
)
def test_a_query_reads_what_an_aggregation_writes(index, is_known):
    assert (found([aggregation()], query(index)) == []) is is_known


def test_where_a_constructor_may_write_anywhere_queries_are_not_judged():
    assert found([aggregation(alias=None)], query("stats-anything")) == []
