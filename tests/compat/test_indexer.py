"""Contract, processing: the indexer, its attributes, its actions, and what it stores."""

from datetime import datetime, timezone
from unittest.mock import Mock

import pytest
from invenio_search import current_search_client

from invenio_stats import current_stats
from invenio_stats.broker.consume import BATCH_SIZE
from invenio_stats.processors import EventsIndexer, anonymize_user, build_file_unique_id, flag_machines, flag_robots

from .samples import DOWNLOADS, StubQueue, download, naive, on

STEPS = [flag_robots, flag_machines, anonymize_user, build_file_unique_id]


def test_an_indexer_has_its_attributes(app, index_prefix):
    queue, client = StubQueue(), object()
    indexer = EventsIndexer(queue, suffix="%Y", client=client, preprocessors=STEPS, double_click_window=10)
    assert indexer.queue is queue
    assert indexer.client is client
    assert indexer.index == f"{index_prefix}{DOWNLOADS}"
    assert (indexer.suffix, indexer.preprocessors, indexer.double_click_window) == ("%Y", STEPS, 10)
    assert EventsIndexer(queue, prefix="raw").index == f"{index_prefix}raw-stats-file-download"


def test_an_indexer_has_its_defaults(app):
    indexer = EventsIndexer(StubQueue())
    assert indexer.client is current_search_client
    assert indexer.suffix == "%Y-%m-%d"
    assert indexer.preprocessors == EventsIndexer.default_preprocessors
    assert indexer.double_click_window == 30


def test_actions_are_one_index_operation_for_each_event(app, index_prefix):
    events = [download(on(3, 12, 0, second)) for second in (1, 2, 3)]
    actions = list(EventsIndexer(StubQueue(*events), preprocessors=STEPS).actionsiter())
    assert len(actions) == 3
    for action in actions:
        assert {"_id", "_op_type", "_index", "_source"} <= set(action)
        assert action["_op_type"] == "index"
        assert action["_index"] == f"{index_prefix}{DOWNLOADS}-{on(3):%Y-%m-%d}"
        assert action["_id"].startswith(naive(on(3)) + "-")
        assert not [key for key in action["_source"] if key.startswith("_")]


def test_building_actions_sends_no_request(app):
    """Test suites call `actionsiter` without an engine."""
    client = object()
    assert len(list(EventsIndexer(StubQueue(download(on(3))), client=client, preprocessors=STEPS).actionsiter())) == 1


def test_a_stored_event_has_its_fields(store_events, sources):
    store_events(download(on(3, 12, 0, 7)))
    (event,) = sources(DOWNLOADS)
    assert event["timestamp"] == naive(on(3, 12, 0, 7))
    assert event["unique_id"] == "B1_F1"
    assert len(event["visitor_id"]) == len(event["unique_session_id"]) == 56
    assert (event["country"], event["referrer"]) == (None, None)
    assert (event["is_robot"], event["is_machine"]) == (False, False)
    assert (event["bucket_id"], event["file_id"], event["file_key"], event["size"]) == ("B1", "F1", "paper.pdf", 9)
    updated = datetime.fromisoformat(event["updated_timestamp"])
    assert updated.utcoffset() is not None
    assert abs((datetime.now(timezone.utc) - updated).total_seconds()) < 60


@pytest.mark.parametrize("timestamp", ["{}.987654", "{}Z", "{}.9+00:00", "{}+00:00"])
def test_a_timestamp_is_cut_to_the_second_and_written_without_zone(app, timestamp):
    event = {**download(on(3)), "timestamp": timestamp.format(naive(on(3)))}
    (action,) = EventsIndexer(StubQueue(event), preprocessors=STEPS).actionsiter()
    assert action["_source"]["timestamp"] == naive(on(3))


def test_a_run_returns_a_pair_of_stored_and_failed(store_events):
    result = store_events(download(on(3)), download(on(4)))
    stored, failed = result
    assert (stored, failed) == result == (2, 0)
    assert isinstance(result, tuple)


@pytest.mark.parametrize("answer", [(1, []), (1, 0), None, Mock()], ids=["pair", "numbers", "none", "mock"])
def test_events_are_sent_through_the_helpers_of_the_engine_module(app, monkeypatch, put_templates, answer):
    """Test suites replace `invenio_search.engine.search.helpers.bulk`, and look at its positional arguments."""
    bulk = Mock(return_value=answer)
    monkeypatch.setattr("invenio_search.engine.search.helpers.bulk", bulk)
    indexer = EventsIndexer(StubQueue(download(on(3))), preprocessors=STEPS)
    assert indexer.run() == (1, 0)
    client, actions = bulk.call_args.args
    assert client is indexer.client
    assert [action["_source"]["unique_id"] for action in actions] == ["B1_F1"]


@pytest.mark.parametrize("result", [datetime(2017, 6, 1, 10, 0), datetime(2017, 6, 1, 10, 0, tzinfo=timezone.utc)])
def test_the_clock_is_read_in_the_module(app, monkeypatch, result):
    """Test suites replace the class `invenio_stats.processors.datetime`, by a mock as well."""
    monkeypatch.setattr("invenio_stats.processors.datetime", Mock(now=lambda tz=None: result, utcnow=lambda: result))
    (action,) = EventsIndexer(StubQueue(download(on(3))), preprocessors=STEPS).actionsiter()
    assert action["_source"]["updated_timestamp"] == "2017-06-01T10:00:00+00:00"


def test_an_injected_client_is_the_one_that_is_used(app, search_client, put_templates):
    """With its own time-outs."""
    client = Mock(wraps=search_client, transport=search_client.transport)
    assert EventsIndexer(StubQueue(download(on(3))), client=client, preprocessors=STEPS).run() == (1, 0)
    assert client.bulk.called


def test_a_queue_hands_out_one_bounded_batch(app, queues):
    event = current_stats.events["file-download"]
    current_stats.publish("file-download", [download(on(3), file_id=str(number)) for number in range(BATCH_SIZE + 200)])
    batch = list(event.cls(**event.params).queue.consume())
    assert 0 < len(batch) < BATCH_SIZE + 200


def test_a_foreign_queue_is_read_as_it_is(app, put_templates, sources):
    assert EventsIndexer(StubQueue(download(on(3))), preprocessors=STEPS).run() == (1, 0)
    assert len(sources(DOWNLOADS)) == 1


def test_a_type_without_templates_loses_no_event(app, refresh, sources):
    """Fields that nobody mapped are stored all the same."""
    queue = StubQueue({"timestamp": naive(on(3)), "colour": "red"}, routing_key="stats-colours")
    assert EventsIndexer(queue, preprocessors=[]).run() == (1, 0)
    assert [event["colour"] for event in sources("events-stats-colours*")] == ["red"]
