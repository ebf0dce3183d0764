"""The doctor names what would break the numbers or the visitors' privacy, with its cure."""

import json

import pytest

from invenio_stats import tasks
from invenio_stats.cli import stats
from invenio_stats.proxies import current_stats


@pytest.fixture
def doctor(app, queues):
    """Run the command; return what it found by check."""

    def run(code):
        result = app.test_cli_runner().invoke(stats, ["doctor", "--json"])
        assert result.exit_code == code, result.output
        return {finding["check"]: finding for finding in json.loads(result.output)}

    return run


def test_what_is_not_fit_for_production_is_named(doctor, app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", "/no/such.mmdb")
    found = doctor(1)
    assert found["countries"]["level"] == "error"
    assert found["proxies"]["level"] == "warning"
    assert all(finding["cure"] for finding in found.values() if finding["level"] != "ok")
    assert {found[check]["level"] for check in ("broker", "engine", "pseudonymization")} == {"ok"}


def test_a_service_that_is_away_is_a_finding(doctor, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError("amqp://user:secret@example.org")

    monkeypatch.setattr("invenio_stats.operations.monitoring.doctor.queue_depth.depth", away)
    found = doctor(1)
    assert found["broker"]["level"] == "error"
    assert "secret" not in json.dumps(found)


def test_tasks_that_nobody_starts_are_named(doctor, app, monkeypatch):
    """Under whatever name an entry stands, and whatever else is scheduled."""
    monkeypatch.setitem(app.config, "STATS_GEOIP_DATABASE", "/no/such.mmdb")  # an error on any services
    monkeypatch.setitem(app.config, "CELERY_BEAT_SCHEDULE", {"spool": tasks.StatsSpoolTask, "other": {"task": "x"}})
    finding = doctor(1)["schedule"]
    assert (finding["level"], finding["message"]) == ("warning", "Not in CELERY_BEAT_SCHEDULE: StatsDeadLettersTask.")
    monkeypatch.setitem(app.config["CELERY_BEAT_SCHEDULE"], "letters", tasks.StatsDeadLettersTask)
    assert doctor(1)["schedule"]["level"] == "ok"
    monkeypatch.delitem(app.config, "CELERY_BEAT_SCHEDULE")
    assert doctor(1)["schedule"]["message"].endswith("StatsSpoolTask, StatsDeadLettersTask.")


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
