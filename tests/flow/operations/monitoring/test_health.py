"""Health and metrics say what waits, what failed and what is late; also while a service is away or hangs."""

import re
import socket
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import g
from invenio_queues.queue import Queue
from invenio_search.engine import search
from kombu import Connection
from prometheus_client.parser import text_string_to_metric_families

from invenio_stats.broker import dead_letters
from invenio_stats.broker.transports.drivers import failure_types, limited_pool
from invenio_stats.core.moments import iso_zoned, to_second
from invenio_stats.items.access import SYSTEM
from invenio_stats.operations import daily, runner
from invenio_stats.operations.monitoring import deadlines, health, ingest_counters, last_runs, metrics
from invenio_stats.operations.monitoring.deadlines import Unknown, ask_all
from invenio_stats.operations.monitoring.doctor import examine
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import download

ROBOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
PARTS = set(metrics.PARTS)


@pytest.fixture(scope="module", autouse=True)
def signed_in(base_app):
    """Each request is made by who the test says: by default, a command."""

    def identify():
        g.identity = base_app.config.get("TEST_IDENTITY", SYSTEM)

    base_app.before_request_funcs.setdefault(None, []).append(identify)


@pytest.fixture(autouse=True)
def _clean(app, queues, search_client):
    app.extensions["invenio-cache"].cache.clear()
    app.extensions.pop(deadlines._KEY, None)


@pytest.fixture
def get_health(client):
    """Return a function that asks for health, and compares the status."""

    def get(status):
        answer = client.get("/api/stats/health")
        assert answer.status_code == status, answer.text
        assert answer.headers["Cache-Control"] == "private, no-store"
        return answer.json

    return get


@pytest.fixture
def get_metrics(client):
    """Return a function that gives the value of each sample: {(name, values of the labels): value}."""

    def get():
        answer = client.get("/api/stats/metrics")
        assert answer.status_code == 200
        assert answer.mimetype == "text/plain"
        return {
            (sample.name.removeprefix("invenio_stats_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return get


def kinds(problems):
    return {(problem["kind"], problem["name"]) for problem in problems}


def test_an_instance_without_events_is_well(get_health, get_metrics):
    found = get_health(200)
    assert (found["status"], found["problems"], found["warnings"]) == ("ok", [], [])
    assert set(found["queues"]) == {"file-download", "record-view"}
    assert found["outcomes"] == {}
    assert {part: value for (name, *labels), value in get_metrics().items() if name == "up" for part in labels} == {
        part: 1 for part in PARTS
    }


def test_numbers_are_those_of_the_pipeline(get_health, get_metrics, put_templates, refresh):
    """Events wait, are stored or not, and totals are counted up to some time."""
    old = datetime.now(timezone.utc) - timedelta(days=2)
    current_stats.publish("file-download", [download(), download(), download(user_agent=ROBOT), download(file_id="G")])
    runner.process_one("file-download")
    runner.aggregate_one("file-download-agg")
    current_stats.publish("record-view", [{"timestamp": old.replace(tzinfo=None).isoformat(), "recid": "1"}])
    refresh()
    found = get_health(200)
    assert found["queues"]["record-view"]["waiting"] == 1
    assert found["outcomes"] == {"file-download": {"stored": 3, "double_click": 1}}
    assert found["totals"]["file-download-agg"]["lag_seconds"] < 60
    assert found["totals"]["record-view-agg"]["lag_seconds"] is None
    assert found["runs"]["events"]["file-download"]["last_run"]["stored"] == 4
    assert found["runs"]["aggregations"]["file-download-agg"]["last_run"]["written"] == 2
    samples = get_metrics()
    assert samples["queue_waiting", "record-view"] == 1
    assert samples["events_total", "file-download", "stored"] == 3
    assert samples["last_run_failed", "events", "file-download"] == 0
    assert samples["late", "aggregations", "file-download-agg"] == 0
    assert time.time() - samples["last_run_timestamp_seconds", "events", "file-download"] < 60
    assert ("lag_seconds", "record-view-agg") not in samples


def test_dead_letters_are_a_warning(get_health, get_metrics, queues, put_templates):
    dead_letters.reject(queues["record-view"], [({"timestamp": "2026-01-01T00:00:00"}, "test")])
    assert kinds(get_health(200)["warnings"]) == {("dead_letters", "record-view")}
    assert get_metrics()["dead_letters", "record-view"] == 1


def test_a_failed_run_and_a_late_one_are_problems(get_health, get_metrics, expect_logged_errors):
    now = datetime.now(timezone.utc)
    last_runs.remember(
        "events",
        "record-view",
        {"error": "EngineUnavailableError", "finished": iso_zoned(to_second(now)), "seconds": 1},
    )
    for hours in (13, 12, 11):
        last_runs._remember_time("aggregations", "record-view-agg", now - timedelta(hours=hours))
    found = get_health(503)
    assert found["status"] == "failing"
    assert kinds(found["problems"]) == {("failed", "record-view"), ("late", "record-view-agg")}
    assert get_metrics()["last_run_failed", "events", "record-view"] == 1


def test_the_tasks_for_all_types_are_runs(get_health, monkeypatch, put_templates, expect_logged_errors):
    def fail():
        raise OSError

    monkeypatch.setitem(daily.STEPS, "gaps", fail)
    daily.run_all()
    runner.purge_all()
    runner.send_spool()
    found = get_health(503)
    assert kinds(found["problems"]) == {("failed", "daily")}
    assert found["runs"]["tasks"]["send_spool"]["last_run"]["done"] == 0
    assert found["runs"]["tasks"]["purge_dead_letters"]["last_run"]["record-view"] == 0


def test_a_spool_that_cannot_be_sent_is_a_problem(get_health, monkeypatch):
    """The command says so, too: the error is not hidden."""

    def away(*args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr(runner.outbox(), "send_spool", away)
    with pytest.raises(ConnectionRefusedError):
        runner.send_spool()
    assert kinds(get_health(503)["problems"]) == {("failed", "send_spool")}


def test_an_engine_that_is_away_leaves_the_rest(get_health, get_metrics, search_client, monkeypatch):
    def away(*args, **kwargs):
        raise search.exceptions.ConnectionError("N/A", "http://user:secret@example.org", OSError())

    with monkeypatch.context() as patch:
        patch.setattr(search_client.transport, "perform_request", away)
        found, samples = get_health(503), get_metrics()
    assert kinds(found["problems"]) == {("unknown", "totals"), ("unknown", "outcomes")}
    assert found["totals"] is None
    assert found["queues"]["record-view"]["waiting"] == 0
    assert "secret" not in str(found)
    assert (samples["up", "totals"], samples["up", "queues"]) == (0, 1)


def test_a_service_that_hangs_costs_two_seconds(get_health, monkeypatch):
    """However often it is asked: the second question waits for the answer to the first."""
    asked, released = [], threading.Event()

    def hang():
        asked.append(1)
        released.wait(60)
        return {}

    monkeypatch.setattr(health, "_queues", hang)
    began = time.monotonic()
    assert ("unknown", "queues") in kinds(get_health(503)["problems"])
    assert ("unknown", "queues") in kinds(get_health(503)["problems"])
    assert time.monotonic() - began < 30
    assert len(asked) == 1
    released.set()


def test_an_old_answer_is_not_given_again(app):
    """One that came too late for whoever asked is not of the present."""
    answers = iter([0.3, 0])

    def answer():
        pause = next(answers)
        time.sleep(pause)
        return pause

    assert ask_all({"engine": {"a": answer}}, 0.01) == {"a": Unknown("timeout")}
    time.sleep(0.5)
    assert ask_all({"engine": {"a": answer}}, 1) == {"a": 0}


def test_a_service_that_hung_is_asked_anew(app, monkeypatch):
    """A connection may be dead for ever, while the service has long been well again."""
    released, answers = threading.Event(), iter([lambda: released.wait(60), lambda: "well"])
    services = {"cache": {"runs": lambda: next(answers)()}}
    assert ask_all(services, 0.05) == {"runs": Unknown("timeout")}
    assert ask_all(services, 0.05) == {"runs": Unknown("timeout")}
    monkeypatch.setattr(deadlines, "PATIENCE_SECONDS", 0.0)
    assert ask_all(services, 5) == {"runs": "well"}
    released.set()


def test_scrapers_of_any_age_get_text(client):
    """Prometheus asks for newer formats first; telegraf and others name a version."""
    for accept in (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.4",
        "text/plain;version=0.0.4;q=0.3",
        "text/plain",
        "*/*",
    ):
        answer = client.get("/api/stats/metrics", headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
        assert "# EOF" not in answer.text


def test_any_name_of_a_type_is_a_label(get_metrics, monkeypatch):
    """Names are the instance's: quotes, line ends and backslashes are escaped."""
    name = 'a "b"\\c\nd{e}=1'
    monkeypatch.setattr(health, "_queues", lambda: {name: {"waiting": 3, "oldest_waiting": None, "failed": 0}})
    assert get_metrics()["queue_waiting", name] == 3


@pytest.fixture
def silent_port():
    """The port of a server that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_broker_that_hangs_is_left(app, silent_port, scheme):
    """The thread that asks it ends, and its connection is not one of the instance's."""
    instance = Connection(f"{scheme}://127.0.0.1:{silent_port}/0").Pool(1)
    began = time.monotonic()
    with limited_pool(instance, 0.3) as pool, pytest.raises(failure_types(pool.connection)):
        health.queue_facts(Queue(current_stats.exchange, "stats-record-view", lambda: pool))
    assert time.monotonic() - began < 20  # kombu tries again


@pytest.mark.parametrize("name", ["health", "metrics"])
def test_only_administrators_may_ask(app, client, monkeypatch, name):
    for identity, status in [
        (SimpleNamespace(id=None, provides=()), 401),
        (SimpleNamespace(id="7", provides=()), 401),
        (SimpleNamespace(id="9", provides=()), 200),
    ]:
        monkeypatch.setitem(app.config, "TEST_IDENTITY", identity)
        state = app.extensions["invenio-stats"]
        access = SimpleNamespace(is_administrator=lambda identity: identity.id == "9")
        monkeypatch.setattr(state, "access", access)
        assert client.get(f"/api/stats/{name}").status_code == status


def test_another_factory_decides(app, client, monkeypatch):
    """It is asked for a name, like the factories of queries."""
    monkeypatch.setitem(app.config, "TEST_IDENTITY", SimpleNamespace(id=None, provides=()))
    permit = lambda name, params: SimpleNamespace(can=lambda: (name, params) == ("metrics", {}))  # noqa: E731
    monkeypatch.setitem(app.config, "STATS_MONITORING_PERMISSION_FACTORY", permit)
    assert client.get("/api/stats/metrics").status_code == 200
    assert client.get("/api/stats/health").status_code == 401


def test_without_the_extra_there_are_no_metrics(app, client, monkeypatch):
    """Whether somebody may ask or not, and the doctor and the description say so."""
    check = {finding.check: finding for finding in examine()}["metrics"]
    assert check.level == "ok"
    assert not check.cure
    monkeypatch.setattr(metrics, "find_spec", lambda name: None)
    assert client.get("/api/stats/metrics").status_code == 404
    assert "/stats/metrics" not in client.get("/api/stats/openapi.json").json["paths"]
    assert "invenio-stats[metrics]" in {finding.check: finding for finding in examine()}["metrics"].cure


def test_the_docs_describe_all_metrics_and_alert_by_existing_ones(client):
    """A rule with a name that does not exist never fires."""
    text = (Path(__file__).parents[4] / "docs/running.rst").read_text()
    families = text_string_to_metric_families(client.get("/api/stats/metrics").text)
    found = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert set(re.findall(r"invenio_stats_[a-z]\w+", text)) <= found
    assert len(found) > 12
    assert not [name for name in found if f"``{name.removeprefix('invenio_stats_')}``" not in text]


def test_stored_events_are_no_reason(put_templates, search_client):
    """Whoever lists why events do not count sees them nowhere."""
    current_stats.publish("file-download", [download()])
    runner.process_one("file-download")
    today = datetime.now(timezone.utc).date()
    assert ingest_counters.lines(search_client, today - timedelta(days=1), today) == []
    assert ingest_counters.count_outcomes(search_client) == {"file-download": {"stored": 1}}
