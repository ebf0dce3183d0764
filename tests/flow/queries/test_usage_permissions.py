"""Who may ask which ready-made query, over REST."""

from types import SimpleNamespace

import pytest
from flask import g, request

from invenio_stats.contrib.config import HOLDINGS_QUERIES, USAGE_QUERIES
from tests.conftest import create_light_app
from tests.fixtures.holdings import HOLDINGS, create_holdings
from tests.fixtures.permission_matrix import ADMINISTRATOR, MANAGER, UPLOADER, VISITOR, cases
from tests.flow.queries.usage_documents import Records, Totals, usage


def known_records():
    """A record and a community for everybody, and hidden ones of the uploader and the manager."""
    return Records(
        {"a1": "a", "h1": "h"},
        owners={"a1": UPLOADER, "h1": UPLOADER, "hidden": MANAGER},
        communities={"x": "physics", "hidden": "secret"},
        hidden=["h1", "hidden"],
        administrators=[ADMINISTRATOR],
        managers={"x": [MANAGER], "hidden": [MANAGER]},
        holdings=HOLDINGS,
    )


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config, tmp_path_factory):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path_factory.mktemp('holdings')}/holdings.db",
        "STATS_QUERIES": {**USAGE_QUERIES, **HOLDINGS_QUERIES},
        "STATS_ACCESS": known_records(),
        **cache_config,
    }


def create_app(**config):
    """Return an application in which the header of each request names its user; pytest-invenio calls it."""
    from flask_login import UserMixin
    from invenio_db import InvenioDB

    def load(asked):
        user = asked.headers.get("X-User")
        return type("User", (UserMixin,), {"id": user})() if user else None

    def identify():
        g.identity = SimpleNamespace(id=request.headers.get("X-User"), provides=())

    app = create_light_app(**config)
    InvenioDB(app)
    app.login_manager.request_loader(load)
    app.before_request(identify)
    return app


@pytest.fixture(autouse=True)
def records(app, search_client, index_prefix):
    state = app.extensions["invenio-stats"]
    known = known_records()
    state.access, state.item_metadata = known, known.describe
    Totals(search_client, index_prefix).write_usage([usage("2026-10-01", "h1", "h", ["hidden"], downloads=5)])
    create_holdings([{"record": "a", "access_status": "open", "owner": UPLOADER, "day": "2026-10-01"}], [("a", "x")])
    yield known
    from invenio_db import db

    db.engine.dispose()


def post(client, user, **entries):
    body = {key: {"stat": name, "params": params} for key, (name, params) in entries.items()}
    return client.post("/api/stats", json=body, headers={} if user == VISITOR else {"X-User": user})


PARAMS = {
    "open": {"record": {"record": "a1"}, "file": {"file": "a1/f"}, "community": {"community": "x"}, "repository": {}},
    "hidden": {"record": {"record": "h1"}, "file": {"file": "h1/f"}, "community": {"community": "secret"}},
    "own": {"user": {"user": UPLOADER}},
}


@pytest.mark.parametrize("case", cases(administrators_see=True), ids=str)
def test_the_matrix(client, case):
    """Visitor, uploader, manager and administrator, for each query; the same table holds for InvenioRDM."""
    params = PARAMS[case.thing][case.scope]
    found = {who: post(client, who, asked=(case.query, params)).status_code for who in case.statuses}
    assert found == case.statuses


@pytest.mark.parametrize(
    ("name", "hidden", "unknown"),
    [
        ("record-total", {"record": "h1"}, {"record": "nothing"}),
        ("record-total", {"record": "h"}, {"record": 17}),
        ("file-series", {"file": "h1/f"}, {"file": "nothing/f"}),
        ("community-records", {"community": "secret"}, {"community": "nothing"}),
    ],
)
def test_hidden_and_unknown_are_one_answer(client, name, hidden, unknown):
    """For the whole request: not even the key of the entry is in it."""
    answers = [post(client, VISITOR, fine=("repository-total", {}), a=(name, params)) for params in (hidden, unknown)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].data == answers[1].data
    assert answers[0].json == {"status": 404, "message": "There is no such record, community or user."}


@pytest.mark.parametrize("value", [["h1"], {"a": 1}, 1.5, True, "", None])
def test_what_is_no_id_is_said(client, value):
    answer = post(client, VISITOR, a=("record-total", {"record": value}))
    assert answer.status_code == 400
    assert "record" in answer.json["message"]


def test_the_instance_may_close_all(client, app, monkeypatch):
    closed = lambda query_name, params: SimpleNamespace(can=lambda: False)  # noqa: E731
    monkeypatch.setitem(app.config, "STATS_PERMISSION_FACTORY", closed)
    assert post(client, ADMINISTRATOR, a=("repository-total", {})).status_code == 403


@pytest.mark.parametrize(("user", "title"), [(VISITOR, "A restricted record"), (UPLOADER, "Title of h1")])
def test_titles_are_those_of_who_asks(client, user, title):
    rows = post(client, user, a=("repository-records", {"period": "all"})).json["a"]["rows"]
    assert [(row["rank"], row["downloads"], row["title"]) for row in rows] == [(1, 5, title)]
    assert (b"h1" in post(client, user, a=("repository-records", {"period": "all"})).data) is (user == UPLOADER)
