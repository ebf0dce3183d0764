"""Contract, queries: from the parameters of a question to its answer."""

import pytest

from invenio_stats.queries import DateHistogramQuery, Query, TermsQuery

MILLISECONDS = 1769731200000
"""2026-01-30, as an engine writes a date in the key of a bucket."""


def test_a_histogram_answers_with_a_bucket_for_each_interval(totals, app):
    query = DateHistogramQuery(
        name="h",
        index="stats-file-download",
        copy_fields={"bucket_id": "bucket_id", "label": lambda result, doc: f"{doc['file_key']} {result['value']:.0f}"},
        required_filters={"bucket_id": "bucket_id", "file_key": "file_key"},
    )
    answer = query.run(interval="day", start_date="2026-01-30", end_date="2026-01-31", bucket_id="B1", file_key="a.pdf")
    assert answer == {
        "interval": "day",
        "key_type": "date",
        "start_date": "2026-01-30T00:00:00",
        "end_date": "2026-01-31T00:00:00",
        "buckets": [
            {
                "key": MILLISECONDS,
                "date": "2026-01-30T00:00:00.000Z",
                "value": 2.0,
                "bucket_id": "B1",
                "label": "a.pdf 2",
            },
            {
                "key": MILLISECONDS + 86_400_000,
                "date": "2026-01-31T00:00:00.000Z",
                "value": 3.0,
                "bucket_id": "B1",
                "label": "a.pdf 3",
            },
        ],
    }


@pytest.mark.parametrize(
    ("interval", "values"),
    [("year", [19]), ("quarter", [19]), ("month", [15, 4]), ("week", [15, 4]), ("day", [2, 13, 0, 4])],
)
def test_a_histogram_knows_five_intervals(totals, app, interval, values):
    query = DateHistogramQuery(name="h", index="stats-file-download", required_filters={"bucket_id": "bucket_id"})
    answer = query.run(interval=interval, bucket_id="B1")
    assert [bucket["value"] for bucket in answer["buckets"]] == values
    assert (answer["start_date"], answer["end_date"]) == (None, None)


def test_day_is_the_interval_unless_another_is_asked_for(totals, app):
    assert DateHistogramQuery(name="h", index="stats-file-download").run()["interval"] == "day"


def test_a_terms_query_answers_with_a_bucket_for_each_value(totals, app):
    query = TermsQuery(
        name="t",
        index="stats-file-download",
        copy_fields={"bucket_id": "bucket_id"},
        required_filters={"bucket_id": "bucket_id"},
        aggregated_fields=["file_key"],
        max_bucket_size=10,
    )
    assert query.run(start_date="2026-01-01", end_date="2026-01-31", bucket_id="B1") == {
        "start_date": "2026-01-01T00:00:00",
        "end_date": "2026-01-31T00:00:00",
        "bucket_id": "B1",
        "value": 15.0,
        "type": "bucket",
        "field": "file_key",
        "key_type": "terms",
        "buckets": [{"key": "a.pdf", "value": 5.0}, {"key": "b.pdf", "value": 10.0}],
    }


def test_a_terms_query_without_fields_answers_with_sums(totals, app):
    metrics = {"downloads": ("sum", "count", {}), "unique_downloads": ("sum", "unique_count", {})}
    query = TermsQuery(name="t", index="stats-file-download", metric_fields=metrics)
    assert query.run() == {"start_date": None, "end_date": None, "downloads": 119.0, "unique_downloads": 5.0}


def test_query_modifiers_get_the_search_and_the_filters_of_the_run(totals, app):
    seen = []

    def of_file(search, **params):
        seen.append(params)
        return search.filter("term", file_key=params["file"])

    query = TermsQuery(name="t", index="stats-file-download", query_modifiers=[of_file])
    assert query.run(start_date="2026-01-31", file="b.pdf")["value"] == 10.0
    assert seen == [{"file": "b.pdf"}]


def test_a_constructor_argument_that_is_unknown_is_a_warning(app):
    """Downstream passes `doc_type`, which engines have forgotten."""
    with pytest.warns(UserWarning, match="doc_type"):
        query = TermsQuery(name="t", index="stats-file-download", doc_type="file-download-day-aggregation")
    assert query.run()["value"] == 0


def test_a_query_has_the_methods_that_downstream_overrides(app):
    for cls in (DateHistogramQuery, TermsQuery):
        for method in ("validate_arguments", "build_query", "process_query_result", "extract_date", "run"):
            assert callable(getattr(cls, method))
    assert Query("q", "stats-file-download").extract_date("2026-01-31").isoformat() == "2026-01-31T00:00:00"
