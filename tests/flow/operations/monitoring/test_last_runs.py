"""What is kept of runs for whoever has to know that nothing of before a moment is missing."""

from datetime import datetime, timezone

import pytest
from invenio_cache import current_cache

from invenio_stats.broker import consume
from invenio_stats.operations import runner
from invenio_stats.operations.monitoring import last_runs
from invenio_stats.support import shutdown


@pytest.fixture(autouse=True)
def _forget(app, queues):
    current_cache.clear()


def test_a_run_that_found_its_queue_empty_is_kept(put_templates):
    before = datetime.now(timezone.utc)
    runner.process_one("record-view")
    after = datetime.now(timezone.utc)
    assert before <= last_runs.recall_emptied("record-view") <= after
    assert last_runs.recall_emptied("file-download") is None


def test_a_run_that_stopped_before_is_not(app, put_templates, monkeypatch):
    """It was asked to end, or its time was over, while events waited."""
    event = {"timestamp": "2026-03-01T10:00:00", "record_id": "1", "pid_type": "recid", "pid_value": "1"}
    app.extensions["invenio-stats"].publish("record-view", [event] * 5)
    monkeypatch.setattr(shutdown, "is_due", lambda *_: True)
    monkeypatch.setattr(consume, "BATCH_SIZE", 1)
    monkeypatch.setattr(consume.Inbox.__init__, "__defaults__", (1,))
    runner.process_one("record-view")
    assert last_runs.recall_waiting("record-view")["waiting"] > 0
    assert last_runs.recall_emptied("record-view") is None


@pytest.mark.usefixtures("expect_logged_errors")
def test_a_run_that_failed_is_no_success():
    def fail():
        raise RuntimeError

    assert last_runs.recall_success("aggregations", "x") is None
    last_runs.run("aggregations", "x", lambda: [(1, 0)])
    success = last_runs.recall_success("aggregations", "x")
    last_runs.run("aggregations", "x", fail)
    assert last_runs.recall_success("aggregations", "x") == success


@pytest.mark.usefixtures("expect_logged_errors")
def test_a_run_that_failed_has_not_emptied_its_queue(monkeypatch):
    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr(runner, "_process", fail)
    runner.process_one("record-view")
    assert last_runs.recall_emptied("record-view") is None
