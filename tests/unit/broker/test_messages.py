"""A batch is encoded while it is sent, and many events share messages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.exceptions import EncodeError
from kombu.serialization import dumps

from invenio_stats.broker.messages import EVENTS_PER_MESSAGE, MAX_SINGLE_MESSAGES, SMALL_NUMBERS, Batch, unpack_events
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core.events import IdentifiedEvent
from invenio_stats.support.json_codec import decode


@pytest.fixture
def made():
    return []


@pytest.fixture
def batch(made):
    """Return `batch(*events)`, which notes in `made` what it has made."""

    def prepare(event):
        made.append(event)
        return event

    return lambda *events: Batch("q", prepare, events)


def _read(messages):
    """Return the ids and fields that a reader gets of messages."""
    read = []
    for message in messages:
        content = json.loads(message.body)
        read += unpack_events(content) or [IdentifiedEvent(content, message.message_id)]
    return [(event.event_id, dict(event)) for event in read]


def test_a_batch_makes_what_is_asked_for_and_nothing_twice(batch, made):
    """A batch that goes to the spool after all has the ids that the broker may have got."""
    messages = batch({"n": 1}, {"n": 2}, {"n": 3})
    first = messages[:2]
    assert made == [{"n": 1}, {"n": 2}]
    assert len(messages) == 3
    assert list(messages)[:2] == first
    assert made == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize("wrong", [{"n": {2}}, "no event", None, 7], ids=["not JSON", "text", "none", "number"])
@pytest.mark.parametrize("number", [3, 2 * EVENTS_PER_MESSAGE, 4 * EVENTS_PER_MESSAGE])
@pytest.mark.parametrize("position", [0, 1, -1])
def test_what_cannot_be_made_costs_no_other_event(batch, wrong, number, position):
    """It is no failure of the broker, so nobody who sends the batch gets it."""
    events = [{"n": n} for n in range(number)]
    events[position] = wrong
    messages = batch(*events)
    assert [fields["n"] for _id, fields in _read(messages)] == [n for n in range(number) if n != position % number]
    assert isinstance(messages.error, (EncodeError, TypeError, ValueError))


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 10**40])
@pytest.mark.parametrize("others", [0, 2 * EVENTS_PER_MESSAGE])
def test_a_number_of_any_size_is_read_as_it_was_published(batch, number, others):
    """Of a message whose numbers are all small its writer says so, and its reader need not look for larger ones."""
    events = [{"n": 1} for _ in range(others)]
    messages = batch(*events, {"n": number}, {"n": 10**18})
    read = [decode(message.body.encode(), message.body.endswith(SMALL_NUMBERS)) for message in messages]
    fields = [event for content in read for event in (unpack_events(content) or [content])]
    assert [event["n"] for event in fields] == [1] * others + [number, 10**18]
    assert all(type(event["n"]) is int for event in fields)


def test_a_message_that_orjson_can_read_back_says_so(batch):
    assert [message.body.endswith(SMALL_NUMBERS) for message in batch({"n": 1}, {"n": 2**64}, {"n": 1.5})] == [
        True,
        False,
        False,
    ]


def test_a_whole_message_of_events_that_cannot_be_made_is_left_out(batch):
    events = [{"n": n if n >= EVENTS_PER_MESSAGE else {n}} for n in range(2 * EVENTS_PER_MESSAGE)]
    messages = batch(*events)
    assert [fields["n"] for _id, fields in _read(messages)] == list(range(EVENTS_PER_MESSAGE, 2 * EVENTS_PER_MESSAGE))


def test_few_events_have_a_message_each(batch):
    """So a program that reads a queue by itself finds an event in each, as it always did."""
    messages = batch(*[{"n": n} for n in range(MAX_SINGLE_MESSAGES)])
    assert [json.loads(message.body) for message in messages] == [{"n": n} for n in range(MAX_SINGLE_MESSAGES)]


@given(st.integers(MAX_SINGLE_MESSAGES + 1, 4 * EVENTS_PER_MESSAGE))
def test_many_events_share_messages_and_keep_their_ids(number):
    events = [IdentifiedEvent({"n": n, "t": 'a"b'}, f"id-{n}") for n in range(number)]
    messages = Batch("q", lambda event: event, events)
    assert _read(messages) == [(f"id-{n}", {"n": n, "t": 'a"b'}) for n in range(number)]
    assert len(messages) == -(-number // EVENTS_PER_MESSAGE)
    assert [message.events for message in messages] == [EVENTS_PER_MESSAGE] * (number // EVENTS_PER_MESSAGE) + [
        number % EVENTS_PER_MESSAGE
    ] * (number % EVENTS_PER_MESSAGE > 0)
    assert len({message.message_id for message in messages}) == len(messages)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    )
)
def test_what_is_no_message_of_several_events_is_none(content):
    is_one = (
        isinstance(content, list)
        and content
        and all(
            isinstance(part, list) and len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], dict)
            for part in content
        )
    )
    assert (unpack_events(content) is not None) == bool(is_one)


@pytest.mark.parametrize("number", [1, MAX_SINGLE_MESSAGES + 1])
def test_an_event_whose_id_is_none_gets_one(number):
    """Found by exploring: the field is taken off, as every id of an event is."""
    for message in Batch("q", lambda event: event, [{"event_id": None, "size": 1}] * number):
        body = json.loads(message.body)
        ids = [message.message_id] if number == 1 else [event_id for event_id, _event in body]
        assert all(ids)
        assert all(event == {"size": 1} for event in ([body] if number == 1 else [event for _id, event in body]))


def test_a_message_that_was_spooled_by_an_earlier_version_has_one_event():
    assert Outgoing.from_json('["stats-q", "id", "{}", {}]') == Outgoing("stats-q", "id", "{}")


@given(
    st.dictionaries(
        st.text(st.characters()).filter(lambda name: name != "event_id"),  # not a field, but the id of the message
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(exclude_categories=()))
        | st.uuids()
        | st.datetimes()
        | st.lists(st.text() | st.uuids() | st.floats() | st.lists(st.integers())),
    ),
    st.sampled_from([1, MAX_SINGLE_MESSAGES + 1]),
)
def test_a_reader_gets_what_kombu_would_have_given(fields, number):
    """The quick way to JSON is taken where both ways are the same."""
    batch = Batch("q", lambda event: event, [fields] * number)
    for message in batch:
        body = json.loads(message.body)
        for read in [body] if number == 1 else [event for _id, event in body]:
            assert repr(read) == repr(json.loads(dumps(fields, serializer="json")[2]))
