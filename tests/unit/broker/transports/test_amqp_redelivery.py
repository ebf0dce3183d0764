"""Messages that the broker may soon drop are replaced by copies, unless it takes none."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from amqp.exceptions import MessageNacked

from invenio_stats.broker.transports.amqp_redelivery import MAX_RETURNS, is_worn, replace


class Publisher:
    """A channel whose broker takes `room` copies."""

    def __init__(self, room):
        self.room, self.taken = room, []

    def basic_publish_confirm(self, copy, routing_key, confirm_timeout):
        if len(self.taken) == self.room:
            raise MessageNacked
        self.taken.append((routing_key, copy.body, copy.properties))


class Message:
    """A message that has come back."""

    def __init__(self, body, count):
        self.body, self.headers, self.is_acknowledged = body, {"postponed": 2, "x-delivery-count": count}, False
        self.properties = {"message_id": body, "application_headers": self.headers}

    def ack(self):
        self.is_acknowledged = True


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, False),
        ({}, False),
        ({"x-delivery-count": MAX_RETURNS - 1}, False),
        ({"x-delivery-count": MAX_RETURNS}, True),
        ({"x-delivery-count": "many"}, False),
    ],
)
def test_a_message_is_worn_after_some_returns(headers, expected):
    assert is_worn(SimpleNamespace(headers=headers)) is expected


@pytest.mark.parametrize("room", [0, 1, 2])
def test_only_what_has_a_copy_is_acknowledged(room):
    """A queue that is full can be read nevertheless."""
    publisher, messages = Publisher(room), [Message("a", 5), Message("b", 6)]
    channel = SimpleNamespace(connection=SimpleNamespace(channel=lambda: nullcontext(publisher)))
    assert replace(channel, "q", messages) == messages[:room]
    assert [message.is_acknowledged for message in messages] == [number < room for number in range(2)]
    assert publisher.taken == [
        ("q", body, {"message_id": body, "application_headers": {"postponed": 2}}) for body in ("a", "b")[:room]
    ]
