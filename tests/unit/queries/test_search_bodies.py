"""The requests that answers need: compared as they are sent."""

from datetime import datetime

from invenio_stats.core.metrics import parse_metrics
from invenio_stats.queries import search_bodies

COUNT = parse_metrics({"value": ("sum", "count", {})})
SUM = {"value": {"sum": {"field": "count"}}}


def test_a_selection_has_one_term_per_filter_and_one_range():
    chosen = search_bodies.selection(
        [("bucket_id", "b1")], "timestamp", datetime(2026, 1, 1), datetime(2026, 3, 31, 12)
    )
    assert chosen == {
        "bool": {
            "filter": [
                {"term": {"bucket_id": "b1"}},
                {
                    "range": {
                        "timestamp": {
                            "gte": "2026-01-01T00:00:00",
                            "lte": "2026-03-31T12:00:00",
                            "format": "strict_date_optional_time",
                        }
                    }
                },
            ]
        }
    }


def test_an_open_range_has_one_bound_and_no_range_has_none():
    bounds = search_bodies.selection([], "time", None, datetime(2026, 1, 1))["bool"]["filter"][0]["range"]["time"]
    assert bounds == {"lte": "2026-01-01T00:00:00", "format": "strict_date_optional_time"}
    assert search_bodies.selection([], "time", None, None) == {"match_all": {}}


def test_the_newest_document_is_asked_for_only_where_something_is_copied():
    assert search_bodies.newest("timestamp", []) == {}
    order = [{"timestamp": {"order": "desc", "unmapped_type": "date"}}]
    assert search_bodies.newest("timestamp", ["b", "a"]) == {
        "top_hit": {"top_hits": {"size": 1, "sort": order, "_source": ["a", "b"]}}
    }


def test_a_function_that_copies_sees_the_whole_document():
    copied = search_bodies.newest("timestamp", ["a", lambda result, doc: doc])
    assert copied["top_hit"]["top_hits"]["_source"] is True


def test_a_histogram_asks_for_calendar_intervals():
    assert search_bodies.histogram({"match_all": {}}, "timestamp", "quarter", COUNT, {}) == {
        "size": 0,
        "track_total_hits": False,
        "query": {"match_all": {}},
        "aggs": {
            "histogram": {"date_histogram": {"field": "timestamp", "calendar_interval": "quarter"}, "aggs": SUM},
        },
    }


def test_groups_lie_in_one_another_with_their_metrics():
    body = search_bodies.groups({"match_all": {}}, ["country", "file_key"], 10, COUNT, {"top_hit": {"top_hits": {}}})
    inner = {"terms": {"field": "file_key", "size": 10}, "aggs": SUM}
    assert body["aggs"] == {
        **SUM,
        "top_hit": {"top_hits": {}},
        "country": {"terms": {"field": "country", "size": 10}, "aggs": {**SUM, "file_key": inner}},
    }


def test_a_page_asks_of_each_group_what_the_body_asks_but_not_for_deeper_groups():
    body = search_bodies.groups({"match_all": {}}, ["country", "file_key"], 10, COUNT, {})
    page = search_bodies.page(body, ["country", "file_key"], 1, 500, None)
    assert page["query"] == body["query"]
    assert page["aggs"] == {
        "page": {"composite": {"size": 500, "sources": [{"0": {"terms": {"field": "country"}}}]}, "aggs": SUM}
    }
    deeper = search_bodies.page(body, ["country", "file_key"], 2, 500, {"0": "CH", "1": "a"})["aggs"]["page"][
        "composite"
    ]
    assert deeper == {
        "size": 500,
        "sources": [{"0": {"terms": {"field": "country"}}}, {"1": {"terms": {"field": "file_key"}}}],
        "after": {"0": "CH", "1": "a"},
    }


def test_without_groups_the_rest_is_still_asked():
    body = search_bodies.groups({"match_all": {}}, ["country"], 10, COUNT, {})
    assert search_bodies.without_groups(body, "country") == {**body, "aggs": SUM}
