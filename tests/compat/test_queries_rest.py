"""Contract, REST: several questions in, their answers out by name; every mistake is a status and a message."""

import json
from types import SimpleNamespace

import pytest

from invenio_stats import current_stats
from invenio_stats.errors import InvalidRequestInputError, UnknownQueryError
from invenio_stats.queries import TermsQuery

HISTOGRAM = "bucket-file-download-histogram"
TOTAL = "bucket-file-download-total"


@pytest.fixture(scope="module")
def app_config(app_config):
    queries = {
        **app_config["STATS_QUERIES"],
        "secret": {
            "cls": TermsQuery,
            "params": {"index": "stats-file-download", "required_filters": {"bucket_id": "bucket_id"}},
            "permission_factory": lambda name, params: SimpleNamespace(can=lambda: params["bucket_id"] == "B1"),
        },
        "open": {
            "cls": TermsQuery,
            "params": {"index": "stats-file-download"},
            "permission_factory": lambda name, params: None,
        },
    }
    return {**app_config, "SECRET_KEY": "test", "STATS_QUERIES": queries}


@pytest.fixture
def ask(client):
    """Return a function that posts a body, and gives the response."""
    return lambda body, **options: client.post(
        "/api/stats", data=json.dumps(body), **{"content_type": "application/json", **options}
    )


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"bucket_id": "B1"}, id="missing filter"),
        pytest.param({"bucket_id": "B1", "file_key": "a", "colour": "red"}, id="unknown parameter"),
        pytest.param({"bucket_id": "B1", "file_key": "a", "interval": "century"}, id="bad interval"),
        pytest.param({"bucket_id": "B1", "file_key": "a", "start_date": "soon"}, id="bad date"),
        pytest.param({"bucket_id": ["B1"], "file_key": "a"}, id="a list where a value belongs"),
        pytest.param({"bucket_id": "B1", "file_key": "a", "start_date": "2026-02", "end_date": "2026-01"}, id="range"),
    ],
)
def test_a_wrong_parameter_is_an_error_of_the_client(app, ask, params):
    with pytest.raises(InvalidRequestInputError):
        current_stats.get_query(HISTOGRAM).run(**params)
    response = ask({"a": {"stat": HISTOGRAM, "params": params}})
    assert response.status_code == 400
    assert set(response.json) == {"status", "message"}


def test_answers_come_by_name(totals, ask):
    response = ask(
        {
            "first": {"stat": TOTAL, "params": {"bucket_id": "B1"}},
            "second": {"stat": HISTOGRAM, "params": {"bucket_id": "B1", "file_key": "a.pdf", "interval": "month"}},
        }
    )
    assert response.status_code == 200
    assert set(response.json) == {"first", "second"}
    assert response.json["first"]["value"] == 19.0
    assert [bucket["value"] for bucket in response.json["second"]["buckets"]] == [5.0, 4.0]
    assert ask({}).json == {}


@pytest.mark.parametrize("body", ['{"a": {"stat": "no-such-query"}}', '{"a": 1}', '{"a": {}}', "[]", '{"a": ', ""])
def test_what_cannot_be_understood_is_400(client, app, body):
    response = client.post("/api/stats", data=body, content_type="application/json")
    assert response.status_code == 400
    assert set(response.json) == {"status", "message"}
    assert response.json["status"] == 400


def test_another_content_type_is_415_and_another_format_406(ask):
    assert ask({}, content_type="text/plain").status_code == 415
    assert ask({}, headers={"Accept": "text/html"}).status_code == 406


def test_who_may_not_is_401_when_anonymous_else_403(totals, client, ask):
    body = {"a": {"stat": "secret", "params": {"bucket_id": "B2"}}}
    assert ask(body).status_code == 401
    with client.session_transaction() as session:
        session["_user_id"] = "1"
    assert ask(body).status_code == 403
    assert ask({"a": {"stat": "secret", "params": {"bucket_id": "B1"}}}).status_code == 200


def test_a_factory_that_returns_none_permits(totals, ask):
    assert ask({"a": {"stat": "open"}}).status_code == 200


def test_an_index_that_does_not_exist_yet_is_an_empty_answer(search_client, ask):
    params = {"bucket_id": "B1", "file_key": "a.pdf"}
    answer = ask({"t": {"stat": TOTAL, "params": {"bucket_id": "B1"}}, "h": {"stat": HISTOGRAM, "params": params}}).json
    assert (answer["t"]["value"], answer["t"]["buckets"], answer["h"]["buckets"]) == (0, [], [])


def test_errors_take_what_is_wrong_and_are_400(app):
    with app.test_request_context("/"):
        assert (InvalidRequestInputError("x").code, InvalidRequestInputError("x").description) == (400, "x")
        assert UnknownQueryError("views").code == 400
        assert "views" in UnknownQueryError("views").description
