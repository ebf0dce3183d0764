"""Dead letters: they can be counted, read, put back and deleted, and none is lost meanwhile."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.broker import dead_letters, inspect
from invenio_stats.cli import stats
from invenio_stats.core.events import BornEvent
from invenio_stats.tasks import purge_dead_letters

EVENT = "record-view"


@pytest.fixture
def queue(app, queues):
    """The queue of views, with three dead letters of two reasons."""
    queue = queues[EVENT]
    letters = [(BornEvent({"n": number}, f"id-{number}"), "preprocessor: ValueError") for number in range(2)]
    dead_letters.bury(queue, [*letters, (BornEvent({"n": 2}, "id-2"), "engine: mapper_parsing_exception")])
    return queue


@pytest.fixture
def invoke(app):
    """Run a command in process."""

    def run(*args, code=0, **kwargs):
        result = app.test_cli_runner().invoke(stats, ["dead-letters", *args], **kwargs)
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return run


def waiting(queue):
    """Return the ids that wait on the event's own queue, taking them off."""
    return [message.properties["message_id"] for message in queue.consume(payload=False)]


def test_they_are_counted_by_reason(queue, invoke):
    found = json.loads(invoke("list", "--json"))
    assert found["file-download"] == {}
    assert {reason: line["count"] for reason, line in found[EVENT].items()} == {
        "preprocessor: ValueError": 2,
        "engine: mapper_parsing_exception": 1,
    }
    assert datetime.fromisoformat(found[EVENT]["engine: mapper_parsing_exception"]["oldest"])
    assert "preprocessor: ValueError" in invoke("list", EVENT, env={"COLUMNS": "160"})


def test_looking_takes_nothing_away(queue, invoke):
    for _ in range(2):
        letters = json.loads(invoke("show", EVENT, "--json"))
        assert [letter["event"] for letter in letters] == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert [letter["message_id"] for letter in letters] == ["id-0", "id-1", "id-2"]
    assert '"n": 2' in invoke("show", EVENT, "--reason", "engine")
    assert inspect.dead(queue) == 3


def test_they_go_back_with_the_ids_they_had(queue, invoke):
    invoke("replay", EVENT, "--reason", "preprocessor", "--dry-run")
    assert inspect.dead(queue) == 3
    invoke("replay", EVENT, "--reason", "preprocessor", input="n\n", code=1)
    assert inspect.dead(queue) == 3
    assert json.loads(invoke("replay", EVENT, "--reason", "preprocessor", "--yes", "--json"))[EVENT] == 2
    assert waiting(queue) == ["id-0", "id-1"]
    assert inspect.dead(queue) == 1


def test_a_broker_that_fails_leaves_them_where_they_are(queue, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("invenio_stats.broker.dead_letters.deliver", away)
        with pytest.raises(ConnectionError):
            dead_letters.replay(queue)
    assert inspect.dead(queue) == 3
    assert dead_letters.replay(queue, most=1) == 1
    assert inspect.dead(queue) == 2


def test_they_are_deleted_only_when_they_are_meant(queue, invoke):
    assert json.loads(invoke("purge", EVENT, "--older-than", "1", "--yes", "--json"))[EVENT] == 0
    assert dead_letters.purge(queue, before=datetime.now(timezone.utc) + timedelta(days=1), most=2) == 2
    invoke("purge", EVENT, "--yes")
    assert inspect.dead(queue) == 0


def test_an_unknown_type_exits_2(queue, invoke):
    assert "Invalid event type(s): no-such" in invoke("show", "no-such", code=2)
    assert "Invalid event type(s): no-such" in invoke("replay", "no-such", code=2)


def test_they_are_kept_for_as_long_as_is_set(queue, app, monkeypatch):
    assert purge_dead_letters() == {"file-download": 0, EVENT: 0}
    monkeypatch.setitem(app.config, "STATS_DEAD_LETTERS_DAYS", -1)
    assert purge_dead_letters()[EVENT] == 3
