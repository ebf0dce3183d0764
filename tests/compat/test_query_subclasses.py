"""Contract, easy to break: subclasses of queries, and what their modifiers get."""

import pytest

from invenio_stats.queries import DateHistogramQuery, TermsQuery

from .totals import total, write_totals

TOTALS = "stats-file-download"


class Widened(TermsQuery):
    """A query of somebody else, whose own `build_query` adds to ours."""

    def build_query(self, start_date, end_date, **kwargs):
        search = super().build_query(start_date, end_date, **kwargs)
        return search.filter("terms", file_key=kwargs["files"])


class Rebuilt(DateHistogramQuery):
    """A query of somebody else, whose answer has a field more."""

    def process_query_result(self, query_result, interval, start_date, end_date):
        answer = super().process_query_result(query_result, interval, start_date, end_date)
        return {**answer, "total": sum(bucket["value"] for bucket in answer["buckets"])}


@pytest.mark.parametrize("dates", [{}, {"start_date": "2026-01-01", "end_date": "2026-01-31"}], ids=["none", "dates"])
@pytest.mark.parametrize("cls", [TermsQuery, DateHistogramQuery])
def test_a_modifier_of_a_query_gets_neither_interval_nor_dates(app, search_client, index_prefix, cls, dates):
    """Client code turns every parameter that it gets into a filter."""
    write_totals(search_client, index_prefix, [total("2026-01-30", "a", 1), total("2026-01-31", "b", 2)])

    def filter_by_all(search, **params):
        for field, value in params.items():
            search = search.filter("term", **{field: value})
        return search

    query = cls(name="q", index=TOTALS, required_filters={"bucket_id": "bucket_id"}, query_modifiers=[filter_by_all])
    answer = query.run(**dates, bucket_id="B1", file_key="b")
    assert sum(bucket["value"] for bucket in answer.get("buckets", [answer])) == 2.0


def test_a_query_may_have_a_build_query_of_its_own(app, search_client, index_prefix):
    write_totals(search_client, index_prefix, [total("2026-01-31", key, count) for key, count in (("a", 1), ("b", 2))])
    query = Widened(name="q", index=TOTALS, required_filters={"bucket_id": "bucket_id"})
    assert query.run(bucket_id="B1", files=["b"])["value"] == 2.0
    assert query.run(bucket_id="B1", files=["a", "b"])["value"] == 3.0


def test_a_query_may_make_its_answer_itself(app, search_client, index_prefix):
    write_totals(search_client, index_prefix, [total("2026-01-30", "a", 1), total("2026-01-31", "a", 2)])
    assert Rebuilt(name="q", index=TOTALS).run()["total"] == 3.0


def only_b(search, **params):
    """Narrow a search, found by the import string."""
    return search.filter("term", file_key="b")


def test_a_modifier_of_a_query_may_be_an_import_string(app, search_client, index_prefix):
    write_totals(search_client, index_prefix, [total("2026-01-31", key, count) for key, count in (("a", 1), ("b", 2))])
    assert TermsQuery(name="q", index=TOTALS, query_modifiers=[f"{__name__}:only_b"]).run()["value"] == 2.0
