"""Before a downgrade: doctor says whether anything waits that 7.x would lose."""

import json

import pytest

from invenio_stats.broker import dead_letters
from invenio_stats.broker.messages import Outgoing
from invenio_stats.broker.outbox import outbox
from invenio_stats.cli import stats
from invenio_stats.proxies import current_stats
from tests.compat.samples import download, on


@pytest.fixture
def before_downgrade(app, queues):
    """Run the command; return its exit code, and the level and message of each check."""

    def run():
        result = app.test_cli_runner().invoke(stats, ["doctor", "--before-downgrade", "--json"])
        return result.exit_code, {one["check"]: (one["level"], one["message"]) for one in json.loads(result.output)}

    return run


def test_nothing_waits(before_downgrade):
    code, found = before_downgrade()
    assert code == 0
    assert {level for level, _ in found.values()} == {"ok"}
    assert set(found) == {"queues", "spool", "dead letters"}


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


def test_dead_letters_are_a_warning(before_downgrade, queues):
    dead_letters.reject(queues["file-download"], [(download(on(3)), "no index")])
    code, found = before_downgrade()
    assert (code, found["dead letters"]) == (0, ("warning", "7.x does not read dead letters: file-download: 1."))


def test_a_broker_that_is_away_is_an_error(before_downgrade, monkeypatch):
    def away(*arguments):
        raise ConnectionError

    monkeypatch.setattr("invenio_stats.operations.monitoring.downgrade.queue_depth.depth", away)
    assert before_downgrade()[0] == 1
