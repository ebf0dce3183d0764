"""The next batch is prepared while others are stored; each is acknowledged in order, after it is stored."""

import threading

import pytest

from invenio_stats.broker import queue_depth
from invenio_stats.broker.consume import Inbox
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.processing.batch_runner import RunOptions
from invenio_stats.processors import EventsIndexer, anonymize_user, build_file_unique_id
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import download


@pytest.fixture
def make_indexer(queues, put_templates):
    """Return what publishes five events and makes an indexer that reads two at a time."""

    def make(look, store):
        current_stats.publish("file-download", [download(file_id=f"F{number}") for number in range(5)])
        chain = [look, anonymize_user, build_file_unique_id]
        indexer = EventsIndexer(queues["file-download"], preprocessors=chain)
        indexer.queue = Inbox(queues["file-download"], size=2)
        really_store = indexer._store.store_clicks
        indexer._store.store_clicks = lambda clicks: store(really_store, clicks)
        return indexer

    return make


@pytest.fixture
def depth(queues):
    return lambda: queue_depth.depth(queues["file-download"])


def test_the_next_batch_is_read_while_one_is_stored(make_indexer, depth):
    is_read, met = threading.Event(), []

    def look(event):
        if event["file_id"] == "F2":
            is_read.set()
        return event

    def store(really_store, clicks):
        met.append(is_read.wait(10))
        return really_store(clicks)

    assert make_indexer(look, store).run() == (5, 0)
    assert met == [True, True, True]
    assert depth() == 0


@pytest.mark.parametrize("failing", [0, 1])
def test_of_a_batch_that_is_not_stored_and_those_after_it_nothing_is_acknowledged(make_indexer, depth, failing):
    calls = []

    def store(really_store, clicks):
        calls.append(len(clicks))
        if len(calls) == failing + 1:
            raise EngineUnavailableError("away")
        return really_store(clicks)

    with pytest.raises(EngineUnavailableError):
        make_indexer(lambda event: event, store).run()
    assert depth() == 5 - 2 * failing


def test_what_is_stored_is_acknowledged_where_the_next_batch_cannot_be_read(make_indexer, depth):
    def look(event):
        if event["file_id"] == "F2":
            raise ImportError("the environment is at fault")
        return event

    with pytest.raises(ImportError):
        make_indexer(look, lambda really_store, clicks: really_store(clicks)).run()
    assert depth() == 3


@pytest.mark.expect_logged_errors
def test_what_the_engine_refuses_is_rejected_with_its_own_batch(make_indexer, depth, queues):
    """Whatever the next one has failed with meanwhile."""
    rejected = []

    def look(event):
        if event["file_id"] == "F3":
            raise ValueError("broken")
        return event

    def store(really_store, clicks):
        stored = really_store(clicks)
        return stored._replace(new=stored.new - 1, refused=[(clicks[0].fields, "engine: refused")])

    indexer = make_indexer(look, store)
    indexer.run_options = RunOptions(on_outcome=lambda outcome: rejected.append((outcome.stored, outcome.dead)))
    indexer.run()
    assert rejected == [(1, 1), (0, 2), (0, 1)]
    assert queue_depth.dead(queues["file-download"]) == 4
    assert depth() == 0
