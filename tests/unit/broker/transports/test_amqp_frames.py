"""The frames are byte for byte those that py-amqp would send."""

from types import SimpleNamespace

import amqp
import pytest
from amqp import spec
from amqp.method_framing import frame_writer
from amqp.serialization import dumps

from invenio_stats.broker.transports.amqp_frames import build_publish_frames
from invenio_stats.broker.transports.outgoing import Outgoing


def sent_by_amqp(message, exchange, channel, most):
    """Return the bytes that py-amqp writes for one message."""
    sent = []
    transport = SimpleNamespace(write=lambda frame: sent.append(bytes(frame)))
    connection = SimpleNamespace(frame_max=most, bytes_sent=0)
    content = amqp.Message(
        message.body,
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=message.message_id,
        application_headers=dict(message.headers),
    )
    arguments = dumps("Bssbb", (0, exchange, message.queue, True, False))
    frame_writer(connection, transport)(1, channel, spec.Basic.Publish, arguments, content)
    return b"".join(sent)


@pytest.mark.parametrize("exchange", ["events", ""])
@pytest.mark.parametrize("headers", [{}, {"reason": "expired", "tries": 3}])
@pytest.mark.parametrize("body", ['{"a": 1}', '{"a": "ü€"}', "x" * 20_000], ids=["short", "unicode", "several frames"])
def test_frames_are_those_of_py_amqp(exchange, headers, body):
    messages = [Outgoing("stats-record-view", f"{number:032x}", body, headers) for number in range(3)]
    expected = b"".join(sent_by_amqp(message, exchange, 7, 4096) for message in messages)
    assert build_publish_frames(7, exchange, messages, 4096) == expected
