"""The REST API behaves as its description for programs says."""

import json
import re

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.contrib.config import HOLDINGS_QUERIES, QUERIES_CONFIG, USAGE_QUERIES
from invenio_stats.queries.usage.parameters import Position, write_position
from tests.conftest import create_light_app
from tests.fixtures.holdings import HOLDINGS, create_holdings
from tests.flow.queries.usage_documents import Records, Totals, usage
from tests.laws import examples

QUERIES = {**QUERIES_CONFIG, **USAGE_QUERIES, **HOLDINGS_QUERIES}
EXAMPLES = {"positive": 0.5, "negative": 0.25}
"""Part of the usual number of examples, for each operation."""


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config, tmp_path_factory):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path_factory.mktemp('holdings')}/holdings.db",
        "STATS_QUERIES": QUERIES,
        "STATS_ACCESS": known_records(),
        **cache_config,
    }


def known_records():
    return Records(
        {"a1": "a", "b1": "b"},
        communities={"x": "physics"},
        administrators=[None],
        managers={"x": [None]},
        holdings=HOLDINGS,
    )


def create_app(**config):
    """Return an application with a database; pytest-invenio calls it."""
    from invenio_db import InvenioDB

    app = create_light_app(**config)
    InvenioDB(app)
    return app


@pytest.fixture
def document(app, client):
    return client.get("/api/stats/openapi.json").json


def test_it_is_complete(app, document):
    """Every configured query has a path, its parameters and a schema of its answers that is defined."""
    assert document["openapi"] == "3.1.0"
    own = {"/stats", "/stats/openapi.json", "/stats/health", "/stats/metrics"}
    assert set(document["paths"]) == {*own, *(f"/stats/{name}" for name in QUERIES)}
    names = {
        name: [parameter.get("name") for parameter in document["paths"][f"/stats/{name}"]["get"]["parameters"]]
        for name in QUERIES
    }
    assert names["record-versions"] == [
        "record",
        "period",
        "from",
        "to",
        "compare",
        "by",
        "page",
        "size",
        "after",
        None,
    ]
    assert names["bucket-file-download-histogram"][:2] == ["bucket_id", "file_key"]
    for found in set(re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(document))):
        assert found[1] in document["components"][found[0]]


def test_it_can_be_kept(client, document):
    answer = client.get("/api/stats/openapi.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    again = client.get("/api/stats/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def calendar_dates():
    """Return a strategy for what a date may be, in the years of the totals."""
    days = st.dates().filter(lambda day: 2015 <= day.year <= 2026)
    return st.one_of(
        days.map(lambda day: day.isoformat()),
        days.map(lambda day: day.isoformat()[:7]),
        days.map(lambda day: day.isoformat()[:4]),
    )


POSITIONS = st.builds(
    Position, st.integers(1, 50), st.integers(0, 100), st.sampled_from(["", "a", "b"]), st.sampled_from(["", "made-up"])
)


def fit_together(query):
    """Keep the rules between two parameters, which a schema cannot say; they have tests of their own."""
    if "from" in query or "to" in query:
        query.pop("period", None)
    if "after" in query:
        query.pop("page", None)
    if int(query.get("page", 1)) * int(query.get("size", 25)) > 100_000:
        query["page"] = 1
    for first, last in (("from", "to"), ("start_date", "end_date")):
        if first in query:
            query[first] = min(query[first], "2026-01-01")
        if last in query and query[last] < query.get(first, ""):
            del query[last]
    return query


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_schemathesis_finds_nothing(app, search_client, index_prefix, mode):
    """It asks every query with values that fit their schemas, and with others."""
    state = app.extensions["invenio-stats"]
    known = known_records()
    state.access, state.item_metadata = known, known.describe
    Totals(search_client, index_prefix).write_usage([usage("2026-02-01", "a1", "a", ["x"], downloads=3)])
    create_holdings([{"record": "a", "access_status": "open", "owner": "7", "day": "2026-02-01"}], [("a", "x")])
    schemathesis.openapi.format("calendar-date", calendar_dates())
    schemathesis.openapi.format("position", POSITIONS.map(write_position))
    schema = schemathesis.openapi.from_wsgi("/api/stats/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    asked = [operation for operation in operations if operation.method == "get"]
    assert {operation.path for operation in asked} >= {f"/stats/{name}" for name in app.config["STATS_QUERIES"]}
    for operation in asked:
        if mode == "negative" and not operation.query:
            continue
        check(operation, schemathesis.GenerationMode(mode))


def check(operation, mode):
    """Send cases of an operation, and check the answers against the description."""

    @given(operation.as_strategy(generation_mode=mode))
    @examples(EXAMPLES[mode.value])
    def send(case):
        if mode is schemathesis.GenerationMode.POSITIVE:
            case.query = fit_together(case.query)
        case.call_and_validate()

    send()
