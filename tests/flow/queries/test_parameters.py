"""A wrong parameter is the client's error, and the message names it."""

import pytest

from invenio_stats.errors import InvalidRequestInputError
from tests.flow.file_totals import TOTALS, histogram, refused, terms, total


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    """Only what queries need: an engine."""
    return {"SEARCH_HOSTS": [engine_url], "SEARCH_INDEX_PREFIX": index_prefix, **cache_config}


@pytest.mark.parametrize("build", [histogram, terms])
def test_wrong_parameters_are_refused_by_name(app, build):
    query = build(required_filters={"bucket_id": "bucket_id", "file_key": "file_key"})
    right = {"bucket_id": "b1", "file_key": "a"}
    assert "Missing required parameters: bucket_id, file_key" in refused(query)
    assert "file_key is ['a']" in refused(query, bucket_id="b1", file_key=["a"])
    assert "start_date is 2026" in refused(query, **right, start_date=2026)
    assert "end_date is ''" in refused(query, **right, end_date="")
    assert "is after end_date" in refused(query, **right, start_date="2026-02", end_date="2026-01")
    assert "Unknown parameters: 'self'. Known ones: bucket_id, end_date, file_key" in refused(
        query, **right, **{"self": 1}
    )


def test_the_interval_is_checked_and_terms_have_none(app):
    assert "interval is 'hour'. Use one of: year, quarter" in refused(histogram(), bucket_id="b1", interval="hour")
    assert "interval is None" in refused(histogram(), bucket_id="b1", interval=None)
    assert "Unknown parameters: 'interval'" in refused(terms(), bucket_id="b1", interval="day")
    with pytest.raises(InvalidRequestInputError, match="interval is 'century'"):
        histogram().validate_arguments("century", None, None, bucket_id="b1")


def test_a_value_that_does_not_fit_its_field_is_the_clients_mistake(totals):
    totals(TOTALS)
    query = terms(required_filters={"version": "version"})
    assert query.run(version=2)["value"] == query.run(version="2")["value"] == 3.0
    assert "fields: version='two'" in refused(query, version="two")


def test_totals_too_far_from_each_other_for_the_interval_are_refused(totals):
    totals([*TOTALS, total("1500-01-01")])
    assert "interval day from start_date None to end_date None" in refused(histogram(), bucket_id="b1")
    assert len(histogram().run(bucket_id="b1", interval="year")["buckets"]) == 527


def test_totals_of_years_ahead_that_older_releases_counted_make_no_open_histogram_too_long(totals):
    """An event of 2999 made every open daily histogram of its thing a 400."""
    totals([*TOTALS, total("2999-01-01", count=50)])
    answer = histogram().run(bucket_id="b1")
    assert sum(bucket["value"] for bucket in answer["buckets"]) == 17
    assert (answer["start_date"], answer["end_date"]) == (None, None)
    assert histogram().run(bucket_id="b1", start_date="2999-01-01")["buckets"][0]["value"] == 50
    assert "interval day" in refused(histogram(), bucket_id="b1", end_date="2999-01-01")


def test_more_groups_than_an_answer_may_have_are_refused(totals):
    totals([total("2026-01-01", f"file-{number}") for number in range(5)])
    query = terms(aggregated_fields=["file_key"], max_bucket_size=1)
    query.max_groups = 3
    assert "more than 3 groups by file_key. Choose fewer with start_date and end_date" in refused(query, bucket_id="b1")


def test_two_parameters_may_choose_by_the_same_field(totals):
    totals(TOTALS)
    query = terms(required_filters={"bucket_id": "bucket_id", "other_bucket_id": "bucket_id"})
    assert query.run(bucket_id="b1", other_bucket_id="b1")["value"] == 17.0
    assert query.run(bucket_id="b1", other_bucket_id="b2")["value"] == 0


@pytest.mark.parametrize("build", [histogram, terms])
def test_an_optional_filter_may_be_left_out_and_is_checked_like_a_required_one(totals, build):
    totals(TOTALS)
    query = build(optional_filters={"country": "country"})

    def count(**params):
        answer = query.run(bucket_id="b1", **params)
        return sum(bucket["value"] for bucket in answer.get("buckets", [answer]))

    assert (count(), count(country="DE"), count(country="FR")) == (17, 3, 0)
    assert "country is None" in refused(query, bucket_id="b1", country=None)
    assert "Known ones: bucket_id, country," in refused(query, bucket_id="b1", land="DE")
