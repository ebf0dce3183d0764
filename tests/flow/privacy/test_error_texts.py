"""What an operator reads of a failing preprocessor: the field's name in log and dead letter, texts on request only."""

import json
import traceback

import pytest

from invenio_stats.cli import stats
from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app
from invenio_stats.operations.runner import process_one
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import download

pytestmark = pytest.mark.expect_logged_errors

SECRET = "jane@example.org"


def need_file_key(doc):
    """A preprocessor of an instance: it needs a field, and quotes another."""
    if doc["file_key"] == "quoted":
        raise ValueError(f"Nothing for {SECRET}")
    return doc


@pytest.fixture(scope="module")
def events_config(events_config):
    events_config["file-download"]["params"]["preprocessors"] = [
        *events_config["file-download"]["params"]["preprocessors"],
        need_file_key,
    ]
    return events_config


@pytest.fixture
def invoke(app, queues):
    """Run a command in process."""

    def run(*args, code=0):
        result = app.test_cli_runner().invoke(stats, args)
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return run


@pytest.fixture
def failed(expect_logged_errors):
    """Return a function that processes a download, and returns what the log and the traceback say of it."""

    def process(**changes):
        current_stats.publish("file-download", [download(**changes)])
        process_one("file-download")
        record = expect_logged_errors()[-1]
        return record.error, "".join(traceback.format_exception(*record.exc_info))

    return process


@pytest.mark.parametrize("field", ["file_key", "timestamp"])
def test_the_missing_field_is_named(invoke, failed, field):
    event = download()
    del event[field]
    current_stats.publish("file-download", [event])
    process_one("file-download")
    assert field in invoke("dead-letters", "list", "file-download", "--json")
    assert f"missing field '{field}'" in invoke("dead-letters", "list", "file-download")


def test_texts_are_withheld_unless_the_instance_asks_for_them(invoke, failed, app, monkeypatch):
    said, logged = failed(file_key="quoted")
    assert said == "ValueError"
    assert SECRET not in logged
    assert "ValueError: (text withheld" in logged
    monkeypatch.setitem(app.config, "STATS_LOG_ERROR_TEXTS", True)
    said, logged = failed(file_key="quoted")
    assert f"ValueError: Nothing for {SECRET}" in logged
    assert SECRET not in invoke("dead-letters", "list", "file-download", "--json")  # kept for weeks, unlike a log


@pytest.mark.parametrize(("is_development", "level"), [(False, "error"), (True, "warning")])
def test_the_doctor_names_texts_in_the_log(app, queues, monkeypatch, is_development, level):
    monkeypatch.setattr(app, "debug", is_development)
    monkeypatch.setitem(app.config, "STATS_LOG_ERROR_TEXTS", True)
    findings = json.loads(app.test_cli_runner().invoke(stats, ["doctor", "--json"]).output)
    (finding,) = [finding for finding in findings if finding["check"] == "error_texts"]
    assert (finding["level"], "STATS_LOG_ERROR_TEXTS" in finding["message"]) == (level, True)


def test_the_start_says_that_texts_are_logged(app, monkeypatch, caplog):
    finalize_app(app)
    assert "Texts of errors are logged; they may identify a person" not in caplog.messages
    monkeypatch.setitem(app.config, "STATS_LOG_ERROR_TEXTS", True)
    finalize_app(app)
    assert "Texts of errors are logged; they may identify a person" in caplog.messages
    monkeypatch.setitem(app.config, "STATS_LOG_ERROR_TEXTS", "False")
    with pytest.raises(ConfigurationError, match="STATS_LOG_ERROR_TEXTS is 'False'"):
        finalize_app(app)
