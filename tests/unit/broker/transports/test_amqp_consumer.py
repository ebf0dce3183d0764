"""Messages are assembled from frames; py-amqp handles all other frames."""

from contextlib import contextmanager
from struct import pack
from types import SimpleNamespace

import amqp
import pytest
from amqp.serialization import dumps
from hypothesis import given
from hypothesis import strategies as st

from invenio_stats.broker.transports.amqp_consumer import Deliveries
from invenio_stats.broker.transports.amqp_frames import BASIC, BODY, HEADER, METHOD, build_publish_frames
from invenio_stats.broker.transports.outgoing import Outgoing

CHANNEL = 3
HEARTBEAT = (8, 0, b"")


class Transport:
    """Gives frames one after the other, and then waits in vain."""

    def __init__(self, frames):
        self.frames = list(frames)

    @contextmanager
    def having_timeout(self, seconds):
        yield

    def read_frame(self):
        if not self.frames:
            raise TimeoutError
        return self.frames.pop(0)


def listen(*frames):
    """Return the deliveries of a channel on which these frames come, and the frames that were left to py-amqp."""
    others = []
    connection = SimpleNamespace(transport=Transport(frames), on_inbound_frame=others.append)
    return Deliveries(SimpleNamespace(connection=connection, channel_id=CHANNEL)), others


def delivery(tag, properties, *parts, channel=CHANNEL):
    """Return the frames of one message."""
    method = pack(">HH", BASIC, 60) + dumps("sLbss", ("consumer", tag, False, "events", "stats-record-view"))
    header = pack(">HHQ", BASIC, 0, sum(map(len, parts))) + properties
    return [(METHOD, channel, method), (HEADER, channel, header), *((BODY, channel, part) for part in parts)]


def ours(message_id="a" * 32):
    """Return the properties of a message as we write them."""
    frames = build_publish_frames(CHANNEL, "", [Outgoing("q", message_id, "{}")], 4096)
    start = frames.index(pack(">HHQ", BASIC, 0, 2)) + 12
    return frames[start : frames.index(b"\xce", start)]


def test_a_message_is_its_body_and_its_id():
    deliveries, others = listen(*delivery(1, ours("b" * 32), b'{"a": 1}'))
    deliveries.wait_for(1, 1)
    (arrived,) = deliveries.arrived
    assert (arrived.body, arrived.message_id, arrived.is_plain_json, arrived.payload) == (
        b'{"a": 1}',
        "b" * 32,
        True,
        {"a": 1},
    )
    assert (arrived.properties["message_id"], others) == ("b" * 32, [])


def test_a_body_may_come_in_parts_or_not_at_all():
    deliveries, _ = listen(*delivery(1, ours(), b'{"a"', b": ", b"1}"), *delivery(2, ours()))
    deliveries.wait_for(2, 1)
    assert [arrived.body for arrived in deliveries.arrived] == [b'{"a": 1}', b""]


def test_what_is_no_message_of_this_channel_is_left_to_py_amqp():
    """Heartbeats come between the frames of a message; other channels have messages of their own."""
    first, *rest = delivery(1, ours(), b"{}")
    closing = (METHOD, CHANNEL, pack(">HH", 20, 40))
    foreign = delivery(9, ours(), b"[]", channel=CHANNEL + 1)
    deliveries, others = listen(closing, first, HEARTBEAT, *foreign, *rest)
    deliveries.wait_for(1, 1)
    assert [arrived.body for arrived in deliveries.arrived] == [b"{}"]
    assert others == [closing, HEARTBEAT, *foreign]


def test_no_more_is_read_than_was_asked_for():
    deliveries, _ = listen(*delivery(1, ours(), b"1"), *delivery(2, ours(), b"2"))
    deliveries.wait_for(1, 1)
    assert [arrived.body for arrived in deliveries.arrived] == [b"1"]
    deliveries.wait_for(2, 1)
    assert [arrived.body for arrived in deliveries.arrived] == [b"1", b"2"]


def test_fewer_than_expected_are_no_error():
    """Another worker was quicker."""
    deliveries, _ = listen(*delivery(1, ours(), b"1"))
    deliveries.wait_for(5, 1)
    assert len(deliveries.arrived) == 1


def test_a_message_that_breaks_off_is_an_error():
    """The connection cannot be read any further."""
    deliveries, _ = listen(*delivery(1, ours(), b"1")[:2])
    with pytest.raises(TimeoutError):
        deliveries.wait_for(1, 1)


def test_a_message_of_somebody_else_is_read_in_full():
    foreign = amqp.Message("", content_type="text/plain", content_encoding="utf-8", message_id="m")
    deliveries, _ = listen(*delivery(1, foreign._serialize_properties(), b"hello"))
    deliveries.wait_for(1, 1)
    (arrived,) = deliveries.arrived
    assert (arrived.is_plain_json, arrived.message_id, arrived.properties["message_id"], arrived.payload) == (
        False,
        None,
        "m",
        "hello",
    )


def test_a_message_that_py_amqp_has_read_is_one_as_well():
    """It may come while the answer to another method is waited for."""
    deliveries, _ = listen()
    message = amqp.Message(b"{}", content_type="application/json", message_id="m")
    message.delivery_info = {"delivery_tag": 7}
    message.body = b"{}"
    deliveries.take(message)
    (arrived,) = deliveries.arrived
    assert (arrived.body, arrived.properties["message_id"], arrived.payload) == (b"{}", "m", {})


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.booleans()), max_size=8), st.data())
def test_messages_in_a_buffer_are_taken_up_to_whatever_is_no_part_of_one(messages, data):
    """The rest stays as it is: a frame of something else, or one that is not whole yet."""
    written = b""
    expected = []
    is_open = True
    for number, (body, is_followed) in enumerate(messages):
        frames = delivery(number, ours(), body)
        written += b"".join(pack(">BHI", kind, channel, len(part)) + part + b"\xce" for kind, channel, part in frames)
        if is_open:
            expected.append(body)
        if is_followed:
            written += pack(">BHI", *HEARTBEAT[:2], 0) + b"\xce"
            is_open = False
    deliveries, _ = listen()
    cut = data.draw(st.integers(0, len(written)))
    taken = deliveries._take_frames(written[:cut], CHANNEL)
    taken += deliveries._take_frames(written[taken:], CHANNEL)
    assert [arrived.body for arrived in deliveries.arrived] == expected
    assert written[taken:].startswith(pack(">BHI", *HEARTBEAT[:2], 0)) or taken == len(written)
