"""A message that the broker never takes is found, and holds up no other message."""

import json

import pytest

from invenio_stats.broker import delivery
from invenio_stats.broker.delivery import RefusedMessage, deliver_all, stand_in
from invenio_stats.broker.messages import Batch
from invenio_stats.broker.transports.outgoing import MessageRefusedError, Outgoing
from invenio_stats.core.events import IdentifiedEvent, short_id


@pytest.fixture
def broker(monkeypatch):
    """A broker that refuses every batch with a message of more than 500 characters; what it took, in order."""
    taken = []

    def deliver(pool, exchange, messages, seconds=1.0):
        for message in messages:
            if len(message.body) > 500:
                raise MessageRefusedError(OverflowError("quotes the message"))
        taken.extend(message.message_id for message in messages)

    monkeypatch.setattr(delivery, "deliver", deliver)
    return taken


def message(name, size=10, events=1):
    return Outgoing("stats-x", str(name), json.dumps({"a": "y" * size}), {}, events)


@pytest.mark.parametrize("culprits", [(), (0,), (9,), (4, 5), range(10)])
def test_all_but_the_culprits_are_delivered_in_order(broker, culprits):
    messages = [message(number, 1000 if number in culprits else 10) for number in range(10)]
    refused = deliver_all(None, None, messages)
    assert [refusal.message.message_id for refusal in refused] == [str(number) for number in culprits]
    assert {refusal.reason for refusal in refused} <= {"broker: OverflowError"}
    assert broker == [str(number) for number in range(10) if number not in culprits]


def test_the_events_of_a_message_go_one_by_one(broker):
    """Also where only all of them together are too much."""
    events = [IdentifiedEvent({"a": "y" * (1000 if number == 7 else 30)}, str(number)) for number in range(25)]
    refused = deliver_all(None, None, Batch("stats-x", lambda event: event, events))
    assert [(refusal.message.message_id, refusal.message.events) for refusal in refused] == [("7", 1)]
    assert broker == [str(number) for number in range(25) if number != 7]


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("body", ['{"large": "xxxxx", "n": 1}', "[1]", "{"])
def test_a_stand_in_says_what_it_was_and_nothing_of_its_content(body):
    refused = RefusedMessage(Outgoing("stats-x", "i" * 300, body, {}, 3), "broker: PreconditionFailed")
    found = stand_in(refused, "stats-x-dead", {"reason": "r"})
    assert (found.queue, found.headers, found.events) == ("stats-x-dead", {"reason": "r"}, 3)
    assert len(found.message_id) == 64
    about = json.loads(found.body)
    assert about["bytes"] == len(body)
    assert "xxxxx" not in found.body
    assert about["fields"] == ({"large": 7, "n": 1} if "large" in body else {})


@pytest.mark.parametrize("event_id", ["a", "", "ü" * 127, "i" * 255])
def test_an_id_that_fits_is_kept(event_id):
    assert short_id(event_id) == event_id


@pytest.mark.parametrize("event_id", ["ü" * 128, "i" * 256, "\ud800"])
def test_an_id_that_does_not_fit_gives_way_to_its_hash(event_id):
    assert short_id(event_id) == short_id(event_id)
    assert len(short_id(event_id)) == 64
    assert short_id(event_id) != short_id(event_id + "x")
