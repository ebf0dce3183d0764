"""Tasks process several event types or aggregations, and a failure of one does not stop the others."""

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import groupby

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.aggregations import StatAggregator
from invenio_stats.broker import queue_depth
from invenio_stats.broker.consume import BATCH_SIZE
from invenio_stats.cli import stats
from invenio_stats.operations.monitoring import last_runs
from invenio_stats.operations.monitoring.status import aggregations_status
from invenio_stats.operations.runner import aggregate_with_automated, store_agents
from invenio_stats.privacy.user_agents import catalog
from invenio_stats.processors import EventsIndexer, anonymize_user, build_record_unique_id
from invenio_stats.proxies import current_stats
from invenio_stats.receivers import EventEmitter
from invenio_stats.tasks import StatsAggregationTask, StatsEventTask, aggregate_events, process_events

VIEW = {
    "timestamp": "2026-03-10T10:00:00",
    "record_id": "R",
    "pid_type": "recid",
    "pid_value": "1",
    "ip_address": "192.0.2.1",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
    "user_id": None,
    "session_id": None,
    "referrer": None,
}
ROBOT = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"


class BrokenIndexer(EventsIndexer):
    """Fails with a text that names a person."""

    def run(self):
        raise ConnectionError("192.0.2.1 was here")


class BrokenAggregator(StatAggregator):
    """Fails with a text that names a person."""

    def run(self, *args, **kwargs):
        raise ConnectionError("192.0.2.1 was here")


class CustomIndexer(EventsIndexer):
    """Runs in the thread of the task."""


class Dependent(StatAggregator):
    """May read what the aggregations before it wrote."""

    def run(self, *args, **kwargs):
        return super().run(*args, **kwargs)


def exceed_limit(event):
    if event.pop("over", False):
        os.kill(os.getpid(), signal.SIGUSR1)
    return event


@pytest.fixture
def robot(view):
    """A view by a robot, beside that of a person."""
    current_stats.publish("record-view", [{**VIEW, "user_agent": ROBOT}])


@pytest.fixture(scope="module")
def app_config(app_config):
    app_config["STATS_EVENTS"]["broken"] = {"cls": BrokenIndexer}
    chain = [exceed_limit, anonymize_user, build_record_unique_id]
    for name, cls in (("limited", EventsIndexer), ("limited-custom", CustomIndexer)):
        app_config["STATS_EVENTS"][name] = {"cls": cls, "params": {"preprocessors": chain}}
    app_config["STATS_AGGREGATIONS"]["broken-agg"] = {
        "cls": BrokenAggregator,
        "params": {"event": "record-view", "field": "unique_id"},
    }
    app_config["STATS_AGGREGATIONS"]["broken-people-agg"] = {
        "cls": BrokenAggregator,
        "params": {"event": "record-view", "field": "unique_id", "count_automated": True},
    }
    app_config["STATS_AGGREGATIONS"]["dependent-agg"] = {
        "cls": Dependent,
        "params": {"event": "file-download", "field": "unique_id"},
    }
    return app_config


@pytest.fixture
def view(queues, put_templates):
    """A view by a person."""
    current_stats.publish("record-view", [VIEW])


def test_events_are_stored_and_totals_counted(view):
    assert process_events(iter(["record-view", "file-download"])) == [
        ("record-view", (1, 0)),
        ("file-download", (0, 0)),
    ]
    assert aggregate_events(["record-view-agg", "file-download-agg"]) == [[(1, 0)], None]


def test_one_that_fails_is_reported_and_the_others_go_on(view, expect_logged_errors):
    results = process_events(["broken", "record-view"])
    assert results == [("broken", {"error": "ConnectionError"}), ("record-view", (1, 0))]
    totals = aggregate_events(["broken-agg", "record-view-agg", "unknown"])
    assert totals == [{"error": "ConnectionError"}, [(1, 0)], {"error": "UnknownTypeError"}]
    assert [record.run for record in expect_logged_errors()] == ["broken", "broken-agg", "unknown"]
    assert "192.0.2.1" not in json.dumps([results, totals])


def test_aggregations_run_side_by_side(view, monkeypatch):
    process_events(["record-view"])
    both, run = threading.Barrier(2, timeout=20), StatAggregator.run
    monkeypatch.setattr(StatAggregator, "run", lambda self, **dates: both.wait() + 1 and run(self, **dates))
    assert aggregate_events(["record-view-agg", "file-download-agg"]) == [[(1, 0)], None]


def test_one_of_another_class_runs_alone_and_in_its_turn(app, monkeypatch):
    seen, run = [], StatAggregator.run

    def watched(self, **dates):
        seen.append(self.name.removesuffix("-automated"))
        try:
            return run(self, **dates)
        finally:
            seen.append(self.name.removesuffix("-automated"))

    monkeypatch.setattr(StatAggregator, "run", watched)
    assert aggregate_events(["record-view-agg", "dependent-agg", "file-download-agg"]) == [None, None, None]
    assert [name for name, _ in groupby(seen)] == ["record-view-agg", "dependent-agg", "file-download-agg"]


def test_dates_are_text(view):
    process_events(["record-view"])
    dates = {"start_date": "2026-03-09", "end_date": "2026-03-11T00:00:00", "update_bookmark": False}
    assert aggregate_events(["record-view-agg"], **dates) == [[(0, 0), (1, 0), (0, 0)]]
    with pytest.raises(ValueError, match="'soon' is not a timestamp"):
        aggregate_events(["record-view-agg"], start_date="soon")


def test_how_it_went_is_remembered_for_the_status(view, expect_logged_errors):
    process_events(["record-view", "broken"])
    aggregate_events(["record-view-agg"])
    stored, broken, counted = (
        last_runs.recall("events", "record-view"),
        last_runs.recall("events", "broken"),
        last_runs.recall("aggregations", "record-view-agg"),
    )
    assert (stored["stored"], stored["failed"]) == (1, 0)
    assert broken["error"] == "ConnectionError"
    assert (counted["intervals"], counted["written"], counted["failed"]) == (1, 1, 0)
    assert all(run["finished"].endswith("+00:00") and run["seconds"] >= 0 for run in (stored, broken, counted))


@pytest.fixture
def broken_automated(monkeypatch):
    """Aggregations of automated traffic fail, with a text that names a person."""
    run = StatAggregator.run

    def fail(self, **dates):
        if self.name.endswith("-automated"):
            raise ConnectionError("192.0.2.1 was here")
        return run(self, **dates)

    monkeypatch.setattr(StatAggregator, "run", fail)


def test_automated_traffic_that_fails_is_no_failure_of_the_people(robot, broken_automated, expect_logged_errors):
    """It is logged and remembered under its own name; the result of the people's run stays."""
    process_events(["record-view"])
    assert aggregate_events(["record-view-agg"]) == [[(1, 0)]]
    (record,) = expect_logged_errors()
    assert (record.getMessage(), record.run) == ("A run failed", "record-view-agg-automated")
    people, automated = (last_runs.recall("aggregations", f"record-view-agg{end}") for end in ("", "-automated"))
    assert (people["written"], people["failed"]) == (1, 0)
    assert "error" not in people
    assert automated["error"] == "ConnectionError"
    status = aggregations_status(datetime.now(timezone.utc))
    assert status["record-view-agg"]["last_run"] == people
    assert status["record-view-agg-automated"]["last_run"] == automated


def test_automated_traffic_is_counted_when_the_run_of_the_people_fails(
    robot, expect_logged_errors, search_client, refresh, index_prefix
):
    process_events(["record-view"])
    assert aggregate_events(["broken-people-agg"]) == [{"error": "ConnectionError"}]
    assert [record.run for record in expect_logged_errors()] == ["broken-people-agg"]
    assert last_runs.recall("aggregations", "broken-people-agg")["error"] == "ConnectionError"
    assert last_runs.recall("aggregations", "broken-people-agg-automated")["written"] == 1
    refresh()
    (hit,) = search_client.search(index=f"{index_prefix}stats-automated-record-view")["hits"]["hits"]
    assert (hit["_source"]["agent_class"], hit["_source"]["count"]) == ("robot", 1)


def test_an_aggregation_that_cannot_be_made_has_no_automated_traffic(app, expect_logged_errors):
    assert list(aggregate_with_automated("unknown")) == ["unknown"]
    expect_logged_errors()


def test_a_command_reports_each_by_its_name(app, robot, broken_automated, expect_logged_errors):
    process_events(["record-view"])
    result = app.test_cli_runner().invoke(stats, ["aggregations", "process", "record-view-agg", "-e"])
    assert result.exit_code == 1
    assert "record-view-agg: 1 totals written in 1 intervals, 0 failed" in result.output
    assert "record-view-agg-automated: failed: ConnectionError" in result.output
    assert "`invenio stats doctor` says whether a service is away" in result.output
    expect_logged_errors()


def test_both_have_an_entry_for_the_beat():
    """Programs spread them with `**` and change arguments or schedule."""
    assert {**StatsEventTask, "args": [("x",)]} == {
        "task": process_events.name,
        "schedule": timedelta(minutes=30),
        "args": [("x",)],
    }
    assert StatsAggregationTask["task"] == aggregate_events.name
    assert StatsAggregationTask["schedule"] == timedelta(hours=1)
    assert StatsEventTask["args"] == [("record-view", "file-download")]


@pytest.fixture(params=[2, 3])
def few_connections(request, queues):
    """A pool that gives so many connections and no more."""
    pool = queues["record-view"].connection_pool
    before = pool.limit
    pool.resize(request.param)
    yield
    pool.resize(before)


def test_few_connections_do_not_stop_each_other(app, few_connections, put_templates, expect_logged_errors):
    """A queue is read over one, and what cannot be stored is rejected over another."""
    both = ["record-view", "file-download"]
    for name in both:
        current_stats.publish(name, [{"timestamp": "never", "unique_id": "1", "visitor_id": "v"}])

    def process():
        with app.app_context():
            return process_events(both)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(process).result(timeout=30) == [(name, (0, 1)) for name in both]
    expect_logged_errors()


@pytest.fixture
def soft_time_limit():
    """As in a worker of Celery, the handler of a signal raises the error in the thread of the task."""

    def exceed(number, frame):
        raise SoftTimeLimitExceeded()

    before = signal.signal(signal.SIGUSR1, exceed)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("name", ["limited", "limited-custom"])
def test_a_soft_time_limit_stops_the_task_and_no_event_is_to_blame(queues, put_templates, soft_time_limit, name):
    """The event at which it is over stays on the queue, or is stored."""
    events = [{**VIEW, "pid_value": str(number)} for number in range(3 * BATCH_SIZE)]
    events[10]["over"] = True
    current_stats.publish(name, events)
    with pytest.raises(SoftTimeLimitExceeded):
        process_events([name])
    assert queue_depth.depth(queues[name]) > 0
    assert queue_depth.dead(queues[name]) == 0


def test_a_soft_time_limit_reaches_the_task_that_sends_a_signal(app, queues):
    """An emitter only logs its errors, but this is none of its own."""

    def build(event, *args, **kwargs):
        raise SoftTimeLimitExceeded()

    with pytest.raises(SoftTimeLimitExceeded):
        EventEmitter("record-view", [build])(app)


def test_a_soft_time_limit_is_raised_also_by_steps_whose_errors_are_only_logged(app, monkeypatch):
    def be_too_slow(*args, **kwargs):
        raise SoftTimeLimitExceeded()

    monkeypatch.setattr(catalog, "send", be_too_slow)
    with pytest.raises(SoftTimeLimitExceeded):
        store_agents()
    monkeypatch.setattr(catalog, "send", lambda queue: 1 / 0)
    store_agents()
