"""What a request says of its use, text and data mining and the institution, is in the stored event."""

from types import SimpleNamespace

import pytest
from flask import current_app, request
from invenio_files_rest.signals import file_downloaded
from invenio_records_ui.signals import record_viewed
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine

from invenio_stats.items.resolver import Item
from invenio_stats.processors import filter_machines, filter_robots, flag_machines, flag_robots
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import aggregate_events, process_events
from tests.flow.test_processors import BROWSER

FILE = SimpleNamespace(bucket_id="B", file_id="F", key="paper.pdf", file=SimpleNamespace(size=9))
PID = SimpleNamespace(pid_type="recid", pid_value="1")
RECORD = SimpleNamespace(id="R")
CURL = "curl/8.5.0"
ASKED = []
DATABASE = create_engine("sqlite://")


def resolver(**thing):
    """Know the item of everything, after a look into a database."""
    ASKED.append("item")
    with DATABASE.connect() as connection:
        connection.execute(text("SELECT 1"))
    return Item("I", ["bees"], "restricted", "P")


def is_mining(asked):
    """Recognise mining by a header; the request is the current one."""
    ASKED.append("mining")
    assert asked is request._get_current_object()
    return asked.headers["X-Mining"] if "X-Broken" in asked.headers else "X-Mining" in asked.headers


def institution_of(user):
    """Know the institution of one user."""
    ASKED.append("institution")
    return {"7": "library", "8": "unheard of", "9": ["library"]}[user.id] if user.is_authenticated else None


@pytest.fixture(scope="module")
def app_config(app_config, events_config):
    def chain_of(name, replaced):
        params = events_config[name]["params"]
        params["preprocessors"] = [replaced.get(step, step) for step in params["preprocessors"]]

    chain_of("file-download", {flag_robots: filter_robots, flag_machines: filter_machines})
    return {
        **app_config,
        "STATS_ITEM_RESOLVER": resolver,
        "STATS_COUNTER_TDM": is_mining,
        "STATS_COUNTER_INSTITUTION": institution_of,
        "STATS_PSEUDONYMIZE_IN": {"record-view": "worker"},
        "STATS_COUNTER_CUSTOMERS": [
            {"customer_id": "campus", "name": "Campus", "ranges": ["192.0.2.0/24"]},
            {"customer_id": "library", "name": "Library", "ranges": ["192.0.2.7/32", "2001:db8::/32"]},
        ],
    }


@pytest.fixture(scope="module")
def base_app(base_app):
    """The application with a page and a download."""

    @base_app.route("/view")
    def view():
        record_viewed.send(current_app._get_current_object(), pid=PID, record=RECORD)
        return "page"

    @base_app.route("/archive")
    def archive():
        for _ in range(5):
            file_downloaded.send(current_app._get_current_object(), obj=FILE, record=RECORD)
        return "content"

    return base_app


@pytest.fixture
def ask(base_app, queues, put_templates, refresh, search_client, index_prefix):
    """Return a function that makes a request, and returns the event that is stored then."""

    def make(path="/view", address="203.0.113.9", agent=BROWSER, user=None, **headers):
        ASKED.clear()
        visitor = base_app.test_client()
        if user:
            with visitor.session_transaction() as session:
                session["_user_id"] = user
        environ = {"REMOTE_ADDR": address}
        visitor.get(path, headers={"User-Agent": agent, **headers}, environ_base=environ)
        process_events(["record-view", "file-download"])
        refresh()
        alias = {"/view": "record-view", "/archive": "file-download"}[path]
        hits = search_client.search(index=f"{index_prefix}events-stats-{alias}", ignore_unavailable=True)["hits"]
        return [hit["_source"] for hit in hits["hits"]]

    return make


@pytest.mark.parametrize("path", ["/view", "/archive"])
@pytest.mark.parametrize(
    ("who", "institution"),
    [
        pytest.param({"address": "192.0.2.1"}, "campus", id="range"),
        pytest.param({"address": "192.0.2.7"}, "library", id="longest range"),
        pytest.param({"address": "::ffff:192.0.2.7"}, "library", id="IPv4 in IPv6"),
        pytest.param({"address": "2001:db8::9"}, "library", id="IPv6"),
        pytest.param({"address": "192.0.2.1", "user": "7"}, "library", id="the user is asked first"),
        pytest.param({}, None, id="nobody's"),
    ],
)
def test_an_event_has_its_item_and_its_institution(ask, path, who, institution):
    """Also where the worker pseudonymizes, which the address reaches."""
    (stored,) = ask(path, **who)
    assert stored.get("institution") == institution
    assert (stored["item_id"], stored["parent_id"], stored["labels"]) == ("I", "P", ["bees"])
    assert (stored["access_status"], stored["access_type"]) == ("restricted", "Controlled")
    assert "access_method" not in stored
    assert not [value for value in stored.values() if isinstance(value, str) and value == who.get("address")]


def test_what_is_asked_of_a_request_is_asked_once(ask):
    """Five files of a record in one request: one look-up of the item, whose query of the database is the only one."""
    statements = []

    def note(connection, cursor, statement, *args):
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        ask("/archive")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert sorted(ASKED) == ["institution", "item", "mining"]
    assert statements == ["SELECT 1"]


@pytest.mark.parametrize("path", ["/view", "/archive"])
def test_mining_by_a_program_is_stored_flagged(ask, path):
    """Filters drop robots and machines, but not those that were agreed."""
    (stored,) = ask(path, agent=CURL, **{"X-Mining": "yes"})
    assert (stored["access_method"], stored["is_robot"], stored["is_machine"]) == ("TDM", True, True)


def test_a_program_that_was_not_agreed_is_dropped(ask):
    assert ask("/archive", agent=CURL) == []


@pytest.mark.parametrize(
    ("who", "message"),
    [
        pytest.param({"X-Broken": "yes"}, "Error attributing a request", id="mining fails"),
        pytest.param({"user": "10"}, "Error attributing a request", id="institution fails"),
        pytest.param({"user": "8"}, "STATS_COUNTER_INSTITUTION returned no id of STATS_COUNTER_CUSTOMERS", id="no id"),
        pytest.param({"user": "9"}, "STATS_COUNTER_INSTITUTION returned no id of STATS_COUNTER_CUSTOMERS", id="a list"),
    ],
)
@pytest.mark.expect_logged_errors
def test_what_fails_is_logged_without_its_text_and_is_not_known(ask, caplog, who, message):
    (stored,) = ask(address="192.0.2.1", **who)
    assert stored["institution"] == "campus"
    assert "access_method" not in stored
    assert message in [record.getMessage() for record in caplog.records]
    assert "192.0.2.1" not in caplog.text
    assert "unheard of" not in [value for record in caplog.records for value in vars(record).values()]


def test_totals_leave_mining_out_whatever_their_modifiers(ask, monkeypatch, refresh, search_client, index_prefix):
    monkeypatch.setitem(current_stats.aggregations["record-view-agg"].params, "query_modifiers", [])
    ask(agent=CURL, **{"X-Mining": "yes"})
    ask(agent=BROWSER, address="203.0.113.1", **{"X-Mining": "yes"})
    ask(agent=CURL, address="203.0.113.2")
    ask()
    aggregate_events(["record-view-agg"])
    refresh()
    hits = search_client.search(index=f"{index_prefix}stats-record-view")["hits"]["hits"]
    assert [(hit["_source"]["count"], hit["_source"]["parent_id"]) for hit in hits] == [(2, "P")]
    automated = search_client.search(index=f"{index_prefix}stats-automated-record-view")["hits"]["hits"]
    assert [hit["_source"]["count"] for hit in automated] == [1]


@pytest.mark.parametrize(
    "changes", [{"STATS_COUNTER_CUSTOMERS": [{}]}, {"STATS_COUNTER_TDM": 7}, {"STATS_COUNTER_ACCESS_TYPES": {"a": "b"}}]
)
def test_a_mistake_stops_the_start(app_config, create_app, changes):
    (setting,) = changes
    with pytest.raises(ValueError, match=setting):
        create_app(**{**app_config, **changes})
