"""What clients get: the same keys whether the engine found something or not."""

from datetime import datetime

from invenio_stats.core.metrics import parse_metrics
from invenio_stats.queries import results

METRICS = parse_metrics({"value": ("sum", "count", {}), "mean": ("avg", "count", {})})
HIT = {"top_hit": {"hits": {"hits": [{"_source": {"file_key": "a.pdf", "size": 3}}]}}}


def test_dates_are_written_without_zone_and_none_stays_none():
    assert results.dates(datetime(2026, 1, 1), None) == {"start_date": "2026-01-01T00:00:00", "end_date": None}


def test_metrics_of_nothing_are_zero_or_none():
    assert results.metrics({}, METRICS) == {"value": 0, "mean": None}
    assert results.metrics({"value": {"value": 4.0}, "mean": {"value": 2.0}}, METRICS) == {"value": 4.0, "mean": 2.0}


def test_fields_are_copied_from_the_newest_document_and_functions_see_result_and_document():
    copy_fields = {"name": "file_key", "missing": "other", "double": lambda result, doc: result["value"] + doc["size"]}
    assert results.copy_newest({"value": 4}, HIT, copy_fields) == {
        "value": 4,
        "name": "a.pdf",
        "missing": None,
        "double": 7,
    }


def test_where_there_is_no_document_what_is_copied_is_none():
    assert results.copy_newest({}, {}, {"name": "file_key", "double": lambda result, doc: doc["size"]}) == {
        "name": None,
        "double": None,
    }


def test_groups_of_nothing_are_an_empty_list():
    assert results.groups({}, METRICS, ["file_key", "country"]) == {
        "value": 0,
        "mean": None,
        "type": "bucket",
        "field": "file_key",
        "key_type": "terms",
        "buckets": [],
    }


def test_a_histogram_of_nothing_has_no_buckets():
    assert results.intervals({}, METRICS, {"name": "file_key"}) == []
