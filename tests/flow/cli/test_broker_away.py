"""Commands while the broker is away: a message with the cure instead of a traceback."""

import json
import socket

import pytest

from invenio_stats.cli import stats


@pytest.fixture(scope="module")
def app_config(app_config):
    """A broker that nobody runs, with a password that must not be shown."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"amqp://somebody:secret@127.0.0.1:{port}//"
    return {**app_config, "BROKER_URL": url, "CELERY_BROKER_URL": url, "CELERY_TASK_ALWAYS_EAGER": False}


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        (["events", "process"], "CELERY_BROKER_URL"),
        (["aggregations", "process"], "CELERY_BROKER_URL"),
        (["dead-letters", "list"], "BROKER_URL"),
        (["dead-letters", "show", "record-view"], "BROKER_URL"),
        (["dead-letters", "replay", "--yes"], "BROKER_URL"),
        (["dead-letters", "purge", "--yes", "--json"], "BROKER_URL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_a_command_says_what_to_start(app, command, setting):
    result = app.test_cli_runner().invoke(stats, command)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert " at 127.0.0.1:" in result.output
    assert f"Start it, or correct {setting}." in result.output
    assert "secret" not in result.output


@pytest.mark.expect_logged_errors
def test_the_doctor_names_the_service_that_a_check_needs(app):
    """Not the check: nobody can start the dead letters."""
    found = json.loads(app.test_cli_runner().invoke(stats, ["doctor", "--json"]).output)
    away = {finding["check"]: finding for finding in found if "does not answer" in finding["message"]}
    assert set(away) == {"broker", "broker_instances", "dead_letters"}
    for check, finding in away.items():
        assert finding["message"].startswith("The broker at 127.0.0.1:")
        assert finding["message"].endswith(f"Not checked: {check}.")
        assert finding["cure"] == "Start it, or correct BROKER_URL."
    assert "secret" not in json.dumps(found)
    before_downgrade = app.test_cli_runner().invoke(stats, ["doctor", "--before-downgrade"])
    assert before_downgrade.output.count("error: The broker at 127.0.0.1:") == 2
