"""Commands print text for operators and JSON for programs."""

import json
import signal

import pytest

from invenio_stats.broker import queue_depth
from invenio_stats.broker.consume import BATCH_SIZE
from invenio_stats.broker.messages import EVENTS_PER_MESSAGE
from invenio_stats.cli import stats
from invenio_stats.operations.runner import process_one
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import download


@pytest.fixture
def invoke(app, queues, put_templates):
    """Run a command in process, on the application."""
    runner = app.test_cli_runner()

    def run(*args, code=0, **kwargs):
        result = runner.invoke(stats, args, **kwargs)
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def counted(invoke, refresh):
    """Two downloads, stored and counted by commands."""
    current_stats.publish("file-download", [download(), download(file_id="G")])
    invoke("events", "process", "-e")
    refresh()
    invoke("aggregations", "process", "-e", "-b")
    refresh()


@pytest.mark.expect_logged_errors
def test_status_says_what_waits_and_how_fresh_the_totals_are(invoke, counted):
    current_stats.publish("file-download", [download(file_id="H"), download(timestamp="never")])
    found = json.loads(invoke("status", "--json"))
    downloads = found["events"]["file-download"]
    assert (downloads["waiting"], downloads["failed"], downloads["problems"]) == (2, 0, [])
    assert downloads["newest_event"].endswith("+00:00")
    assert downloads["last_run"]["stored"] == 2
    aggregation = found["aggregations"]["file-download-agg"]
    assert aggregation["bookmark"] is not None
    assert 0 <= aggregation["lag_seconds"] < 600
    assert aggregation["last_run"]["written"] == 2

    assert downloads["ingest"] == {}
    current_stats.publish("file-download", [download(file_id="H", user_agent="curl/8.5.0")] * 2)
    invoke("events", "process", "-e", "file-download")
    found = json.loads(invoke("status", "--json"))["events"]["file-download"]
    assert found["ingest"] == {"double_click": 1, "dead": 1}
    found = json.loads(invoke("status", "--json"))["events"]["file-download"]
    assert (found["waiting"], found["failed"]) == (0, 1)


def test_status_has_a_line_for_automated_traffic(invoke, counted, search_client, index_prefix):
    quarantined = {
        "interval": "2026-01-01T00:00:00+00:00",
        "key": "ai",
        "error": "x",
        "since": "2026-01-01T00:00:00+00:00",
    }
    search_client.index(
        index=f"{index_prefix}stats-locks", id="record-view-agg-automated", body={"quarantined": [quarantined]}
    )
    found = json.loads(invoke("status", "--json"))["aggregations"]
    assert list(found) == [
        "file-download-agg",
        "file-download-agg-automated",
        "record-view-agg",
        "record-view-agg-automated",
    ]
    assert [line["quarantined"] for line in found.values()] == [0, 0, 0, 1]
    assert all(line["last_run"]["failed"] == 0 for line in found.values())
    assert found["file-download-agg-automated"]["bookmark"] is not None


def test_status_is_a_table_for_people(invoke, counted):
    output = invoke("status", env={"COLUMNS": "200"})
    for text in ("file-download", "record-view-agg", "bookmark", "all times are UTC"):
        assert text in output


def test_status_goes_on_when_a_service_is_away(invoke, app, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError("amqp://user:secret@example.org")

    monkeypatch.setattr("invenio_stats.operations.monitoring.status.queue_depth.depth", away)
    line = json.loads(invoke("status", "--json"))["events"]["file-download"]
    assert line["problems"] == ["broker: ConnectionError"]
    assert line["waiting"] is None


def test_what_a_command_did_is_json_for_programs(invoke):
    current_stats.publish("file-download", [download()])
    assert json.loads(invoke("events", "process", "-e", "--json")) == {"file-download": [1, 0], "record-view": [0, 0]}


@pytest.mark.usefixtures("is_in_foreground")
def test_ctrl_c_stops_at_the_end_of_a_batch(invoke, queues, monkeypatch):
    """What is stored is acknowledged, nothing is lost, and a script does not go on as if the queues were empty."""
    current_stats.publish("file-download", [download(file_id=f"F{number}") for number in range(BATCH_SIZE + 50)])

    def process_interrupted(name, on_batch):
        signal.raise_signal(signal.SIGINT)
        return process_one(name, on_batch)

    monkeypatch.setattr("invenio_stats.cli.events.process_one", process_interrupted)
    output = invoke("events", "process", "-e", "--json", "file-download", "record-view", code=130)
    assert json.loads(output) == {"file-download": [BATCH_SIZE, 0]}
    assert queue_depth.depth(queues["file-download"]) == 50 / EVENTS_PER_MESSAGE
    monkeypatch.undo()
    assert json.loads(invoke("events", "process", "-e", "--json", "file-download")) == {"file-download": [50, 0]}


def test_deleting_asks_and_can_be_tried_first(invoke, counted, search_client, index_prefix, refresh):
    def totals():
        refresh()
        return search_client.count(index=f"{index_prefix}stats-file-download")["count"]

    assert "2 totals would be deleted" in invoke("aggregations", "delete", "file-download-agg", "--dry-run")
    invoke("aggregations", "delete", "file-download-agg", input="n\n", code=1)
    assert totals() == 2
    assert "2 totals deleted" in invoke("aggregations", "delete", "file-download-agg", "--yes")
    assert totals() == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["events", "process", "no-such"], "Invalid event type(s): no-such"),
        (["aggregations", "process", "no-such"], "Invalid aggregation type(s): no-such"),
        (
            ["aggregations", "process", "--start-date", "soon"],
            "'soon' is not a date. Write it as 2026-01-31, 2026-01 or 2026.",
        ),
        (
            ["aggregations", "process", "--start-date", "2026-02", "--end-date", "2026-01"],
            "--from 2026-02-01 is after --to 2026-01-01; swap",
        ),
        (["aggregations", "list-bookmarks", "-n", "0"], "0 is not in the range"),
    ],
)
def test_a_mistake_exits_2_and_is_named(invoke, args, said):
    assert said in invoke(*args, code=2)
