"""The doctor finds what is wrong with the COUNTER API in production."""

import json
from datetime import datetime, timezone

import pytest

from invenio_stats.cli import stats
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.counter.closing.doctor_checks import check_counter_sources, months_checks
from invenio_stats.counter.service import report_queue
from invenio_stats.counter.service.doctor_checks import (
    check_counter_directory,
    check_counter_https,
    check_counter_logs,
    counter_checks,
)
from invenio_stats.counter.service.report_files import report_directory
from invenio_stats.counter.service.requestors import add_requestor

NOW = datetime.now(timezone.utc)


@pytest.mark.parametrize(
    ("settings", "level", "text"),
    [
        ({"STATS_COUNTER_INSECURE": True}, "error", "answers plain HTTP"),
        ({}, "warning", "No proxies are configured"),
        ({"PROXYFIX_CONFIG": {"x_for": 1, "x_proto": 1}}, "ok", "by HTTPS only"),
        ({"PROXYFIX_CONFIG": {"x_for": 1}}, "ok", "by HTTPS only"),
        ({"WSGI_PROXIES": 1}, "ok", "by HTTPS only"),
        ({"PROXYFIX_CONFIG": {"x_for": 1, "x_proto": 0}}, "error", "does not see which requests came by HTTPS"),
    ],
)
def test_https(app, monkeypatch, settings, level, text):
    for name in ("PROXYFIX_CONFIG", "WSGI_PROXIES"):
        monkeypatch.setitem(app.config, name, None)
    for name, value in settings.items():
        monkeypatch.setitem(app.config, name, value)
    finding = check_counter_https()
    assert (finding.level, text in finding.message) == (level, True)
    assert bool(finding.cure) == (level != "ok")


def test_months_need_totals(app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", {})
    finding = check_counter_sources()
    assert (finding.level, "USAGE_AGGREGATIONS" in finding.cure) == ("error", True)
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", USAGE_AGGREGATIONS)
    assert check_counter_sources().level == "ok"


def test_keys_in_the_logs_of_web_servers(search_client, closed_months):
    """As soon as somebody has a key."""
    assert check_counter_logs().level == "ok"
    add_requestor(search_client, "r", ["all"], NOW, has_key=False, has_countries=False)
    finding = check_counter_logs()
    assert (finding.level, "1 requestors send their keys" in finding.message) == ("warning", True)
    assert "/api/counter/r51" in finding.cure


@pytest.fixture
def directory(app, monkeypatch, tmp_path, search_client, index_prefix):
    monkeypatch.setitem(app.config, "STATS_COUNTER_DIR", str(tmp_path / "some" / "reports"))
    search_client.indices.delete(index=f"{index_prefix}stats-locks", ignore=[404])
    return report_directory()


def test_the_directory_may_be_made_later(directory):
    assert check_counter_directory().level == "ok"
    assert not directory.exists()


def test_a_directory_that_cannot_be_written(directory):
    directory.parent.parent.mkdir(exist_ok=True)
    directory.parent.write_text("a file")
    finding = check_counter_directory()
    assert (finding.level, "cannot write" in finding.message) == ("error", True)


def test_a_directory_that_workers_do_not_share(search_client, directory):
    """A worker says that it has made a report, which is not here."""
    report_queue.end(search_client, "counter-ir-1-1.json.gz", "token", "made", NOW)
    finding = check_counter_directory()
    assert (finding.level, "is not in" in finding.message) == ("error", True)
    directory.mkdir(parents=True)
    (directory / "counter-ir-1-1.json.gz").touch()
    assert check_counter_directory().level == "ok"


def test_the_command_prints_them(app, search_client):
    result = app.test_cli_runner().invoke(stats, ["doctor", "--json"])
    names = {finding["check"] for finding in json.loads(result.stdout)}
    assert {"counter_https", "counter_logs", "counter_directory"} <= names


def test_without_a_platform_there_are_none(app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_COUNTER_PLATFORM", None)
    monkeypatch.setitem(app.config, "STATS_COUNTER_PLATFORM_ID", None)
    assert counter_checks() == months_checks() == ()
