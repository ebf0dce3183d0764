"""Requests about raw events are compared; what the engine answers to them is tested in flow/."""

from datetime import datetime, timezone

from invenio_stats.core.metrics import parse_metrics
from invenio_stats.search import clauses
from invenio_stats.totals import search_bodies
from invenio_stats.totals.model import CountedTotal, TotalKey, TotalSpec

MARK = datetime(2026, 3, 10, 12, 30, tzinfo=timezone.utc)
DAY = datetime(2026, 3, 10, tzinfo=timezone.utc)
NEXT = datetime(2026, 3, 11, tzinfo=timezone.utc)
SHAPE = TotalSpec(
    "unique_id",
    "day",
    parse_metrics({"unique_count": ("cardinality", "unique_session_id", {}), "volume": ("sum", "size", {})}),
    ("file_key",),
)
FORMAT = "strict_date_optional_time"


def test_a_range_holds_its_start_and_not_its_end():
    assert clauses.between(DAY, NEXT) == {
        "range": {"timestamp": {"gte": "2026-03-10T00:00:00", "lt": "2026-03-11T00:00:00", "format": FORMAT}}
    }


def test_an_open_range_holds_what_a_calendar_can_hold():
    bounds = clauses.between()["range"]["timestamp"]
    assert (bounds["gte"], bounds["lt"]) == ("0001-01-01T00:00:00", "9999-01-01T00:00:00")


def test_what_changed_is_known_by_its_stamp_or_its_time():
    assert search_bodies.changed_since(MARK, "day") == {
        "bool": {
            "should": [
                {"range": {"updated_timestamp": {"gte": "2026-03-10T12:30:00+00:00", "format": FORMAT}}},
                {
                    "bool": {
                        "filter": [clauses.between(DAY)],
                        "must_not": [{"exists": {"field": "updated_timestamp"}}],
                    }
                },
            ],
            "minimum_should_match": 1,
        }
    }


def test_pairs_of_one_interval_are_one_clause():
    total_keys = [TotalKey(DAY, "a"), TotalKey(DAY, "b")]
    single = {"bool": {"filter": [clauses.between(DAY, NEXT), {"terms": {"unique_id": ["a", "b"]}}]}}
    assert search_bodies.of_total_keys(total_keys, SHAPE) == single
    more = search_bodies.of_total_keys([*total_keys, TotalKey(NEXT, "a")], SHAPE)
    assert more["bool"]["should"][0] == single
    assert len(more["bool"]["should"]) == 2


def test_a_recount_asks_for_groups_and_the_number_of_distinct_values():
    assert clauses.composite(
        {"match_all": {}}, search_bodies.by_total_key(SHAPE), 100, search_bodies.measures(SHAPE)
    ) == {
        "size": 0,
        "track_total_hits": False,
        "query": {"match_all": {}},
        "aggs": {
            "groups": {
                "composite": {
                    "size": 100,
                    "sources": [
                        {
                            "interval": {
                                "date_histogram": {
                                    "field": "timestamp",
                                    "calendar_interval": "day",
                                    "format": "uuuu-MM-dd'T'HH:mm:ss",
                                }
                            }
                        },
                        {"key": {"terms": {"field": "unique_id"}}},
                    ],
                },
                "aggs": {
                    "holds:unique_count": {"value_count": {"field": "unique_session_id"}},
                    "volume": {"sum": {"field": "size"}},
                },
            }
        },
    }


def test_the_newest_event_comes_with_what_is_copied_of_it():
    order = [{name: {"order": "desc", "unmapped_type": "date"}} for name in ("timestamp", "updated_timestamp")]
    asked = {"size": 1, "sort": order, "_source": {"includes": ["file_key"]}}
    assert search_bodies.newest(SHAPE) == {"newest_event": {"top_hits": asked}}
    assert search_bodies.newest(TotalSpec("unique_id", "day", {}, None))["newest_event"]["top_hits"]["_source"] is True


def test_distinct_counts_are_the_number_of_terms():
    assert search_bodies.distinct_measures(SHAPE.distinct, 70) == {
        "values:unique_count": {"terms": {"field": "unique_session_id", "size": 70}},
        "unique_count": {"stats_bucket": {"buckets_path": "values:unique_count._count"}},
    }


def test_the_next_page_begins_behind_the_last_group():
    body = clauses.composite({"match_all": {}}, search_bodies.by_total_key(SHAPE), 2)
    groups = [{"key": {"interval": "2026-03-10T00:00:00", "key": key}} for key in "ab"]
    full = {"aggregations": {"groups": {"buckets": groups, "after_key": groups[-1]["key"]}}}
    following = clauses.next_page(body, full)
    assert following["aggs"]["groups"]["composite"]["after"] == groups[-1]["key"]
    assert "after" not in body["aggs"]["groups"]["composite"]
    assert clauses.next_page(body, {"aggregations": {"groups": {"buckets": groups[:1]}}}) is None


def test_a_group_is_read_as_its_pair():
    bucket = {
        "key": {"interval": "2026-03-10T00:00:00", "key": "a"},
        "doc_count": 3,
        "holds:unique_count": {"value": 3},
        "volume": {"value": 9.0},
        "newest_event": {"hits": {"hits": [{"_source": {"file_key": "x.pdf"}}]}},
    }
    assert search_bodies.read_counted(bucket, SHAPE) == CountedTotal(
        TotalKey(DAY, "a"), 3, {"unique_count": 3, "volume": 9.0}
    )
    assert search_bodies.read_newest(bucket) == {"file_key": "x.pdf"}


def test_the_oldest_event_may_not_exist():
    assert clauses.read_oldest({}) is None
    assert clauses.read_oldest({"aggregations": {"oldest": {"value": None}}}) is None
    answer = {"aggregations": {"oldest": {"value": 1.0, "value_as_string": "2026-03-10T12:30:00.000Z"}}}
    assert clauses.read_oldest(answer) == MARK


def test_totals_between_two_dates_are_those_of_the_aggregation():
    assert search_bodies.stored_between("unique_id", DAY, None) == {
        "bool": {
            "filter": [
                {"exists": {"field": "unique_id"}},
                {"range": {"timestamp": {"gte": "2026-03-10T00:00:00", "format": FORMAT}}},
            ]
        }
    }
    assert search_bodies.stored_between("unique_id", None, None) == {
        "bool": {"filter": [{"exists": {"field": "unique_id"}}]}
    }
