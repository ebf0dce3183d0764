"""Each bucket of a response counts in the budget, wherever it is."""

from types import SimpleNamespace

import pytest

from invenio_stats.search.budget import Budget, OutOfBucketsError, limited
from invenio_stats.search.client import SearchRequest, search

TWO = {"buckets": [{"key": "a", "doc_count": 1, "sum": {"value": 3.0}}, {"key": "b", "doc_count": 1}]}


def spend(aggregations, **options):
    """Return the number of buckets that a response with the aggregations takes from a budget."""
    client = SimpleNamespace(search=lambda **request: {"aggregations": aggregations})
    try:
        with limited(Budget(None, 0)):
            search(SearchRequest(client, "totals", {}, **options))
    except OutOfBucketsError as error:
        return error.buckets
    return 0


@pytest.mark.parametrize(
    ("aggregations", "buckets"),
    [
        pytest.param({}, 0, id="none"),
        pytest.param({"groups": TWO}, 2, id="groups"),
        pytest.param({"groups": TWO, "others": TWO}, 4, id="groups beside groups"),
        pytest.param({"groups": {"buckets": [{"key": "a", "inner": TWO}]}}, 3, id="groups in a group"),
        pytest.param({"recid": {"doc_count": 2, "groups": TWO}, "record_id": {"doc_count": 0}}, 2, id="in a filter"),
        pytest.param({"outer": {"doc_count": 2, "inner": {"doc_count": 2, "groups": TWO}}}, 2, id="in two filters"),
        pytest.param({"ranges": {"buckets": {"0": {"doc_count": 1}, "1": {"inner": TWO}}}}, 4, id="by key"),
        pytest.param(
            {"views": {"value": 3.0}, "newest": {"hits": {"total": {"value": 1}, "hits": []}}}, 0, id="metrics"
        ),
    ],
)
def test_buckets_are_counted(aggregations, buckets):
    assert spend(aggregations) == buckets


def test_buckets_that_are_not_kept_are_not_counted():
    assert spend({"groups": TWO}, keeps_buckets=False) == 0
