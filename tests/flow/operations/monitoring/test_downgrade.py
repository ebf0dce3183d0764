"""Before a downgrade: doctor says whether anything waits that 7.x would lose."""

import json
import os
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from invenio_stats.broker import dead_letters
from invenio_stats.broker.messages import Outgoing
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.spool import Spool, is_denied
from invenio_stats.broker.spool_file import SpoolFile
from invenio_stats.cli import stats
from invenio_stats.operations.monitoring.doctor import examine
from invenio_stats.proxies import current_stats
from tests.compat.samples import download, on


@pytest.fixture
def before_downgrade(app, queues):
    """Run the command; return its exit code, and the level and message of each check."""

    def run():
        result = app.test_cli_runner().invoke(stats, ["doctor", "--before-downgrade", "--json"])
        return result.exit_code, {
            finding["check"]: (finding["level"], finding["message"]) for finding in json.loads(result.output)
        }

    return run


def test_nothing_waits(before_downgrade):
    code, found = before_downgrade()
    assert code == 0
    assert {level for level, _ in found.values()} == {"ok"}
    assert set(found) == {"queues", "spool", "dead_letters"}


def test_messages_that_wait_are_an_error_until_they_are_processed(before_downgrade, app, put_templates):
    current_stats.publish("file-download", [download(on(3))])
    code, found = before_downgrade()
    assert (code, found["queues"]) == (1, ("error", "Messages that 7.x would lose wait: file-download: 1."))
    event = current_stats.events["file-download"]
    event.cls(**event.params).run()
    assert before_downgrade()[0] == 0


def test_events_in_the_spool_are_an_error(before_downgrade, app):
    spool = outbox().spool
    spool.put([Outgoing("stats-file-download", "1", "{}")])
    code, found = before_downgrade()
    spool.settle(spool.take(1), sent=True)
    assert (code, found["spool"][0]) == (1, "error")
    assert found["spool"][1].startswith("1 events wait in the spool")
    assert before_downgrade()[0] == 0


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied", "/spool"),
        sqlite3.OperationalError("attempt to write a readonly database"),
        sqlite3.OperationalError("unable to open database file"),
    ],
)
def test_who_may_not_open_the_spool_is_told_to_be_the_user_of_the_web_server(before_downgrade, app, monkeypatch, error):
    def denied(spool):
        raise error

    monkeypatch.setattr(SpoolFile, "_open", denied)
    outbox().spool.path.parent.mkdir(exist_ok=True)
    monkeypatch.setattr(Spool, "exists", lambda spool: True)
    monkeypatch.setattr(outbox().spool._file, "_database", None)
    message = f"This user cannot open the spool at {outbox().spool.path}."
    assert before_downgrade()[1]["spool"] == ("error", message)
    assert message in [finding.message for finding in examine() if finding.check == "spool"]
    result = app.test_cli_runner().invoke(stats, ["spool", "send"])
    assert result.exit_code == 1
    assert f"{message} Run the command as the user of the web server." in result.output


def test_a_spool_that_is_damaged_is_no_broker_that_is_away(app, queues, monkeypatch):
    def damaged(spool):
        raise sqlite3.DatabaseError("file is not a database")

    monkeypatch.setattr(Spool, "count", damaged)
    result = app.test_cli_runner().invoke(stats, ["spool", "send"])
    assert result.exit_code == 1
    assert "cannot be read (file is not a database)" in result.output


@pytest.fixture
def open_path():
    """Yield a directory that other users may enter."""
    with TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_another_user_is_denied(open_path, mode):
    folder = open_path / "spool"
    Spool(str(folder), 1_000_000).put([Outgoing("stats-x", "1", "{}")])
    folder.chmod(mode)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setuid(65534)
            Spool(str(folder), 1_000_000).count()
        except (OSError, sqlite3.Error) as error:
            status = 0 if is_denied(error) else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_dead_letters_are_a_warning(before_downgrade, queues):
    dead_letters.reject(queues["file-download"], [(download(on(3)), "no index")])
    code, found = before_downgrade()
    assert (code, found["dead_letters"]) == (0, ("warning", "7.x does not read dead letters: file-download: 1."))


def test_a_broker_that_is_away_is_an_error(before_downgrade, monkeypatch):
    def away(*arguments):
        raise ConnectionError

    monkeypatch.setattr("invenio_stats.operations.monitoring.downgrade.queue_depth.depth", away)
    assert before_downgrade()[0] == 1
