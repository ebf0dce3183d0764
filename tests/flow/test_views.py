"""POST /api/stats answers queries."""

import socket

import pytest
from flask import url_for

from invenio_stats import current_stats
from invenio_stats.errors import UnknownQueryError
from invenio_stats.permissions import AllowAllPermission, default_permission_factory
from invenio_stats.queries.batch import QueryRequest, answer_all
from invenio_stats.views.post import MAX_QUERIES
from tests.flow.rest import QUERIES, refusal


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_QUERIES": QUERIES,
        **cache_config,
    }


def test_several_questions_are_answered_by_name(ask, one_total):
    response = ask(
        {
            "per day": {"stat": "histogram", "params": {"bucket_id": "b1", "interval": "day"}},
            "all": {"stat": "total", "params": {"bucket_id": "b1"}},
            "said": {"stat": "echo", "params": {"word": "a", "times": 2}},
        }
    )
    assert response.status_code == 200
    assert response.json["per day"]["buckets"] == [
        {"key": 1767225600000, "date": "2026-01-01T00:00:00.000Z", "value": 3.0}
    ]
    assert response.json["all"] == {
        "start_date": None,
        "end_date": None,
        "value": 3.0,
        "type": "bucket",
        "field": "file_key",
        "key_type": "terms",
        "buckets": [{"key": "a.pdf", "value": 3.0}],
    }
    assert response.json["said"] == {"said": ["a", "a"]}


def test_no_question_has_no_answer(ask):
    response = ask({})
    assert (response.status_code, response.json) == (200, {})


def test_an_index_that_does_not_exist_yet_is_an_empty_answer(ask, search_client):
    assert ask({"a": {"stat": "total", "params": {"bucket_id": "b1"}}}).json["a"]["value"] == 0


def test_the_endpoint_keeps_its_name(app):
    with app.test_request_context():
        assert url_for("invenio_stats.stat_query") == "/api/stats"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"a": ', "not valid JSON"),
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        (b"\xff\xfe{", "not valid JSON"),
        ('{"a": {"stat": "open", "params": {"a": ' + "1" * 5000 + "}}}", "not valid JSON"),
        ('{"a": NaN}', "'NaN', which is not a number"),
        ('{"a": -Infinity}', "'-Infinity', which is not a number"),
        ('{"a": 1e999}', "'1e999', which is not a number"),
        ('{"a": {"stat": "open"}, "a": {"stat": "open"}}', "'a' twice"),
        ("[]", "The body is []"),
        ("null", "The body is None"),
        ('"open"', "The body is 'open'"),
        ('{"a": []}', "'a': the entry is []"),
        ('{"a": null}', "'a': the entry is None"),
        ('{"a": {}}', "'a': stat is None"),
        ('{"a": {"params": {}}}', "'a': stat is None"),
        ('{"a": {"stat": ["open"]}}', "'a': stat is ['open']"),
        ('{"a": {"stat": "open", "params": []}}', "'a': params is []"),
        ('{"a": {"stat": "open", "params": null}}', "'a': params is None"),
        ('{"a": {"stat": "open", "parameters": {}}}', "'a': the entry has unknown keys: ['parameters']"),
        ('{"a": {"stat": "nothing"}}', "'a': Unknown query 'nothing'"),
        ('{"a": {"stat": "' + "x" * 10_000 + '"}}', "Unknown query 'xxx"),
        ('{"a": {"stat": "total"}}', "'a': Missing required parameters: bucket_id"),
        ('{"a": {"stat": "total", "params": {"bucket_id": "b", "colour": 1}}}', "'a': Unknown parameters: 'colour'"),
        ('{"a": {"stat": "total", "params": {"bucket_id": true}}}', "'a': bucket_id is True"),
        ('{"a": {"stat": "open", "params": {"start_date": "soon"}}}', "'a': start_date is 'soon'"),
        ('{"a": {"stat": "open", "params": {"self": 1}}}', "'a': Unknown parameters: 'self'"),
        (
            '{"a": {"stat": "modified", "params": {"self": 1, "search": 1}}}',
            "'a': Unknown parameters: 'search', 'self'",
        ),
        ('{"a": {"stat": "echo", "params": {"words": "a"}}}', "'a': params do not fit the query"),
        ('{"a": {"stat": "echo", "params": {"self": 1, "word": "a"}}}', "'a': params do not fit the query"),
    ],
)
def test_what_cannot_be_understood_is_named(client, body, message):
    response = client.post("/api/stats", data=body, content_type="application/json")
    text = refusal(response)
    assert message in text
    assert len(text) < 400


def test_a_value_that_does_not_fit_its_field_is_named(ask, one_total):
    assert "'a': The search engine cannot compare" in refusal(
        ask({"a": {"stat": "by-version", "params": {"version": "x"}}})
    )
    assert "term=" in refusal(ask({"a": {"stat": "modified", "params": {"term": ["list"]}}}))


def test_one_mistake_refuses_the_whole_request(ask, one_total):
    body = {"right": {"stat": "open"}, "wrong": {"stat": "total"}}
    assert refusal(ask(body)).startswith("'wrong': ")


def test_there_are_only_so_many_questions_in_a_request(ask):
    body = {str(number): {"stat": "echo", "params": {"word": "a"}} for number in range(MAX_QUERIES)}
    assert ask(body).status_code == 200
    assert "Send at most 100 at once" in refusal(ask({**body, "more": {"stat": "open"}}))


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_another_content_type_is_refused(client, content_type):
    response = client.post("/api/stats", data="{}", content_type=content_type)
    assert "Content-Type" in refusal(response, 415)


def test_json_with_a_charset_is_json(client):
    assert client.post("/api/stats", data="{}", content_type="application/json; charset=utf-8").json == {}


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0"])
def test_another_format_is_not_acceptable(ask, accept):
    refusal(ask({"a": {"stat": "open"}}, headers={"Accept": accept}), 406)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html, */*;q=0.1"])
def test_json_is_given_to_who_accepts_it(ask, accept):
    assert ask({}, headers={"Accept": accept}).mimetype == "application/json"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_not_allowed(client, method):
    assert getattr(client, method)("/api/stats").status_code == 405


def test_who_may_not_ask_is_told_to_log_in_or_refused(client, ask):
    body = {"open": {"stat": "open"}, "a": {"stat": "secret"}}
    assert "'secret' requires a login" in refusal(ask(body), 401)
    with client.session_transaction() as session:
        session["_user_id"] = "1"
    assert "not permitted to run query 'secret'" in refusal(ask(body), 403)


def test_a_permission_sees_the_parameters(ask):
    assert ask({"a": {"stat": "own-bucket", "params": {"bucket_id": "b1"}}}).status_code == 200
    refusal(ask({"a": {"stat": "own-bucket", "params": {"bucket_id": "b2"}}}), 401)


def test_nobody_is_asked_before_all_entries_are_permitted(app, client, expect_logged_errors, unreachable):
    """With an engine that is down, a refusal comes all the same."""
    refusal(client.post("/api/stats", json={"a": {"stat": "open"}, "b": {"stat": "secret"}}), 401)
    assert expect_logged_errors() == []


def test_an_unknown_query_is_named_without_http_too(app):
    """Other packages answer queries by `answer_all`, too."""
    with app.test_request_context(), pytest.raises(UnknownQueryError, match="'a': Unknown query 'nothing'"):
        answer_all([QueryRequest("a", "nothing", {})])


def test_by_default_everybody_may_ask():
    for permission in (AllowAllPermission, AllowAllPermission(), default_permission_factory("open", {})):
        assert permission.can()
        assert permission.allows("anybody")


@pytest.fixture
def unreachable(app):
    """The query `open`, asking an engine that is not there."""
    from invenio_search.engine import SearchEngine

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    query = current_stats.get_query("open")
    client, query.client = query.client, SearchEngine([{"host": "127.0.0.1", "port": port}], max_retries=0)
    yield
    query.client = client


def test_an_engine_that_is_down_is_503_logged_and_not_shown(ask, unreachable, expect_logged_errors):
    message = refusal(ask({"a": {"stat": "open"}}), 503)
    assert message == "The search engine does not answer. Ask again later."
    assert [record.query for record in expect_logged_errors()] == ["open"]


def test_a_query_that_the_engine_refuses_is_500_logged_and_not_shown(ask, one_total, expect_logged_errors):
    message = refusal(ask({"a": {"stat": "misconfigured"}}), 500)
    assert message == "Query 'misconfigured' cannot be answered as it is configured."
    assert len(expect_logged_errors()) == 1
