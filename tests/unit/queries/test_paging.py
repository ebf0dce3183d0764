"""Groups of an answer: none is lost, however many there are."""

from itertools import count

import pytest
from invenio_search.engine import search

from invenio_stats.core.metrics import parse_metrics
from invenio_stats.queries import paging, search_bodies
from invenio_stats.search.budget import Budget, OutOfBucketsError, OutOfTimeError, limited
from invenio_stats.search.client import SearchRequest, TooManyBucketsError, ValuesRefusedError

METRICS = parse_metrics({"value": ("sum", "count", {})})
BODY = search_bodies.groups({"match_all": {}}, ["country", "file_key"], 2, METRICS, {})


class StubClient:
    """An engine that gives its answers in turn, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def search(self, index, body, **options):
        self.asked.append(body)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"aggregations": answer}


def bucket(key, count, **inner):
    return {"key": key, "doc_count": count, "value": {"value": float(count)}, **inner}


def page(*buckets, after=None):
    return {"page": {"buckets": list(buckets), **({"after_key": after} if after else {})}}


def engine_error(status, kind):
    return search.exceptions.TransportError(status, kind, {"error": {"caused_by": {"type": kind}}})


PAGES = [
    page(bucket({"0": "CH"}, 3), bucket({"0": "DE"}, 5), after={"0": "DE"}),
    page(bucket({"0": "FR"}, 3)),
    page(bucket({"0": "CH", "1": "a"}, 1), bucket({"0": "CH", "1": "b"}, 2), bucket({"0": "DE", "1": "a"}, 5)),
]


def test_one_request_is_enough_when_the_engine_gives_all_groups():
    inner = {"file_key": {"sum_other_doc_count": 0, "buckets": [bucket("a", 1)]}}
    client = StubClient({"country": {"sum_other_doc_count": 0, "buckets": [bucket("CH", 1, **inner)]}})
    response = paging.fetch(SearchRequest(client, "stats-x", BODY), ["country", "file_key"], limit=100)
    assert response["aggregations"]["country"]["buckets"][0]["key"] == "CH"
    assert client.asked == [BODY]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param([{"country": {"sum_other_doc_count": 3, "buckets": [bucket("DE", 5)]}}], id="list cut"),
        pytest.param(
            [
                {
                    "country": {
                        "sum_other_doc_count": 0,
                        "buckets": [bucket("DE", 5, file_key={"sum_other_doc_count": 1, "buckets": []})],
                    }
                }
            ],
            id="inner list cut",
        ),
        pytest.param([engine_error(503, "too_many_buckets_exception"), {}], id="too many for one request"),
    ],
)
def test_groups_that_were_cut_are_fetched_page_by_page_in_the_engines_order(first):
    client = StubClient(*first, *PAGES)
    response = paging.fetch(SearchRequest(client, "stats-x", BODY), ["country", "file_key"], limit=100)
    countries = response["aggregations"]["country"]["buckets"]
    assert [group["key"] for group in countries] == ["DE", "CH", "FR"]
    assert [group["value"]["value"] for group in countries] == [5.0, 3.0, 3.0]
    assert [[inner["key"] for inner in group["file_key"]["buckets"]] for group in countries] == [["a"], ["b", "a"], []]
    assert client.asked[-2]["aggs"]["page"]["composite"]["after"] == {"0": "DE"}


def test_more_groups_than_an_answer_may_have_are_an_error_not_a_cut_list():
    client = StubClient({"country": {"sum_other_doc_count": 3, "buckets": []}}, *PAGES)
    with pytest.raises(TooManyBucketsError, match="more than 2 groups by country, file_key"):
        paging.fetch(SearchRequest(client, "stats-x", BODY), ["country", "file_key"], limit=2)


def test_a_search_that_was_built_without_our_groups_is_sent_as_it_is():
    client = StubClient({"other": {}})
    assert paging.fetch(SearchRequest(client, "stats-x", {"aggs": {}}), ["country"], limit=100) == {
        "aggregations": {"other": {}}
    }


def test_values_that_do_not_fit_their_fields_are_told_from_other_errors():
    client = StubClient(engine_error(400, "query_shard_exception"), engine_error(503, "query_shard_exception"))
    with pytest.raises(ValuesRefusedError):
        paging.fetch(SearchRequest(client, "stats-x", {}), [], limit=100)
    with pytest.raises(search.exceptions.TransportError):
        paging.fetch(SearchRequest(client, "stats-x", {}), [], limit=100)


def test_the_budget_is_checked_page_by_page():
    client = StubClient({"country": {"sum_other_doc_count": 3, "buckets": [bucket("DE", 5)]}}, *PAGES)
    with limited(Budget(None, 1)), pytest.raises(OutOfBucketsError):
        paging.fetch(SearchRequest(client, "stats-x", BODY), ["country", "file_key"], limit=100, page_size=2)
    assert len(client.asked) == 2


def test_no_page_is_asked_for_after_the_deadline():
    client = StubClient({"country": {"sum_other_doc_count": 3, "buckets": [bucket("DE", 5)]}}, *PAGES)
    clock = count(step=4).__next__
    with limited(Budget(14, None, clock)), pytest.raises(OutOfTimeError):
        paging.fetch(SearchRequest(client, "stats-x", BODY), ["country", "file_key"], limit=100, page_size=2)
    assert len(client.asked) == 2
