"""The daily task finds gaps in raw events, totals and counters, and leaves out what is none."""

import json
from datetime import date, timedelta

import pytest

from invenio_stats.cli import stats
from invenio_stats.completeness.gaps import find_gaps, found_at, gaps_in, gaps_ref
from invenio_stats.completeness.revision import revision_of, revision_ref
from invenio_stats.core.gaps import Gap
from invenio_stats.core.moments import parse
from invenio_stats.operations import daily
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.search.multi_get import read
from tests.flow.completeness.weeks import DAY, EVENT, fill

SILENT = Gap(DAY, DAY, EVENT, "silent")


@pytest.fixture
def find(raw, clock):
    """Find the gaps now."""

    def find(missing=None):
        raw.client.indices.refresh(index=f"{raw.prefix}*")
        return find_gaps(raw.client, EVENT, missing or {}, clock.now)

    return find


@pytest.fixture
def weeks(raw, aggregator, clock):
    """Events of eight weeks, none of them on the Wednesday before today; all are counted."""
    fill(raw)
    clock.now = parse("2026-03-20T12:00:00")
    aggregator().run()


def test_a_silent_weekday_is_a_gap_and_is_kept(weeks, raw, find, clock):
    assert find() == [SILENT]
    document = read(raw.client, [gaps_ref(EVENT)])[0]
    assert gaps_in(document) == [SILENT]
    assert found_at(document) == clock.now


def test_a_late_event_ends_it(weeks, raw, find, aggregator):
    """A worker that has caught up leaves no gap."""
    find()
    raw.put(DAY.isoformat())
    assert find() == []


def test_days_that_are_not_counted_yet_are_none(weeks, raw, find, clock):
    """The next Wednesday is over, and the worker stands still: its events may be waiting."""
    clock.forward(days=7)
    assert find() == [SILENT]


def test_deleted_raw_events_are_none_where_their_totals_are(weeks, raw, find):
    """In the middle or at the end, by hand or by retention: the numbers are whole."""
    raw.client.delete_by_query(
        index=f"{raw.prefix}events-stats-{EVENT}-*",
        body={"query": {"range": {"timestamp": {"gte": "2026-03-09", "lte": "2026-03-12"}}}},
        refresh=True,
    )
    assert find() == [SILENT]
    raw.client.indices.delete(index=f"{raw.prefix}events-stats-{EVENT}-2026-02")
    assert find() == [SILENT]


def test_deleted_events_without_totals_are_one(weeks, raw, find):
    """The day before yesterday loses both."""
    for index in (f"events-stats-{EVENT}", f"stats-{EVENT}"):
        query = {"query": {"range": {"timestamp": {"gte": "2026-03-17", "lt": "2026-03-18"}}}}
        raw.client.delete_by_query(index=f"{raw.prefix}{index}-*", body=query, refresh=True)
    assert find() == [SILENT._replace(first=DAY - timedelta(days=1))]


def test_missing_events_are_gaps_by_their_reason(weeks, find, clock):
    tuesday = DAY - timedelta(days=1)
    missing = {"refused": {tuesday: 1, DAY: 1, clock.now.date(): 9}, "without_item": {tuesday - timedelta(days=1): 0}}
    assert find(missing) == [Gap(tuesday, DAY, EVENT, "refused"), SILENT]


def test_changed_gaps_and_only_these_raise_the_revision(weeks, raw, find):
    def revision():
        return revision_of(read(raw.client, [revision_ref()])[0])

    before = revision()
    find()
    found = revision()
    assert found > before
    find()
    assert revision() == found
    raw.put(DAY.isoformat())
    find()
    assert revision() > found


def test_without_any_event_there_is_no_gap(raw, find):
    assert find() == []


@pytest.fixture
def invoke(app):
    def run(*args, code=0):
        result = app.test_cli_runner().invoke(stats, args)
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_the_daily_command_finds_what_the_counters_tell_and_gaps_prints_it(app, search_client, put_templates, invoke):
    day = date(2026, 3, 10)
    line = ingest_counters.Line(day, EVENT, "refused", 7)
    ingest_counters.keep(search_client, "spool", [line, line._replace(reason="dead", count=9)])
    assert "Nobody has looked for gaps of: file-download, record-view" in invoke("gaps")
    assert json.loads(invoke("daily", "--json")) == {"breakdowns": 0, "gaps": 1, "decisions": 0, "anomalies": 0}
    gap = {"from": "2026-03-10", "to": "2026-03-10", "event_type": EVENT, "reason": "refused"}
    assert json.loads(invoke("gaps", EVENT, "--json"))[EVENT]["gaps"] == [gap]
    assert "refused" in invoke("gaps")
    assert "No events of finished days" in invoke("gaps", "file-download")


@pytest.mark.expect_logged_errors
def test_a_step_that_fails_does_not_stop_the_others(app, monkeypatch, caplog, invoke):
    def broken():
        raise RuntimeError("192.0." + "2.1")

    monkeypatch.setattr(daily, "STEPS", {"broken": broken, "other": lambda: 3})
    assert json.loads(invoke("daily", "--json", code=1)) == {"broken": {"error": "RuntimeError"}, "other": 3}
    assert "A step of the daily task failed" in caplog.text
    assert "192.0.2.1" not in caplog.text
