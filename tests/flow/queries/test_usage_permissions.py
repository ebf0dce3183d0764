"""Who may ask which ready-made query, over REST."""

from types import SimpleNamespace

import pytest
from flask import g, request

from invenio_stats.contrib.config import USAGE_QUERIES
from tests.flow.queries.usage_documents import Records, Totals, usage

PARENTS = {"a1": "a", "h1": "h"}
VISITOR, UPLOADER, MANAGER, ADMINISTRATOR = None, "7", "8", "9"
EVERYBODY = {VISITOR, UPLOADER, MANAGER, ADMINISTRATOR}


@pytest.fixture(scope="module")
def app_config(engine_url, index_prefix, cache_config):
    return {
        "SECRET_KEY": "test",
        "SEARCH_HOSTS": [engine_url],
        "SEARCH_INDEX_PREFIX": index_prefix,
        "STATS_QUERIES": USAGE_QUERIES,
        **cache_config,
    }


@pytest.fixture(scope="module", autouse=True)
def signed_in(base_app):
    """Each request is made by the user that its header names."""

    def identify():
        user = request.headers.get("X-User")
        g.identity = SimpleNamespace(id=user, provides=())

    base_app.before_request_funcs.setdefault(None, []).append(identify)


@pytest.fixture(autouse=True)
def records(app, search_client, index_prefix):
    """A record and a community for everybody, and hidden ones of the uploader and the manager."""
    state = app.extensions["invenio-stats"]
    known = Records(
        PARENTS,
        owners={"a1": UPLOADER, "h1": UPLOADER, "hidden": MANAGER},
        communities={"x": "physics", "hidden": "secret"},
        hidden=["h1", "hidden"],
        administrators=[ADMINISTRATOR],
    )
    state.access, state.item_metadata = known, known.describe
    Totals(search_client, index_prefix).write_usage([usage("2026-10-01", "h1", "h", ["hidden"], downloads=5)])
    return known


def post(client, user, **entries):
    body = {key: {"stat": name, "params": params} for key, (name, params) in entries.items()}
    return client.post("/api/stats", json=body, headers={"X-User": user} if user else {})


OPEN = {"record": {"record": "a1"}, "file": {"file": "a1/f"}, "community": {"community": "x"}, "repository": {}}
HIDDEN = {"record": {"record": "h1"}, "file": {"file": "h1/f"}, "community": {"community": "secret"}}
MATRIX = [
    *((name, OPEN[scope], EVERYBODY) for name in USAGE_QUERIES if (scope := name.partition("-")[0]) in OPEN),
    *(
        (name, HIDDEN[scope], {MANAGER if scope == "community" else UPLOADER, ADMINISTRATOR})
        for name in USAGE_QUERIES
        if (scope := name.partition("-")[0]) in HIDDEN
    ),
    *((name, {"user": UPLOADER}, {UPLOADER, ADMINISTRATOR}) for name in USAGE_QUERIES if name.startswith("user-")),
]


@pytest.mark.parametrize(
    ("name", "params", "permitted"),
    [pytest.param(*row, id=f"{row[0]} {'-'.join(row[1].values())}") for row in MATRIX],
)
def test_the_matrix(client, name, params, permitted):
    """Visitor, uploader, manager and administrator, for each query."""
    for user in (VISITOR, UPLOADER, MANAGER, ADMINISTRATOR):
        status = post(client, user, asked=(name, params)).status_code
        refused = 404 if "user" not in params else 401
        assert (user, status) == (user, 200 if user in permitted else refused)


def test_every_query_is_in_the_matrix():
    assert {row[0] for row in MATRIX} == set(USAGE_QUERIES)


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
    assert post(client, ADMINISTRATOR, a=("repository-total", {})).status_code == 401


@pytest.mark.parametrize(("user", "title"), [(VISITOR, "A restricted record"), (UPLOADER, "Title of h1")])
def test_titles_are_those_of_who_asks(client, user, title):
    rows = post(client, user, a=("repository-records", {"period": "all"})).json["a"]["rows"]
    assert [(row["rank"], row["downloads"], row["title"]) for row in rows] == [(1, 5, title)]
    assert (b"h1" in post(client, user, a=("repository-records", {"period": "all"})).data) is (user == UPLOADER)
