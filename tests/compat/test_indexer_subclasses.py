"""Contract, processing: subclasses of the indexer, which override `run` or `actionsiter`."""

from itertools import islice

import pytest
from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats import current_stats
from invenio_stats.broker import queue_depth
from invenio_stats.broker.consume import Inbox
from invenio_stats.processors import EventsIndexer, anonymize_user, build_file_unique_id, flag_machines, flag_robots

from .samples import DOWNLOADS, download, on

DOWNLOADS_ALIAS = "events-stats-file-download"
STEPS = [flag_robots, flag_machines, anonymize_user, build_file_unique_id]


class OwnRun(EventsIndexer):
    """An indexer of somebody else, who overrides `run` in the way of old: everything in one bulk."""

    fails = False

    def run(self):
        if self.fails:
            list(self.actionsiter())
            raise RuntimeError("no")
        return search.helpers.bulk(self.client, self.actionsiter(), stats_only=True, chunk_size=50)


class Around(EventsIndexer):
    """An indexer of somebody else, who does something before or after our `run`."""

    def run(self):
        stored, failed = super().run()
        return stored, failed


class Some(EventsIndexer):
    """An indexer of somebody else, who takes only as many events as they like."""

    def run(self):
        return len(list(islice(self.actionsiter(), 2))), 0


class OwnActions(EventsIndexer):
    """An indexer of somebody else, who overrides `actionsiter` and writes where they like."""

    def actionsiter(self):
        for event in self.queue.consume():
            yield {
                "_id": event["file_id"],
                "_op_type": "index",
                "_index": f"{self.index}-of-their-own",
                "_source": {"file_id": event["file_id"], "theirs": True},
            }


class Changed(EventsIndexer):
    """An indexer of somebody else, who changes our actions."""

    def actionsiter(self):
        for action in super().actionsiter():
            action["_source"]["country"] = "CH"
            yield action


def test_an_overridden_run_is_acknowledged_when_it_returns(app, queues, put_templates, sources):
    current_stats.publish("file-download", [download(on(3)), download(on(4))])
    assert OwnRun(queues["file-download"], preprocessors=STEPS).run() == (2, 0)
    assert len(sources(DOWNLOADS)) == 2
    assert queue_depth.depth(queues["file-download"]) == 0


class Mixin:
    """A `run` that several indexers of an instance share."""

    run = OwnRun.__dict__["run"].__wrapped__
    fails = False


class Mixed(Mixin, EventsIndexer):
    """An indexer whose `run` comes from a class that knows nothing of ours."""


class WithoutSuper(EventsIndexer):
    """An indexer that sets its attributes by itself."""

    def __init__(self, queue):
        self.queue = Inbox(queue)
        self.index = prefix_index(DOWNLOADS_ALIAS)
        self.preprocessors = STEPS


def test_a_run_of_a_mixin_is_called_until_the_queue_is_empty(app, queues, put_templates, sources, monkeypatch):
    """Wherever the method comes from, its batches are acknowledged."""
    monkeypatch.setattr(Inbox.__init__, "__defaults__", (2,))
    current_stats.publish("file-download", [download(on(3), file_id=str(number)) for number in range(5)])
    indexer = Mixed(queues["file-download"], preprocessors=STEPS)
    assert indexer.run() == (5, 0)
    assert len(sources(DOWNLOADS)) == 5
    assert queue_depth.depth(queues["file-download"]) == 0
    assert not indexer.queue.is_open


def test_a_subclass_may_leave_out_our_constructor(app, queues, put_templates, sources):
    current_stats.publish("file-download", [download(on(3))])
    assert WithoutSuper(queues["file-download"]).run() == (1, 0)
    assert len(sources(DOWNLOADS)) == 1


def test_attributes_that_are_set_after_the_constructor_count(app, queues, put_templates, search_client, index_prefix):
    """Else the events would go to another index than the program says."""
    current_stats.publish("file-download", [download(on(3))])
    indexer = EventsIndexer(queues["file-download"], preprocessors=STEPS)
    indexer.suffix = "%Y"
    indexer.run()
    (index,) = search_client.indices.get(index=f"{index_prefix}{DOWNLOADS_ALIAS}-*")
    assert index == f"{index_prefix}{DOWNLOADS_ALIAS}-{on(3):%Y}"


@pytest.mark.parametrize("owner", ["object", "class"])
def test_an_actionsiter_that_is_replaced_is_used(app, queues, put_templates, sources, monkeypatch, owner):
    """Test suites replace it, in the object or in our class."""
    ours = EventsIndexer.actionsiter

    def actionsiter(self):
        for action in ours(self):
            action["_source"]["country"] = "CH"
            yield action

    current_stats.publish("file-download", [download(on(3))])
    indexer = EventsIndexer(queues["file-download"], preprocessors=STEPS)
    if owner == "class":
        monkeypatch.setattr(EventsIndexer, "actionsiter", actionsiter)
    else:
        monkeypatch.setattr(indexer, "actionsiter", lambda: actionsiter(indexer))
    assert indexer.run() == (1, 0)
    assert [event["country"] for event in sources(DOWNLOADS)] == ["CH"]


def test_an_overridden_run_gives_everything_back_when_it_raises(app, queues):
    current_stats.publish("file-download", [download(on(3))] * 3)
    indexer = OwnRun(queues["file-download"], preprocessors=STEPS)
    indexer.fails = True
    with pytest.raises(RuntimeError, match="no"):
        indexer.run()
    assert queue_depth.depth(queues["file-download"]) == 3


def test_what_an_overridden_run_does_not_take_stays_on_the_queue(app, queues, search_client):
    current_stats.publish("file-download", [download(on(3), file_id=str(number)) for number in range(5)])
    assert Some(queues["file-download"], preprocessors=STEPS).run() == (2, 0)
    assert sorted(event["file_id"] for event in current_stats.consume("file-download")) == ["2", "3", "4"]


@pytest.mark.expect_logged_errors
def test_an_overridden_run_may_call_ours(app, queues, put_templates, sources):
    events = [download(on(3)), {**download(on(3)), "timestamp": "yesterday"}, download(on(4))]
    current_stats.publish("file-download", events)
    assert Around(queues["file-download"], preprocessors=STEPS).run() == (2, 1)
    assert len(sources(DOWNLOADS)) == 2
    assert queue_depth.depth(queues["file-download"]) == 0
    assert queue_depth.dead(queues["file-download"]) == 1


def test_a_foreign_actionsiter_is_stored_unchanged(app, queues, put_templates, sources):
    current_stats.publish("file-download", [download(on(3)), download(on(4), file_id="F2")])
    assert OwnActions(queues["file-download"]).run() == (2, 0)
    found = sources(f"{DOWNLOADS}-of-their-own")
    assert sorted(found, key=str) == [{"file_id": "F1", "theirs": True}, {"file_id": "F2", "theirs": True}]
    assert queue_depth.depth(queues["file-download"]) == 0


def test_our_actions_may_be_changed_on_their_way(app, queues, put_templates, sources):
    current_stats.publish("file-download", [download(on(3))])
    assert Changed(queues["file-download"], preprocessors=STEPS).run() == (1, 0)
    assert [event["country"] for event in sources(DOWNLOADS)] == ["CH"]
