"""Query classes can be configured and replaced by other packages."""

from datetime import datetime

import pytest

from invenio_stats.errors import ConfigurationError
from invenio_stats.queries import DateHistogramQuery, ESDateHistogramQuery, ESQuery, ESTermsQuery, Query, TermsQuery
from tests.flow.file_totals import TOTALS, histogram, refused, terms


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    """Only what queries need: an engine."""
    return {"SEARCH_HOSTS": [engine_url], "SEARCH_INDEX_PREFIX": index_prefix, **cache_config}


def test_functions_copy_from_the_result_and_the_newest_total(totals):
    totals(TOTALS)
    copy_fields = {"about": lambda result, doc: f"{doc['file_key']}: {result['value']}"}
    assert terms(copy_fields=copy_fields).run(bucket_id="b1")["about"] == "b: 17.0"
    assert histogram(copy_fields=copy_fields).run(bucket_id="b1")["buckets"][0]["about"] == "a: 2.0"


@pytest.mark.parametrize("build", [histogram, terms])
def test_modifiers_are_given_the_search_and_the_parameters_of_the_run_without_its_interval_and_dates(totals, build):
    totals(TOTALS)
    given = {}

    def only_country(search, **params):
        given.update(params)
        return search.filter("term", country=params["country"])

    query = build(query_modifiers=[only_country])
    answer = query.run(bucket_id="b1", country="CH", start_date="2026-01", end_date="2026-02-28")
    assert sum(bucket["value"] for bucket in answer.get("buckets", [answer])) == 7.0
    assert given == {"bucket_id": "b1", "country": "CH"}


def test_a_modifier_with_named_parameters_gets_those_and_others_are_unknown(totals):
    totals(TOTALS)

    def only_country(search, country=None):
        return search.filter("term", country=country) if country else search

    query = terms(query_modifiers=[only_country])
    assert query.run(bucket_id="b1", country="DE")["value"] == 3.0
    assert query.run(bucket_id="b1")["value"] == 17.0
    assert "Unknown parameters: 'city'" in refused(query, bucket_id="b1", city="x")
    assert "Unknown parameters: 'search'" in refused(query, bucket_id="b1", search="x")


def test_a_modifier_may_be_an_import_string(totals):
    totals(TOTALS)
    assert terms(query_modifiers=[f"{__name__}:only_swiss"]).run(bucket_id="b1")["value"] == 14.0


def only_swiss(search, **params):
    return search.filter("term", country="CH")


@pytest.mark.parametrize(("base", "build"), [(DateHistogramQuery, histogram), (TermsQuery, terms)])
def test_a_subclass_that_builds_the_search_receives_every_parameter(totals, base, build):
    totals(TOTALS)

    class ByCountry(base):
        def build_query(self, *args, **kwargs):
            return super().build_query(*args, **kwargs).filter("term", country=kwargs["country"])

    answer = build(ByCountry).run(bucket_id="b1", country="CH")
    assert sum(bucket["value"] for bucket in answer.get("buckets", [answer])) == 14.0


def test_a_subclass_may_change_checks_and_answers(totals):
    totals(TOTALS)

    class Lenient(TermsQuery):
        def validate_arguments(self, start_date, end_date, **kwargs):
            """Make the filter optional."""

        def process_query_result(self, query_result, start_date, end_date):
            return {"mine": super().process_query_result(query_result, start_date, end_date)["value"]}

    assert terms(Lenient).run() == {"mine": 117.0}


def test_a_subclass_may_read_dates_of_its_own(totals):
    totals(TOTALS)

    class Relative(TermsQuery):
        def extract_date(self, date):
            return datetime(2026, 3, 1) if date == "march" else super().extract_date(date)

    assert terms(Relative).run(bucket_id="b1", start_date="march")["value"] == 7.0
    assert "start_date is 'april', which is not a date" in refused(terms(Relative), bucket_id="b1", start_date="april")


def test_arguments_of_other_releases_are_named_in_a_warning(app):
    with pytest.warns(UserWarning, match="Query 'terms' does not know doc_type"):
        query = terms(doc_type="file-download-day-aggregation")
    assert query.name == "terms"
    with pytest.warns(UserWarning, match="does not know doc_type"):
        Query("q", "stats-x", doc_type="d")


def test_attributes_are_what_was_given(app, index_prefix):
    client = object()
    query = terms(client=client, aggregated_fields=["file_key"], max_bucket_size=5, query_modifiers=[only_swiss])
    assert query.client is client
    assert query.index == f"{index_prefix}stats-file-download"
    assert query.time_field == "timestamp"
    assert query.metric_fields == {"value": ("sum", "count", {})}
    assert query.required_filters == {"bucket_id": "bucket_id"}
    assert query.query_modifiers == [only_swiss]
    assert (query.copy_fields, query.aggregated_fields, query.max_bucket_size) == ({}, ["file_key"], 5)


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"metric_fields": {"value": ("median", "count", {})}}, id="no such metric"),
        pytest.param({"metric_fields": {"top_hit": ("sum", "count", {})}}, id="a name of ours"),
        pytest.param(
            {"metric_fields": {"file_key": ("sum", "count", {})}, "aggregated_fields": ["file_key"]},
            id="a field's name",
        ),
        pytest.param({"query_modifiers": ["no.such:thing"]}, id="no such modifier"),
    ],
)
def test_a_query_that_cannot_work_is_not_made(app, params):
    with pytest.raises(ConfigurationError, match="terms: "):
        terms(**params)


def test_older_names_are_the_same_classes():
    assert (ESQuery, ESDateHistogramQuery, ESTermsQuery) == (Query, DateHistogramQuery, TermsQuery)
