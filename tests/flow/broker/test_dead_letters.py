"""Dead letters can be counted, read, replayed and purged, and none is lost meanwhile."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.dead_letters import DeadLetterFilter
from invenio_stats.broker.transports.drivers import deliver
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.cli import stats
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import purge_dead_letters
from tests.flow.test_processors import TODAY, download

EVENT = "record-view"


@pytest.fixture
def queue(app, queues):
    """The queue of views, with three dead letters of two reasons."""
    queue = queues[EVENT]
    rejected = [(IdentifiedEvent({"n": number}, f"id-{number}"), "preprocessor: ValueError") for number in range(2)]
    dead_letters.reject(queue, [*rejected, (IdentifiedEvent({"n": 2}, "id-2"), "engine: mapper_parsing_exception")])
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
        found = json.loads(invoke("show", EVENT, "--json"))
        assert [dead_letter["event"] for dead_letter in found] == [{"n": 0}, {"n": 1}, {"n": 2}]
        assert [dead_letter["message_id"] for dead_letter in found] == ["id-0", "id-1", "id-2"]
    assert '"n": 2' in invoke("show", EVENT, "--reason", "engine")
    assert len(invoke("show", EVENT, "--limit", "2").splitlines()) == 2
    assert queue_depth.dead(queue) == 3


def test_they_go_back_with_the_ids_they_had(queue, invoke):
    invoke("replay", EVENT, "--reason", "preprocessor", "--dry-run")
    assert queue_depth.dead(queue) == 3
    invoke("replay", EVENT, "--reason", "preprocessor", input="n\n", code=1)
    assert queue_depth.dead(queue) == 3
    assert json.loads(invoke("replay", EVENT, "--reason", "preprocessor", "--yes", "--json"))[EVENT] == 2
    assert waiting(queue) == ["id-0", "id-1"]
    assert queue_depth.dead(queue) == 1


def test_a_broker_that_fails_leaves_them_where_they_are(queue, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("invenio_stats.broker.dead_letters.deliver_all", away)
        with pytest.raises(ConnectionError):
            dead_letters.replay(queue)
    assert queue_depth.dead(queue) == 3
    assert dead_letters.replay(queue, DeadLetterFilter(limit=1)) == 1
    assert queue_depth.dead(queue) == 2


def test_they_are_deleted_only_when_they_are_meant(queue, invoke):
    assert json.loads(invoke("purge", EVENT, "--older-than", "1", "--yes", "--json"))[EVENT] == 0
    assert (
        dead_letters.purge(queue, DeadLetterFilter(limit=2, before=datetime.now(timezone.utc) + timedelta(days=1))) == 2
    )
    invoke("purge", EVENT, "--yes")
    assert queue_depth.dead(queue) == 0


def test_an_unknown_type_exits_2(queue, invoke):
    assert "Invalid event type(s): no-such" in invoke("show", "no-such", code=2)
    assert "Invalid event type(s): no-such" in invoke("replay", "no-such", code=2)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        pytest.param(
            IdentifiedEvent({"labels": {1}, "n": [object()]}, "id"), {"labels": [1], "n": ["(object)"]}, id="objects"
        ),
        pytest.param({(1, 2): 3}, {"(1, 2)": 3}, id="keys"),
        pytest.param(b"\xff\x00", "b'\\xff\\x00'", id="bytes"),
        pytest.param("{", "{", id="text"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_whatever_it_is_it_can_be_rejected_and_shown(queue, invoke, body, shown):
    """A letter that cannot be rejected would stop its event type for good."""
    dead_letters.reject(queue, [(body, "of a kind")])
    (dead_letter,) = json.loads(invoke("show", EVENT, "--reason", "of a kind", "--json"))
    assert dead_letter["event"] == shown
    assert dead_letter["message_id"]
    assert "of a kind" in invoke("show", EVENT)


def test_what_is_no_event_has_the_same_id_when_it_comes_again(queue):
    """It is delivered again when a worker dies between rejecting and acknowledging."""
    for _ in range(2):
        dead_letters.reject(queue, [("no event", "again"), ("another", "again")])
    ids = [dead_letter.message_id for dead_letter in dead_letters.look(queue, DeadLetterFilter("again"))]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


@pytest.mark.expect_logged_errors
def test_events_keep_their_ids_on_the_way_there_and_back(app, queues, put_templates, search_client, refresh):
    """Whether a preprocessor or the engine would not have them; what was published twice is still stored once."""

    def breaks(event):
        if event["file_key"] == "broken":
            raise RuntimeError
        return event

    queue, chain = queues["file-download"], current_stats.events["file-download"].params["preprocessors"]
    events = [
        IdentifiedEvent(download(file_id="A", file_key="broken"), "id-a"),
        IdentifiedEvent(download(size="much"), "id-b"),
    ]
    current_stats.publish("file-download", events)
    assert tuple(EventsIndexer(queue, preprocessors=[breaks, *chain]).run()) == (0, 2)
    found = {dead_letter.reason: dead_letter for dead_letter in dead_letters.look(queue)}
    assert {reason: dead_letter.message_id for reason, dead_letter in found.items()} == {
        "preprocessor: RuntimeError": "id-a",
        "engine: mapper_parsing_exception": "id-b",
    }
    assert not {"ip_address", "user_agent"} & {field for dead_letter in found.values() for field in dead_letter.event}

    assert dead_letters.replay(queue, DeadLetterFilter("preprocessor")) == 1
    current_stats.publish("file-download", events[:1])  # the same click once more
    assert tuple(EventsIndexer(queue, preprocessors=chain).run()) == (2, 0)
    refresh()
    (stored,) = search_client.search(index=EventsIndexer(queue).index)["hits"]["hits"]
    assert stored["_source"]["event_id"] == "id-a"


@pytest.mark.expect_logged_errors
def test_what_fails_again_is_replayed_once_only(queue):
    """One replay tries what is there when it begins; what is rejected meanwhile waits for the next."""
    seen = []

    def reject_again(count):
        seen.append(count)
        dead_letters.reject(queue, [(IdentifiedEvent({}, f"new-{number}"), "again") for number in range(count)])

    assert dead_letters.replay(queue, on_batch=reject_again) == 3
    assert seen == [3]
    assert queue_depth.dead(queue) == 3


def test_the_last_ones_are_found_behind_those_that_are_not_meant(queue):
    """Letters that stay are passed over, and are there afterwards."""
    assert dead_letters.count(queue, DeadLetterFilter("engine")) == 1
    assert dead_letters.count(queue, DeadLetterFilter(limit=2)) == 2
    assert dead_letters.purge(queue, DeadLetterFilter("engine")) == 1
    assert [dead_letter.message_id for dead_letter in dead_letters.look(queue)] == ["id-0", "id-1"]


def test_a_dead_letter_without_a_date_is_not_old(queue):
    """Somebody else put it there, perhaps a minute ago: who wants it away says so without an age."""
    name = dead_letters.dead_name(queue)
    headers = [{}, {"reason": "x", "rejected": "long ago"}, {"reason": "x", "rejected": 5}]
    deliver(queue.connection_pool, None, [Outgoing(name, "", '{"a": 1}', header) for header in headers], 5.0)
    found = dead_letters.summary(dead_letters.look(queue))
    assert (found["unknown"]["count"], found["x"]) == (1, {"count": 2, "oldest": None, "newest": None})
    assert dead_letters.purge(queue, DeadLetterFilter(before=datetime.now(timezone.utc) - timedelta(days=30))) == 0
    assert queue_depth.dead(queue) == 6
    assert dead_letters.purge(queue) == 6


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("body", ["[1]", "{"], ids=["no object", "not readable"])
def test_what_is_no_event_keeps_the_id_of_its_message(queue, put_templates, body):
    """Put back and rejected again, it is still the same."""
    deliver(queue.connection_pool, queue.exchange, [Outgoing(queue.routing_key, "id-x", body)])
    dead_letters.purge(queue)
    for _ in range(2):
        assert EventsIndexer(queue).run() == (0, 1)
        assert [dead_letter.message_id for dead_letter in dead_letters.look(queue)] == ["id-x"]
        assert dead_letters.replay(queue) == 1


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("by_cells", [True, False], ids=["clicks", "actions"])
def test_what_the_engine_refused_still_chains_across_midnight(queues, put_templates, monkeypatch, by_cells):
    """The key under yesterday's salt is never stored, but without it the last click of yesterday would count, too."""
    queue, midnight = queues["file-download"], TODAY.replace(hour=0, minute=0, second=0)
    if not by_cells:
        monkeypatch.setattr("invenio_stats.processors.sends_directly", lambda: False)
    refused = {
        **download(midnight + timedelta(seconds=5), size="much"),
        "visitor_id": "today",
        "unique_session_id": "s",
    }
    for name in ("ip_address", "user_agent", "user_id", "session_id"):
        del refused[name]
    current_stats.publish("file-download", [{**refused, "previous_visitor_id": "yesterday"}])
    assert current_stats.events["file-download"].cls(**current_stats.events["file-download"].params).run() == (0, 1)
    (dead_letter,) = dead_letters.look(queue)
    assert dead_letter.event["previous_visitor_id"] == "yesterday"


@pytest.mark.parametrize("command", [["list"], ["show", EVENT], ["replay", "--yes"], ["purge", "--yes", "--json"]])
def test_a_broker_that_is_away_is_named_with_the_cure(queue, invoke, monkeypatch, command):
    def away(*args, **kwargs):
        raise ConnectionRefusedError("amqp://user:secret@example.org")

    with monkeypatch.context() as patch:
        patch.setattr("invenio_stats.broker.dead_letters.open_reader", away)
        said = invoke(*command, code=1)
    assert "Start it, or correct BROKER_URL. Nothing is lost; run the command again." in said
    assert "secret" not in said


@pytest.mark.expect_logged_errors
def test_one_queue_that_cannot_be_emptied_does_not_stop_the_others(queue, app, monkeypatch):
    purge = dead_letters.purge

    def purge_some(source, choice):
        if source.routing_key == "stats-file-download":
            raise ConnectionError
        return purge(source, choice)

    monkeypatch.setattr("invenio_stats.broker.dead_letters.purge", purge_some)
    monkeypatch.setitem(app.config, "STATS_DEAD_LETTERS_DAYS", -1)
    assert purge_dead_letters() == {"file-download": {"error": "ConnectionError"}, EVENT: 3}


def test_they_are_kept_for_as_long_as_is_set(queue, app, monkeypatch):
    assert purge_dead_letters() == {"file-download": 0, EVENT: 0}
    monkeypatch.setitem(app.config, "STATS_DEAD_LETTERS_DAYS", -1)
    assert purge_dead_letters()[EVENT] == 3
