"""Contract, processing: the preprocessors, each on its own."""

import hashlib
from datetime import datetime, timezone

import pytest

from invenio_stats.processors import (
    EventsIndexer,
    anonymize_user,
    filter_machines,
    filter_robots,
    flag_machines,
    flag_robots,
    hash_id,
)
from invenio_stats.proxies import current_stats

from .samples import BROWSER, MACHINE, ROBOT, StubQueue, download

NOON = datetime(2026, 1, 31, 12, 34, 56, tzinfo=timezone.utc)
PERSON = {"ip_address", "user_agent", "user_id", "session_id"}


def sha224(text: str) -> str:
    return hashlib.sha224(text.encode()).hexdigest()


@pytest.fixture
def salt(monkeypatch):
    """Test suites downstream replace the salt in `invenio_stats.processors`."""
    monkeypatch.setattr("invenio_stats.processors.get_anonymization_salt", lambda ts: "salt")


def test_a_replaced_salt_is_that_of_what_is_published(app, queues, salt):
    """Web processes pseudonymize what they publish; they have to follow the name in `processors`, too."""
    current_stats.publish("file-download", [download(NOON, user_id="7")])
    (event,) = current_stats.consume("file-download")
    assert event["visitor_id"] == sha224("salt7")


@pytest.mark.parametrize(
    ("agent", "is_robot", "is_machine"),
    [
        pytest.param({"user_agent": BROWSER}, False, False, id="browser"),
        pytest.param({"user_agent": ROBOT}, True, False, id="robot"),
        pytest.param({"user_agent": MACHINE}, True, True, id="a tool on the list of robots"),
        pytest.param({"user_agent": "Java/17"}, False, True, id="a tool that is not"),
        pytest.param({"user_agent": ""}, True, False, id="an empty agent is a robot"),
        pytest.param({}, False, False, id="an event without an agent is not"),
        pytest.param({"agent_class": "ai"}, True, False, id="ai"),
        pytest.param({"agent_class": "robot"}, True, False, id="robot by class"),
        pytest.param({"agent_class": "machine"}, False, True, id="machine by class"),
        pytest.param({"agent_class": "machine", "is_robot": True}, True, True, id="as the web process found it"),
    ],
)
def test_robots_and_machines_are_flagged_or_dropped(agent, is_robot, is_machine):
    assert flag_robots(dict(agent))["is_robot"] is is_robot
    assert flag_machines(dict(agent))["is_machine"] is is_machine
    assert (flag_robots(dict(agent), exclude=True) is None) is is_robot
    assert (flag_machines(dict(agent), exclude=True) is None) is is_machine
    assert (filter_robots(dict(agent)) is None) is is_robot
    assert (filter_machines(dict(agent)) is None) is is_machine


def test_a_filter_flags_what_it_lets_pass():
    assert filter_robots({"user_agent": BROWSER})["is_robot"] is False
    assert filter_machines({"user_agent": BROWSER})["is_machine"] is False


def test_the_document_id_is_the_moment_and_a_hash_of_thing_and_visitor():
    assert hash_id("2026-01-31T12:34:30", {"unique_id": "B_F", "visitor_id": "V"}) == (
        "2026-01-31T12:34:30-" + hashlib.sha1(b"B_FV").hexdigest()
    )
    assert hash_id("2026-01-31T12:34:30", {"unique_id": "ü", "visitor_id": 7}) == (
        "2026-01-31T12:34:30-" + hashlib.sha1("ü".encode() + b"7").hexdigest()
    )


def test_nothing_of_the_person_is_left(app, salt):
    event = anonymize_user(download(NOON, user_id="100", session_id="S"))
    assert not PERSON & set(event)
    assert event["country"] is None
    assert {"visitor_id", "unique_session_id"} <= set(event)


@pytest.mark.parametrize(
    ("person", "visitor", "session"),
    [
        pytest.param({"user_id": "100"}, "100", "100|2026013112", id="user"),
        pytest.param({"user_id": "100", "session_id": "S"}, "100", "S", id="user with session"),
        pytest.param({"session_id": "S"}, "S", "S", id="session"),
        pytest.param({}, f"192.0.2.1|{BROWSER}", f"192.0.2.1|{BROWSER}|2026013112", id="address and agent"),
    ],
)
def test_keys_are_sha224_of_the_salt_and_an_identity(app, salt, person, visitor, session):
    event = anonymize_user(download(NOON, **person))
    assert event["visitor_id"] == sha224(f"salt{visitor}")
    assert event["unique_session_id"] == sha224(f"salt{session}")


def test_a_visitor_is_the_same_at_every_hour(app, salt):
    """A double click does not end with the hour."""
    early, late = (anonymize_user(download(NOON.replace(hour=hour))) for hour in (1, 23))
    assert early["visitor_id"] == late["visitor_id"]
    assert early["unique_session_id"] != late["unique_session_id"]


def test_a_visitor_is_another_on_the_next_day(app):
    today, tomorrow = (anonymize_user(download(NOON.replace(day=day))) for day in (30, 31))
    assert today["visitor_id"] != tomorrow["visitor_id"]


def test_an_event_with_a_visitor_is_not_changed(app):
    event = {"visitor_id": "V", "unique_session_id": "S", "user_id": "7"}
    assert anonymize_user(dict(event)) == event


def test_an_event_with_raw_fields_is_pseudonymized_whatever_else_it_has(app, salt):
    raw = {"timestamp": "2026-01-31T10:00:00", "ip_address": "192.0.2.1", "user_agent": BROWSER}
    other_fields = {"visitor_id": None, "unique_session_id": "S", "agent_class": "robot"}
    assert anonymize_user({**raw, **other_fields}) == anonymize_user(dict(raw))


def test_preprocessors_run_without_an_application(salt):
    """Unit tests of clients call them with a replaced salt, at any time of the day."""
    event = download(datetime(2026, 1, 31, tzinfo=timezone.utc))
    for preprocess in (flag_robots, flag_machines, anonymize_user):
        event = preprocess(event)
    assert len(event["visitor_id"]) == 56
    assert "ip_address" not in event


def test_the_default_preprocessors_are_on_the_class():
    assert EventsIndexer.default_preprocessors == [flag_robots, flag_machines, anonymize_user]


def test_preprocessors_run_in_order_and_none_drops(app):
    seen = []

    def first(doc):
        seen.append("first")
        return {**doc, "unique_id": "X"} if doc["file_id"] != "dropped" else None

    def second(doc):
        seen.append("second")
        return doc

    queue = StubQueue(download(NOON, file_id="dropped"), download(NOON))
    actions = list(EventsIndexer(queue, preprocessors=[first, second, anonymize_user]).actionsiter())
    assert [action["_source"]["unique_id"] for action in actions] == ["X"]
    assert seen == ["first", "first", "second"]


@pytest.mark.parametrize(
    "name", ["invenio_stats.processors.build_file_unique_id", "invenio_stats.processors:build_file_unique_id"]
)
def test_an_indexer_made_by_hand_takes_import_strings(app, name):
    indexer = EventsIndexer(StubQueue(download(NOON)), preprocessors=[name, anonymize_user])
    (action,) = indexer.actionsiter()
    assert action["_source"]["unique_id"] == "B1_F1"
