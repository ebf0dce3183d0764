"""Commands while the search engine is away: a message with the cure instead of a traceback."""

import socket

import pytest

from invenio_stats.cli import stats


@pytest.fixture(scope="module")
def app_config(app_config):
    """An engine that nobody runs, with a password that must not be shown."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {**app_config, "SEARCH_HOSTS": [f"http://somebody:secret@127.0.0.1:{port}"]}


@pytest.mark.parametrize(
    "command",
    [
        ["aggregations", "list-bookmarks"],
        ["aggregations", "delete", "--yes"],
        ["aggregations", "delete", "--yes", "--include-final"],
        ["aggregations", "rebuild", "--from", "2026-01", "--to", "2026-02", "--yes"],
        ["indices", "list"],
        ["indices", "compact", "--yes"],
        ["verify"],
        ["query", "record-view-total", "--param", "pid_value=42"],
        ["events", "dropped"],
        ["gaps"],
        ["export", "folder"],
    ],
    ids=" ".join,
)
@pytest.mark.expect_logged_errors
def test_a_command_says_what_to_start(app, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = app.test_cli_runner().invoke(stats, command)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "The search engine at 127.0.0.1:" in result.output
    assert "Start it, or correct SEARCH_HOSTS." in result.output
    assert "secret" not in result.output
