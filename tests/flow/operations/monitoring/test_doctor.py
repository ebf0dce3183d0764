"""The doctor names what would break the numbers or the visitors' privacy, with its cure."""

import json
from datetime import date, datetime, timedelta, timezone

import pytest
from invenio_cache import current_cache

from invenio_stats import tasks
from invenio_stats.aggregations import StatAggregator
from invenio_stats.broker.outbox import _KEY as OUTBOX
from invenio_stats.cli import stats
from invenio_stats.contrib import config
from invenio_stats.operations import daily, runner
from invenio_stats.operations.monitoring import ingest_counters, last_runs
from invenio_stats.operations.monitoring.doctor import CHECKS
from invenio_stats.proxies import current_stats
from invenio_stats.queries import TermsQuery


@pytest.fixture
def doctor(app, queues):
    """Run the command; return what it found by check. Without a code, it is not compared: it depends on the cache."""

    def run(code=None):
        result = app.test_cli_runner().invoke(stats, ["doctor", "--json"])
        assert code is None or result.exit_code == code, result.output
        return {finding["check"]: finding for finding in json.loads(result.output)}

    return run


def test_what_is_not_fit_for_production_is_named(doctor, app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", "/no/such.mmdb")
    found = doctor(1)
    assert found["countries"]["level"] == "error"
    assert found["proxies"]["level"] == "warning"
    assert all(finding["cure"] for finding in found.values() if finding["level"] != "ok")
    assert {found[check]["level"] for check in ("broker", "engine", "pseudonymization")} == {"ok"}


def test_a_file_of_robots_that_is_named_and_missing_is_named(doctor, app, monkeypatch, tmp_path):
    """On another host, or after a volume was not mounted: its robots would count as people."""
    assert doctor()["robots_file"]["level"] == "ok"
    path = tmp_path / "robots.txt"
    monkeypatch.setitem(app.config, "STATS_ROBOTS_FILE", str(path))
    finding = doctor()["robots_file"]
    assert (finding["level"], str(path) in finding["message"]) == ("warning", True)
    assert "robots update --file" in finding["cure"]
    path.write_text("honeycomb\n")
    finding = doctor()["robots_file"]
    assert (finding["level"], str(path) in finding["message"]) == ("ok", True)


def test_a_service_that_is_away_is_a_finding(doctor, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError("amqp://user:secret@example.org")

    monkeypatch.setattr("invenio_stats.operations.monitoring.doctor.queue_depth.depth", away)
    found = doctor(1)
    assert found["broker"]["level"] == "error"
    assert "secret" not in json.dumps(found)


def test_checks_have_one_name_whether_they_work_or_not(doctor):
    """A monitor that reads the JSON finds a check again when its service is away."""
    names = [check.__name__.removeprefix("check").strip("_") for check in CHECKS]
    assert list(doctor()) == names


def test_a_spool_that_cannot_be_written_is_named(doctor, app, tmp_path, monkeypatch):
    """While the broker answers, nothing else would say so."""
    (tmp_path / "file").touch()
    monkeypatch.setitem(app.config, "STATS_SPOOL_DIR", str(tmp_path / "file" / "spool"))
    monkeypatch.setattr(app, "extensions", {**app.extensions})
    app.extensions.pop(OUTBOX, None)
    finding = doctor(1)["spool"]
    assert finding["level"] == "error"
    assert str(tmp_path / "file") in finding["message"]
    assert "STATS_SPOOL_DIR" in finding["cure"]


def test_a_misspelt_setting_is_named(doctor, app, scheduled, monkeypatch):
    """Nothing else would: a name that nobody reads has no effect."""
    monkeypatch.setitem(app.config, "STATS_OF_THE_LIBRARY", True)
    assert doctor(1)["settings"]["level"] == "ok"
    monkeypatch.setitem(app.config, "STATS_ROBOT_EXCEPTIONS", [])
    finding = doctor(1)["settings"]
    assert (finding["level"], finding["message"]) == (
        "warning",
        "No settings of this package: STATS_ROBOT_EXCEPTIONS.",
    )
    assert finding["cure"].endswith("Similar: STATS_ROBOTS_EXCEPTIONS.")


def test_tasks_that_nobody_starts_are_named(doctor, app, monkeypatch):
    """Under whatever name an entry stands, and whatever else is scheduled."""
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", "/no/such.mmdb")  # an error on any services
    others = {
        "events": tasks.StatsEventTask,
        "totals": tasks.StatsAggregationTask,
        "daily": tasks.StatsDailyTask,
        "other": {"task": "x"},
    }
    monkeypatch.setitem(app.config, "CELERY_BEAT_SCHEDULE", {"spool": tasks.StatsSpoolTask, **others})
    finding = doctor(1)["schedule"]
    assert (finding["level"], finding["message"]) == ("warning", "Not in CELERY_BEAT_SCHEDULE: StatsDeadLettersTask.")
    monkeypatch.setitem(app.config["CELERY_BEAT_SCHEDULE"], "letters", tasks.StatsDeadLettersTask)
    assert doctor(1)["schedule"]["level"] == "ok"
    monkeypatch.delitem(app.config, "CELERY_BEAT_SCHEDULE")
    assert doctor(1)["schedule"]["message"].endswith(
        "StatsEventTask, StatsAggregationTask, StatsSpoolTask, StatsDeadLettersTask, StatsDailyTask."
    )


@pytest.fixture
def scheduled(app, monkeypatch):
    """All tasks, and an error on any services."""
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", "/no/such.mmdb")
    names = ("StatsEventTask", "StatsAggregationTask", "StatsSpoolTask", "StatsDeadLettersTask", "StatsDailyTask")
    schedule = {name: dict(getattr(tasks, name)) for name in names}
    monkeypatch.setitem(app.config, "CELERY_BEAT_SCHEDULE", schedule)
    return schedule


@pytest.mark.parametrize("given", [{"args": [("record-veiw",)]}, {"kwargs": {"event_types": ["record-veiw"]}}])
def test_a_schedule_of_an_unknown_type_is_named(doctor, scheduled, given):
    scheduled["StatsEventTask"] = {"task": scheduled["StatsEventTask"]["task"], **given}
    finding = doctor(1)["schedule"]
    assert finding["level"] == "error"
    assert "StatsEventTask: record-veiw" in finding["message"]


def test_a_type_that_no_schedule_has_is_named(doctor, scheduled):
    scheduled["StatsAggregationTask"] = {**scheduled["StatsAggregationTask"], "args": [("record-view-agg",)]}
    finding = doctor(1)["schedule"]
    assert (finding["level"], finding["message"]) == (
        "warning",
        "No entry of CELERY_BEAT_SCHEDULE has: StatsAggregationTask: file-download-agg.",
    )


def test_what_closes_and_deposits_months_is_missed_where_there_are_reports(doctor, app, scheduled, monkeypatch):
    reports = {"PLATFORM": "Example", "PLATFORM_ID": "example"}
    account = {"DATACITE_URL": "https://api.example.org", "DATACITE_TOKEN": "t", "DATACITE_ACCOUNT": "a.b"}
    for settings, missing in ((reports, "StatsCounterTask"), (account, "StatsCounterDepositTask")):
        for name, value in settings.items():
            monkeypatch.setitem(app.config, f"STATS_COUNTER_{name}", value)
        finding = doctor(1)["schedule"]
        assert (finding["level"], missing in finding["message"]) == ("warning", True)
        assert "`counter close --yes`" in finding["cure"]
        scheduled[missing] = dict(getattr(tasks, missing))
    assert missing not in doctor(1)["schedule"]["message"]


def test_all_that_is_shipped_for_usage_is_in_order(doctor, app, scheduled, raw, monkeypatch):
    """The breakdowns belong to the daily task, and count by no field of their own."""
    raw.put()
    monkeypatch.setitem(app.config, "STATS_EVENTS", {**app.config["STATS_EVENTS"], **config.SEARCH_EVENTS})
    aggregations = {**app.config["STATS_AGGREGATIONS"], **config.USAGE_AGGREGATIONS}
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", aggregations)
    scheduled["StatsEventTask"]["args"] = [list(app.config["STATS_EVENTS"])]
    scheduled["StatsUsageTask"] = dict(tasks.StatsUsageTask)
    found = doctor(1)
    assert (found["schedule"]["level"], found["mappings"]["level"]) == ("ok", "ok"), found


def test_receivers_that_are_off_are_named(doctor, app, scheduled, monkeypatch):
    assert doctor(1)["receivers"]["level"] == "ok"
    monkeypatch.setitem(app.config, "STATS_REGISTER_RECEIVERS", False)
    finding = doctor(1)["receivers"]
    assert finding["level"] == "warning"
    assert "file-download, record-view" in finding["message"]


@pytest.fixture
def celery(app, scheduled, monkeypatch):
    """Celery as in production."""
    celery = app.extensions["invenio-celery"].celery
    monkeypatch.setattr(celery.conf, "task_always_eager", False)
    return celery


def test_tasks_that_run_where_they_are_sent_are_named(doctor, celery, monkeypatch):
    monkeypatch.setattr(celery.conf, "task_always_eager", True)
    assert "CELERY_TASK_ALWAYS_EAGER" in doctor(1)["workers"]["message"]


def test_that_no_worker_listens_is_named(doctor, celery):
    finding = doctor(1)["workers"]
    assert finding["level"] == "warning"
    assert "No worker answered" in finding["message"] or "is unknown" in finding["message"]


def test_a_worker_that_listens_is_well(doctor, celery, monkeypatch):
    monkeypatch.setattr(
        type(celery.control.inspect()), "ping", lambda self, destination=None: {"celery@one": {"ok": "pong"}}
    )
    assert (doctor(1)["workers"]["level"], doctor(1)["workers"]["message"]) == ("ok", "1 workers listen.")


def test_a_broker_that_cannot_ask_leaves_workers_unknown(doctor, celery, monkeypatch):
    def fail(self, destination=None):
        raise OSError("amqp://user:secret@example.org")

    monkeypatch.setattr(type(celery.control.inspect()), "ping", fail)
    finding = doctor(1)["workers"]
    assert "Whether a worker listens is unknown" in finding["message"]
    assert "secret" not in json.dumps(finding)


def test_names_that_do_not_fit_together_are_named(doctor, app, scheduled, monkeypatch):
    aggregations = {**app.config["STATS_AGGREGATIONS"]}
    aggregations["odd"] = {"cls": StatAggregator, "params": {"event": "file-downlod", "field": "unique_id"}}
    queries = {"odd": {"cls": TermsQuery, "params": {"index": "stats-record-veiw"}}}
    assert doctor(1)["configuration"]["level"] == "ok"
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", aggregations)
    monkeypatch.setitem(app.config, "STATS_QUERIES", {**app.config["STATS_QUERIES"], **queries})
    finding = doctor(1)["configuration"]
    assert finding["level"] == "warning"
    assert "STATS_AGGREGATIONS['odd']: its event 'file-downlod' is not in STATS_EVENTS" in finding["message"]
    assert "STATS_QUERIES['odd']: no aggregation writes its index 'stats-record-veiw'" in finding["message"]


def test_a_field_that_no_event_has_is_named(doctor, app, scheduled, raw, monkeypatch):
    raw.put()
    odd = {"cls": StatAggregator, "params": {"event": "record-view", "field": "uniqe_id"}}
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", {**app.config["STATS_AGGREGATIONS"], "odd": odd})
    finding = doctor(1)["mappings"]
    assert finding["level"] == "error"
    assert "events-stats-record-view maps no uniqe_id, which odd counts by." in finding["message"]
    assert "STATS_AGGREGATIONS['odd']" in finding["cure"]


def test_totals_that_fail_and_counts_that_are_estimates_are_named(
    doctor, app, search_client, index_prefix, monkeypatch
):
    estimate = {"metric_fields": {"unique_count": ("cardinality", "unique_session_id", {"rehash": True})}}
    definition = current_stats.aggregations["record-view-agg"]
    params = {**definition.params, **estimate}
    monkeypatch.setitem(current_stats.aggregations, "record-view-agg", definition._replace(params=params))
    quarantined = [
        {"interval": "2026-03-09T00:00:00Z", "key": "a", "error": "ValueError", "since": "2026-03-10T00:00:00Z"}
    ]
    search_client.index(index=f"{index_prefix}stats-locks", id="record-view-agg", body={"quarantined": quarantined})
    found = doctor(1)
    assert (found["totals"]["level"], found["estimates"]["level"]) == ("error", "warning")
    assert "record-view-agg: 1" in found["totals"]["message"]
    assert "record-view-agg: unique_count" in found["estimates"]["message"]


def test_people_read_sentences(app, queues):
    output = app.test_cli_runner().invoke(stats, ["doctor"]).output
    assert "ok: All events are pseudonymized before the queue." in output
    assert "Set STATS_GEOIP_DATABASE" in output


def test_gaps_and_that_nobody_has_looked_for_any_are_named(doctor, scheduled, search_client, put_templates):
    assert doctor(1)["gaps"]["cure"].startswith("Schedule StatsDailyTask")
    daily.run_all()
    assert doctor(1)["gaps"]["level"] == "ok"
    ingest_counters.keep(search_client, "s", [ingest_counters.Line(date(2026, 3, 10), "record-view", "refused", 7)])
    daily.run_all()
    finding = doctor(1)["gaps"]
    assert (finding["level"], finding["message"]) == ("warning", "Events are missing of: record-view.")
    assert finding["cure"] == "`stats gaps` lists the days and why. Restore or import the events if you have them."


def test_events_without_an_item_have_a_cure_of_their_own(doctor, scheduled, search_client, put_templates):
    """Nothing was lost that could be restored."""
    lines = [ingest_counters.Line(date(2026, 3, 10), "record-view", "without_item", 7)]
    ingest_counters.keep(search_client, "s", lines)
    daily.run_all()
    cure = doctor(1)["gaps"]["cure"]
    assert "make STATS_ITEM_RESOLVER know your records" in cure
    assert "Restore" not in cure


def test_a_closed_index_is_named_because_answers_lack_its_numbers(doctor, search_client, index_prefix, put_templates):
    index = f"{index_prefix}stats-record-view-2026-02"
    search_client.indices.create(index=index)
    assert doctor()["closed_indices"]["level"] == "ok"
    search_client.indices.close(index=index)
    finding = doctor(1)["closed_indices"]
    assert (finding["level"], finding["message"].count(index)) == ("error", 1)


@pytest.mark.parametrize("name", ["restored-{}", "{}-restored", "{month}"])
def test_a_copy_of_events_is_named_because_they_count_twice(
    doctor, search_client, index_prefix, put_templates, refresh, name
):
    """A snapshot that is restored under another name brings its aliases; or indices were by month before."""
    alias = f"{index_prefix}events-stats-record-view"
    index = f"{alias}-2026-03-02"
    copy = name.format(index.removeprefix(index_prefix), month="events-stats-record-view-2026-03")
    for other in (index, f"{alias}-2026-03-03", f"{index_prefix}{copy}"):
        search_client.indices.create(index=other, body={"aliases": {alias: {}}})
    event = {"timestamp": "2026-03-02T10:00:00", "unique_id": "u1"}
    search_client.index(index=index, id="a", body=event)
    search_client.index(index=f"{alias}-2026-03-03", id="b", body=event)
    refresh()
    assert doctor()["copies"]["level"] == "ok"
    search_client.index(index=f"{index_prefix}{copy}", id="c", body=event)
    refresh()
    assert doctor()["copies"]["level"] == "ok"
    search_client.index(index=f"{index_prefix}{copy}", id="a", body=event)
    refresh()
    finding = doctor(1)["copies"]
    assert (finding["level"], finding["message"].count(f"{index_prefix}{copy}")) == ("error", 1)
    assert "restored from a snapshot" in finding["cure"]


def test_a_copy_of_totals_is_named_because_they_count_twice(
    doctor, search_client, index_prefix, put_templates, refresh
):
    alias, total = f"{index_prefix}stats-record-view", {"timestamp": "2026-02-02", "unique_id": "u1", "count": 3}
    for index in (f"{alias}-2026-02", f"{alias}-2026-03"):
        search_client.index(index=index, id=f"u1-{index[-2:]}", body=total, refresh=True)
    assert doctor()["copies"]["level"] == "ok"
    copy = f"{index_prefix}restored-stats-record-view-2026-02"
    search_client.indices.create(index=copy, body={"aliases": {alias: {}}})
    search_client.index(index=copy, id="u1-02", body=total, refresh=True)
    finding = doctor(1)["copies"]
    assert (finding["level"], finding["message"].count(copy)) == ("error", 1)


def test_a_worker_that_stands_still_is_named(doctor, app, scheduled, monkeypatch):
    assert doctor(1)["lateness"]["level"] == "ok"
    now = datetime.now(timezone.utc)
    times = {"record-view-agg": [now - timedelta(hours=number) for number in (6, 5, 4)]}
    monkeypatch.setattr(last_runs, "run_times", lambda kind, name: times.get(name, []))
    finding = doctor(1)["lateness"]
    assert finding["level"] == "warning"
    assert "record-view-agg (" in finding["message"]
    line = json.loads(app.test_cli_runner().invoke(stats, ["status", "--json"]).output)
    assert line["aggregations"]["record-view-agg"]["late"] is True
    assert line["events"]["record-view"]["late"] is False


def test_runs_are_remembered_with_their_times(app, queues):
    current_cache.delete("stats:run-times:events:record-view")
    runner.process_one("record-view")
    runner.process_one("record-view")
    assert len(last_runs.run_times("events", "record-view")) == 1  # within a few minutes
