"""Queries answer from the totals in the search engine."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.queries import paging
from invenio_stats.search.client import SearchRequest
from tests.flow.file_totals import TOTALS, VIEWS, histogram, terms, total


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    """Only what queries need: an engine."""
    return {"SEARCH_HOSTS": [engine_url], "SEARCH_INDEX_PREFIX": index_prefix, **cache_config}


def test_a_histogram_has_one_bucket_per_interval_with_gaps_of_zero(totals):
    totals(TOTALS)
    answer = histogram(copy_fields={"file": "file_key"}).run(
        bucket_id="b1", interval="day", start_date="2026-01-01", end_date="2026-01-31"
    )
    assert answer == {
        "interval": "day",
        "key_type": "date",
        "start_date": "2026-01-01T00:00:00",
        "end_date": "2026-01-31T00:00:00",
        "buckets": [
            {"key": 1767225600000, "date": "2026-01-01T00:00:00.000Z", "value": 2.0, "file": "a"},
            {"key": 1767312000000, "date": "2026-01-02T00:00:00.000Z", "value": 0.0, "file": None},
            {"key": 1767398400000, "date": "2026-01-03T00:00:00.000Z", "value": 3.0, "file": "a"},
        ],
    }


@pytest.mark.parametrize(
    ("interval", "values"),
    [
        ("year", [17.0]),
        ("quarter", [17.0]),
        ("month", [5.0, 5.0, 7.0]),
        ("week", [5.0, 0, 0, 0, 0, 0, 0, 0, 5.0, 0, 0, 0, 0, 7.0]),
    ],
)
def test_each_interval_adds_up_what_lies_in_it(totals, interval, values):
    totals(TOTALS)
    answer = histogram().run(bucket_id="b1", interval=interval)
    assert [bucket["value"] for bucket in answer["buckets"]] == values
    assert answer["start_date"] is None
    assert answer["end_date"] is None


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        pytest.param("2026-01-03", "2026-03-31", 15.0, id="both ends belong to the range"),
        pytest.param("2026-01-03T00:00:01", None, 12.0, id="a moment after the total's"),
        pytest.param(None, "2026-02", 5.0, id="a month means its first day"),
        pytest.param("2026", None, 17.0, id="a year means its first day"),
        pytest.param(datetime(2026, 1, 3, 1, tzinfo=timezone(timedelta(hours=1))), None, 15.0, id="with a zone"),
        pytest.param("2026-01-03T02:00:00+02:00", None, 15.0, id="text with a zone"),
        pytest.param("2027", None, 0, id="nothing"),
    ],
)
def test_dates_choose_the_totals_of_the_intervals_that_begin_between_them(totals, start, end, count):
    totals(TOTALS)
    assert terms().run(bucket_id="b1", start_date=start, end_date=end)["value"] == count


def test_terms_have_metrics_of_everything_and_of_each_group_largest_first(totals):
    totals(TOTALS)
    query = terms(metric_fields=VIEWS, copy_fields={"newest": "file_key"}, aggregated_fields=["country", "file_key"])
    files = {"type": "bucket", "field": "file_key", "key_type": "terms"}
    assert query.run(bucket_id="b1", start_date="2026-01-01") == {
        "start_date": "2026-01-01T00:00:00",
        "end_date": None,
        "newest": "b",
        "views": 17.0,
        "unique_views": 4.0,
        "type": "bucket",
        "field": "country",
        "key_type": "terms",
        "buckets": [
            {
                "key": "CH",
                "views": 14.0,
                "unique_views": 3.0,
                **files,
                "buckets": [
                    {"key": "b", "views": 12.0, "unique_views": 2.0},
                    {"key": "a", "views": 2.0, "unique_views": 1.0},
                ],
            },
            {
                "key": "DE",
                "views": 3.0,
                "unique_views": 1.0,
                **files,
                "buckets": [{"key": "a", "views": 3.0, "unique_views": 1.0}],
            },
        ],
    }


def test_without_fields_there_are_no_groups(totals):
    totals(TOTALS)
    assert terms().run(bucket_id="b1") == {"start_date": None, "end_date": None, "value": 17.0}


def test_every_metric_can_be_asked_for(totals):
    totals(TOTALS)
    query = terms(
        metric_fields={
            "mean": ("avg", "count", {}),
            "files": ("cardinality", "file_key", {}),
            "most": ("max", "count", {}),
            "stats": ("stats", "count", {}),
            "percent": ("percentiles", "count", {"percents": [50]}),
        }
    )
    answer = query.run(bucket_id="b1")
    assert (answer["mean"], answer["files"], answer["most"], answer["stats"]["sum"]) == (4.25, 2, 7.0, 17.0)
    assert list(answer["percent"]) == ["50.0"]


def test_an_index_that_does_not_exist_yet_is_an_empty_answer_with_the_same_keys(search_client):
    query = histogram(copy_fields={"file": "file_key"})
    assert query.run(bucket_id="b1", start_date="2026") == {
        "interval": "day",
        "key_type": "date",
        "start_date": "2026-01-01T00:00:00",
        "end_date": None,
        "buckets": [],
    }
    query = terms(copy_fields={"file": lambda result, doc: doc["file_key"]}, aggregated_fields=["file_key"])
    assert query.run(bucket_id="b1") == {
        "start_date": None,
        "end_date": None,
        "value": 0,
        "file": None,
        "type": "bucket",
        "field": "file_key",
        "key_type": "terms",
        "buckets": [],
    }


def test_no_group_is_lost_when_there_are_more_than_max_bucket_size(totals):
    documents = [
        total("2026-01-01", f"file-{number:02}", count=number % 3 + 1, country=country)
        for number in range(12)
        for country in ("CH", "DE")[: number % 2 + 1]
    ]
    totals(documents)
    fields = ["file_key", "country"]
    whole = terms(aggregated_fields=fields).run(bucket_id="b1")
    assert len(whole["buckets"]) == 12
    assert terms(aggregated_fields=fields, max_bucket_size=2).run(bucket_id="b1") == whole
    assert (
        terms(aggregated_fields=fields, max_bucket_size=1, query_modifiers=[lambda search: search]).run(bucket_id="b1")
        == whole
    )


def test_pages_are_put_together_in_the_order_of_one_list(totals):
    totals([total("2026-01-01", f"file-{number}", version=number % 2) for number in range(5)])
    query = terms(aggregated_fields=["version", "file_key"], max_bucket_size=1)
    question = SearchRequest(
        query.client, query.index, query._body({"start_date": None, "end_date": None, "bucket_id": "b1"})
    )
    tree = paging.fetch(question, query.aggregated_fields, limit=10, page_size=2)["aggregations"]["version"]["buckets"]
    assert [(group["key"], [inner["key"] for inner in group["file_key"]["buckets"]]) for group in tree] == [
        (0, ["file-0", "file-2", "file-4"]),
        (1, ["file-1", "file-3"]),
    ]
