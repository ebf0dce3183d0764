"""POST /api/stats answers any request with a result or an error, never with a crash."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.flow.rest import QUERIES, refusal
from tests.laws import examples


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_QUERIES": QUERIES,
        **cache_config,
    }


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
DATES = st.dates().map(str) | st.datetimes().map(str) | st.integers(0, 12000).map(str)
PARAMETERS = st.sampled_from(
    ["bucket_id", "version", "interval", "start_date", "end_date", "word", "term", "self", "search", "query"]
)
INTERVALS = st.sampled_from(["year", "quarter", "month", "week", "day"])
ENTRIES = st.fixed_dictionaries(
    {"stat": st.sampled_from(sorted(set(QUERIES) - {"misconfigured", "echo"}))},
    optional={"params": st.dictionaries(PARAMETERS | st.text(max_size=5), DATES | INTERVALS | VALUES, max_size=5)},
)


@examples(3)
@given(body=VALUES | st.dictionaries(st.text(max_size=5), ENTRIES | VALUES, max_size=3))
def test_whatever_is_asked_is_answered_or_refused_but_never_breaks(one_total, ask, body):
    response = ask(body)
    assert response.status_code in (200, 400, 401), (response.status_code, json.dumps(body), response.text)
    assert response.mimetype == "application/json"
    if response.status_code != 200:
        refusal(response, response.status_code)


@given(body=st.binary(max_size=50) | st.text(max_size=50).map(str.encode))
@example(b"{}")
def test_whatever_bytes_are_sent_are_read_or_refused(client, body):
    response = client.post("/api/stats", data=body, content_type="application/json")
    if response.status_code == 200:
        assert response.json == json.loads(body) == {}
    else:
        refusal(response)
