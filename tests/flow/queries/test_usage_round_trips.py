"""The questions of a page are asked together: two requests to the search engine, whatever their number."""

from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from flask import g

from invenio_stats.completeness.first_day import FirstDay
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, USAGE_AGGREGATIONS, USAGE_QUERIES
from invenio_stats.errors import InvalidRequestInputError, NoAnswerError
from invenio_stats.proxies import current_stats
from invenio_stats.queries.batch import QueryRequest, answer_all, answer_each
from invenio_stats.queries.usage.answers import UsageTotalQuery
from invenio_stats.search.client import SearchRequest
from invenio_stats.search.steps import fetch_all
from tests.flow.queries.usage_documents import Records, Totals, set_bookmarks, usage

NOW = datetime(2026, 11, 12, 9, 30, tzinfo=timezone.utc)
STEEP = [
    usage(f"2026-{month:02}-03", f"a{number:03}", None, ["x", "y"][: number % 3], views=5, downloads=40_000 >> number)
    for month in (5, 6, 7)
    for number in range(16)
]
FLAT = [usage("2026-09-03", f"b{number:03}", downloads=1) for number in range(600)]
PAGE = {
    "repository-total": {},
    "repository-series": {"interval": "month"},
    "repository-records": {},
    "repository-communities": {"size": 1},
    "repository-countries": {},
    "repository-hosts": {},
    "repository-open-ratio": {},
    "community-total": {"community": "x"},
    "community-records": {"community": "x"},
}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        **cache_config,
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_AGGREGATIONS": {**AGGREGATIONS_CONFIG, **USAGE_AGGREGATIONS},
        "STATS_QUERIES": {
            name: {**entry, "params": {**entry["params"], "clock": lambda: NOW}}
            for name, entry in USAGE_QUERIES.items()
        },
    }


@pytest.fixture(autouse=True)
def written(app, search_client, index_prefix):
    """Totals of which few lead, so that the largest of each shard prove the order of all."""
    known = Records({total["item_id"]: total["item_id"] for total in [*STEEP, *FLAT]}, communities={"x": "x"})
    app.extensions["invenio-stats"].access = known
    app.extensions["invenio-stats"].item_metadata = known.describe
    g.identity = SimpleNamespace(id=None, provides=())
    written = Totals(search_client, index_prefix)
    written.write_usage(STEEP, shards=2)
    FirstDay(search_client, "item-usage-agg").set(datetime(2026, 1, 1))
    set_bookmarks(search_client, index_prefix, NOW)
    return written


def ask(questions, **params):
    return answer_all([QueryRequest(name, name, {**given, **params}) for name, given in questions.items()])


@pytest.mark.parametrize(
    "days",
    [
        pytest.param({"from": "2026-05", "to": "2026-07"}, id="months"),
        pytest.param({"from": "2026-05-30", "to": "2026-06-28"}, id="days that are cut from months"),
        pytest.param({"from": "2026-05-30", "to": "2026-06-28", "compare": "year"}, id="a year before"),
        pytest.param({"from": "2026-05", "to": "2026-07", "compare": "none"}, id="nothing before"),
    ],
)
def test_total_and_series_are_the_same_searches(search_client, monkeypatch, days):
    """Each search is sent once, and the total is the sum of the points."""
    sent, send = [], search_client.msearch

    def record(body, **options):
        sent.append(body)
        return send(body=body, **options)

    monkeypatch.setattr(search_client, "msearch", record)
    answers = ask({"repository-total": {}, "repository-series": {}}, **days)
    total, series = answers["repository-total"], answers["repository-series"]
    lines = sent[-1].splitlines()
    searches = list(zip(lines[::2], lines[1::2], strict=True))
    assert len(searches) == len(set(searches)) <= 3
    assert total["downloads"] == sum(point["downloads"] for point in series["points"]) > 0
    if total["before"]:
        before = [point["before"] for point in series["points"] if point["before"]]
        assert total["before"]["downloads"] == sum(point["downloads"] for point in before)


def test_a_page_is_two_requests(requests):
    """The first one has lists know their candidates, the second one brings these' numbers and the period before."""
    ask(PAGE, **{"from": "2026-05", "to": "2026-06"})  # finds out where the shards are, for as long as totals stay
    requests.clear()
    answers = ask(PAGE, **{"from": "2026-05", "to": "2026-07"})
    assert requests == {"_msearch": 2}
    assert [row["downloads"] for row in answers["repository-records"]["rows"][:2]] == [120_000, 60_000]
    assert answers["repository-records"]["rows"][0]["before"]["downloads"] == 0
    assert answers["community-records"]["count"] == 10


def test_the_first_page_of_a_process_also_reads_the_revision_and_where_the_shards_are(requests, app):
    app.extensions.pop("invenio-stats-completeness", None)
    ask(PAGE, **{"from": "2026-05", "to": "2026-08"})
    assert requests == {
        "_mget": 1,
        "_alias": 1,  # which indices of totals are closed
        "_msearch": 2 + 1,
        "_settings": 1,
        "_mapping": 1,
    }  # one for the oldest totals of 7.x


def test_what_is_cached_is_not_asked(requests):
    days = {"from": "2026-04", "to": "2026-07"}
    before = ask(PAGE, **days)
    requests.clear()
    assert ask(PAGE, **days) == before
    assert requests == {}


def test_of_some_that_are_cached_only_the_others_are_asked(requests):
    days = {"from": "2026-03", "to": "2026-07"}
    ask({"repository-records": {}}, **days)
    requests.clear()
    ask({"repository-records": {}, "repository-total": {}, "repository-countries": {}}, **days)
    # Months that were not folded are counted, to be shown as a whole.
    assert requests == {"_msearch": 1, "_search": 1}


class RefusedQuery(UsageTotalQuery):
    """A query with a search that the engine refuses."""

    def numbers(self, question, coverage):
        body = {"query": {"range": {"timestamp": {"gte": "no date"}}}}
        yield from fetch_all([SearchRequest(self.client, self.index, body)])


SEVEN = list(PAGE)[:7]


@pytest.mark.parametrize(
    ("changes", "params", "last", "error"),
    [
        pytest.param({"cls": RefusedQuery}, {}, "2026-07", NoAnswerError, id="refused by the engine"),
        pytest.param({}, {"metric": "citations"}, "2026-08", InvalidRequestInputError, id="an invalid parameter"),
    ],
)
@pytest.mark.expect_logged_errors  # of the query that the engine refuses
def test_one_of_seven_parts_that_fails_costs_no_further_request(
    requests, app, monkeypatch, changes, params, last, error
):
    """The six others are answered as before, by the same two requests."""
    days = {"from": "2026-02", "to": last}
    ask(PAGE, **{"from": "2026-01", "to": last})
    entry = app.config["STATS_QUERIES"]["repository-total"]
    queries = {**app.config["STATS_QUERIES"], "repository-total": {**entry, **changes}}
    monkeypatch.setitem(app.config, "STATS_QUERIES", queries)
    given = {name: {**PAGE[name], **days} for name in SEVEN}
    given["repository-total"] |= params
    requests.clear()
    outcomes = answer_each([QueryRequest(name, name, params) for name, params in given.items()])
    assert requests["_msearch"] == 2
    assert isinstance(outcomes.pop("repository-total"), error)
    assert outcomes == ask({name: PAGE[name] for name in SEVEN if name != "repository-total"}, **days)


def test_a_list_of_nearly_equal_numbers_takes_more_of_each_shard(requests, written):
    written.write_usage(FLAT, shards=2)
    days = {"from": "2026-09", "to": "2026-10", "compare": "none"}
    ask({"repository-records": {}}, **{**days, "to": "2026-09"})
    requests.clear()
    answer = ask({"repository-records": {}}, **days)["repository-records"]
    assert [row["id"] for row in answer["rows"][:2]] == ["b000", "b001"]
    assert requests == {"_msearch": 3, "_search": 1}  # 100, 200 and 400 of each shard, which are all; their numbers


def test_the_numbers_of_many_records_are_one_request(requests):
    current_stats.records_stats(["a001"])
    requests.clear()
    found = current_stats.records_stats([f"a{number:03}" for number in range(16)])
    assert found["a001"]["all_versions"]["downloads"] == 60_000
    assert requests == {"_msearch": 1}
