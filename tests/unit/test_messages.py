"""Messages: a batch is made as it is sent."""

import pytest
from kombu.exceptions import EncodeError

from invenio_stats.broker.messages import Batch, outgoing
from invenio_stats.core.events import born


@pytest.fixture
def made():
    return []


@pytest.fixture
def batch(made):
    """Return `batch(*events)`, which notes in `made` what it has made."""

    def make(event):
        made.append(event)
        return outgoing("q", born(event))

    return lambda *events: Batch(make, events)


def test_a_batch_makes_what_is_asked_for_and_nothing_twice(batch, made):
    """A batch that goes to the spool after all has the ids that the broker may have got."""
    messages = batch({"n": 1}, {"n": 2}, {"n": 3})
    first = messages[:2]
    assert made == [{"n": 1}, {"n": 2}]
    assert len(messages) == 3
    assert list(messages)[:2] == first
    assert made == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_batch_ends_before_what_cannot_be_made(batch):
    """It is no failure of the broker, so nobody who sends the batch gets it."""
    messages = batch({"n": 1}, {"n": {2}}, {"n": 3})
    assert [one.body for one in messages] == ['{"n": 1}']
    assert isinstance(messages.error, EncodeError)
