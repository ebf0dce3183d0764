"""Every command that prints a table: names whole in a terminal of 80 columns, and a line for each row in a pipe."""

import os
import pty
import sys
import threading
from datetime import datetime, timezone

import click
import pytest
from flask.cli import ScriptInfo

from invenio_stats.broker import dead_letters
from invenio_stats.cli import stats
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.operations.monitoring import ingest_counters, last_runs
from invenio_stats.proxies import current_stats

BOXES = "─━│┃┏└┗┓"
REASON = "preprocessor: KeyError: missing field 'a_rather_long_name_of_a_field'"

COMMANDS = {
    "status": ["record-view-agg-automated", "file-download-agg-automated", "2026-03-10 12:00:01, written 3"],
    "indices list": ["events-stats-record-view-2026-01-03", "stats-record-view-2026-01"],
    "dead-letters list": [REASON, "record-view"],
    "events dropped --from 2026-03-01 --to 2026-03-31": ["2026-03-10 record-view", "preprocessor"],
    "verify": ["a-record-with-a-rather-long-name-of-its-own", "record-view-agg"],
    "aggregations rebuild record-view-agg --from 2026-01 --to 2026-01-31 --dry-run": [
        "a-record-with-a-rather-long-name-of-its-own",
        "record-view-agg",
    ],
}
"""Commands, and names that each has to print."""


@pytest.fixture
def full(app, queues, month, search_client, index_prefix, refresh):
    """Something to print for every command."""
    month.found()
    total = {"timestamp": "2026-01-03T00:00:00", "unique_id": "a-record-with-a-rather-long-name-of-its-own", "count": 0}
    index = f"{index_prefix}stats-record-view-2026-01"
    alias = {f"{index_prefix}stats-record-view": {}}
    keyword = {"properties": {"unique_id": {"type": "keyword"}}}
    search_client.indices.create(index=index, body={"aliases": alias, "mappings": keyword})
    search_client.index(index=index, id="a-record-with-a-rather-long-name-of-its-own-2026-01-03", body=total)
    dead_letters.reject(current_stats.events["record-view"].queue, [(IdentifiedEvent({"n": 1}, "id"), REASON)])
    counters = ingest_counters.Counters(search_client, "record-view")
    counters.add(datetime(2026, 3, 10, tzinfo=timezone.utc).date(), {"preprocessor": 2, "robot": 1})
    for name in ("record-view-agg", "record-view-agg-automated"):
        run = {"finished": "2026-03-10T12:00:01+00:00", "written": 3, "failed": 0, "seconds": 12.123}
        last_runs.remember("aggregations", name, run)
    refresh()


@pytest.fixture
def piped(app, full):
    """Return a function that runs a command into a pipe, and returns the lines."""

    def run(command):
        return app.test_cli_runner().invoke(stats, command.split(), env={"COLUMNS": "20"}).output.splitlines()

    return run


@pytest.fixture
def in_terminal(app, full, monkeypatch):
    """Return a function that runs a command in a terminal of some columns, and returns the lines."""

    def run(command, columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        ours, theirs = pty.openpty()
        read: list[bytes] = []
        reader = threading.Thread(target=_read_all, args=(ours, read))
        reader.start()
        with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", terminal)
            stats.main(command.split(), obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)
        reader.join()
        os.close(ours)
        return b"".join(read).decode().splitlines()

    return run


def _read_all(terminal, read):
    try:
        while part := os.read(terminal, 4096):
            read.append(part)
    except OSError:  # the other end is closed
        pass


@pytest.mark.parametrize("command", COMMANDS)
def test_in_a_pipe_a_row_is_a_line_without_boxes(piped, command):
    lines = piped(command)
    text = "\n".join(lines)
    for name in COMMANDS[command]:
        assert any(name in line for line in lines), text
    assert not set(text) & set(BOXES)
    assert "\x1b" not in text


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("command", COMMANDS)
def test_in_a_terminal_names_are_whole_and_no_line_is_too_long(in_terminal, index_prefix, command, columns):
    lines = in_terminal(command, columns)
    text = "\n".join(lines)
    for name in COMMANDS[command]:
        assert any(name in line for line in lines), text
    assert "\x1b[1m" in text
    tables = lines[: max(number for number, line in enumerate(lines) if not line)]
    assert max(len(click.unstyle(line)) for line in tables) <= columns, text


def test_programs_can_cut_the_columns(piped, index_prefix):
    _title, titles, *rows = piped("indices list")
    assert titles.split() == ["index", "kind", "documents", "shards", "size", "aliases"]
    first = next(row for row in rows if "2026-01-03" in row)
    assert first.split()[1:3] == ["events", "1"]
