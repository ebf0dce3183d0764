"""The number of requests to engine, broker and salt store is fixed; unlike times, it is the same on all machines."""

from collections import Counter

import amqp
import pytest

from invenio_stats.broker.messages import MAX_SINGLE_MESSAGES
from invenio_stats.privacy import salts
from invenio_stats.privacy.salt_stores import salt_store
from invenio_stats.proxies import current_stats
from invenio_stats.search import client
from tests.flow.rest import QUERIES, refusal
from tests.flow.test_processors import download

FOUR = {
    "views": {"stat": "total", "params": {"bucket_id": "b1"}},
    "of all": {"stat": "total", "params": {"bucket_id": "b2"}},
    "per day": {"stat": "histogram", "params": {"bucket_id": "b1", "interval": "day"}},
    "by version": {"stat": "by-version", "params": {"version": 1}},
}


@pytest.fixture(scope="module")
def queries_config():
    return QUERIES


@pytest.fixture
def is_amqp(broker_url):
    return broker_url.startswith("amqp")


@pytest.fixture
def published(monkeypatch):
    """Return a Counter of what goes to RabbitMQ: `writes` of published messages, and methods by their class.method."""
    sent = Counter()
    send = amqp.Channel.send_method

    def count(self, sig, *args, **kwargs):
        sent[sig] += 1
        return send(self, sig, *args, **kwargs)

    monkeypatch.setattr(amqp.Channel, "send_method", count)
    return sent


@pytest.fixture
def thousand():
    """A thousand downloads of as many files, by fifty visitors, on one day."""
    return [download(file_id=str(number), ip_address=f"192.0.2.{number % 50}") for number in range(1000)]


def process():
    definition = current_stats.events["file-download"]
    return definition.cls(**definition.params).run()


def test_clicks_on_what_is_stored_are_read_merged_and_written_once_more(queues, put_templates, requests, thousand):
    for _ in range(2):  # the first makes the index, the second keeps which event is the oldest
        current_stats.publish("file-download", thousand)
        process()
    current_stats.publish("file-download", thousand)
    requests.clear()
    assert process() == (1000, 0)
    # Each run looks once at the index, at the first complete day and at the oldest event, which tells whether the day
    # has to be judged anew; what is there is read, then its neighbours.
    assert requests == {"index": 1, "_mapping": 1, "_bulk": 2, "_mget": 2, "completeness": 1, "_search": 1}


def test_new_events_are_written_and_their_neighbours_read_once(queues, put_templates, requests, thousand):
    for _ in range(2):
        current_stats.publish("file-download", thousand[:1])
        process()
    current_stats.publish("file-download", thousand[1:])
    requests.clear()
    assert process() == (999, 0)
    assert requests == {"index": 1, "_mapping": 1, "_bulk": 1, "_mget": 1, "completeness": 1, "_search": 1}


def test_a_thousand_events_ask_the_salt_store_once(app, queues, monkeypatch, thousand):
    """Once a day and process; in the first seconds of a day for the day before, too."""
    asked = Counter()

    class Counting:
        def __init__(self, cache):
            self._store = salt_store(cache)

        def get(self, day):
            asked["get"] += 1
            return self._store.get(day)

        def get_or_make(self, day):
            asked["get_or_make"] += 1
            return self._store.get_or_make(day)

    monkeypatch.setattr(salts, "salt_store", Counting)
    app.extensions.pop("invenio-stats-salts", None)
    noon = [{**event, "timestamp": f"{event['timestamp'][:10]}T12:00:00"} for event in thousand]
    current_stats.publish("file-download", noon)
    assert asked == {"get_or_make": 1}


def test_a_batch_is_a_write_for_each_hundred_events_and_one_wait(queues, is_amqp, published, monkeypatch, thousand):
    if not is_amqp:
        pytest.skip("only AMQP has confirms")
    current_stats.publish("file-download", thousand[:1])  # opens the channel
    writes = []
    write = amqp.transport.TCPTransport.write
    monkeypatch.setattr(amqp.transport.TCPTransport, "write", lambda self, data: (writes.append(1), write(self, data)))
    published.clear()
    current_stats.publish("file-download", thousand)
    assert (len(writes), published) == (10, {})


def test_a_batch_is_read_with_one_consumer_and_acknowledged_once(queues, put_templates, is_amqp, published, thousand):
    if not is_amqp:
        pytest.skip("other transports have no push")
    current_stats.publish("file-download", thousand)
    process()
    current_stats.publish("file-download", thousand)
    published.clear()
    assert process() == (1000, 0)
    sent = {name: published[getattr(amqp.spec.Basic, name)] for name in ("Qos", "Consume", "Cancel", "Get", "Ack")}
    assert sent == {"Qos": 1, "Consume": 1, "Cancel": 1, "Get": 1, "Ack": 1}
    assert published[amqp.spec.Queue.Declare] == 1


def test_a_batch_of_events_that_came_alone_is_read_with_two(queues, put_templates, is_amqp, published, thousand):
    """The second when the first messages have turned out to hold one event each."""
    if not is_amqp:
        pytest.skip("other transports have no push")
    process()
    for first in range(0, 1000, MAX_SINGLE_MESSAGES):
        current_stats.publish("file-download", thousand[first : first + MAX_SINGLE_MESSAGES])
    published.clear()
    assert process() == (1000, 0)
    sent = {name: published[getattr(amqp.spec.Basic, name)] for name in ("Qos", "Consume", "Cancel", "Get", "Ack")}
    assert sent == {"Qos": 2, "Consume": 2, "Cancel": 2, "Get": 1, "Ack": 1}
    assert published[amqp.spec.Queue.Declare] == 2


def test_four_questions_are_one_request(ask, one_total, requests):
    response = ask(FOUR)
    assert (response.status_code, response.json["views"]["value"]) == (200, 3)
    assert requests == {"_msearch": 1}


def test_one_question_is_one_search(ask, one_total, requests):
    assert ask({"views": FOUR["views"]}).status_code == 200
    assert requests == {"_search": 1}


def test_what_another_class_answers_is_not_asked_with_the_others(ask, one_total, requests):
    response = ask({**FOUR, "said": {"stat": "echo", "params": {"word": "a"}}})
    assert response.json["said"] == {"said": ["a"]}
    assert requests == {"_msearch": 1}


def test_an_error_stays_with_its_own_question(ask, one_total, requests):
    """All are asked at once; the message names the one that has no answer."""
    message = refusal(ask({**FOUR, "wrong": {"stat": "by-version", "params": {"version": "not a number"}}}))
    assert message.startswith("'wrong': ")
    assert requests == {"_msearch": 1}


def test_where_the_engine_refuses_questions_together_each_is_asked_alone(
    ask, one_total, requests, search_client, monkeypatch
):
    """A body that cannot be read is an error of the whole request."""

    def refuse(*args, **kwargs):
        raise client.engine.exceptions.RequestError(400, "parsing_exception", {})

    monkeypatch.setattr(type(search_client), "msearch", refuse)
    assert ask(FOUR).json["views"]["value"] == 3
    assert requests == {"_search": 4}
