"""An event of a day whose raw events have been deleted would falsify the total, and is rejected."""

from datetime import datetime, timedelta, timezone

import pytest

from invenio_stats.broker import dead_letters
from invenio_stats.broker.consume import BATCH_SIZE
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats
from tests.compat.samples import StubQueue
from tests.flow.test_processors import TODAY, download

EVENT = "file-download"
FIRST = TODAY.replace(hour=0, minute=0, second=0) - timedelta(days=3)


class OwnRun(EventsIndexer):
    """A subclass as downstream has them, with a run of its own."""

    def run(self):
        self._store.store_actions(actions := list(self.actionsiter()))
        return len(actions), 0


@pytest.fixture
def first_complete_day(search_client, put_templates):
    """Say that older events are gone."""
    FirstCompleteDay(search_client, EVENT).raise_to(FIRST)


@pytest.fixture
def rejected(queues):
    """Return reason and id of each dead letter."""
    return lambda: [(dead_letter.reason, dead_letter.message_id) for dead_letter in dead_letters.look(queues[EVENT])]


def run(cls=EventsIndexer):
    definition = current_stats.events[EVENT]
    return cls(**definition.params).run()


@pytest.mark.parametrize("cls", [EventsIndexer, OwnRun])
def test_an_event_before_the_first_complete_day_is_rejected(queues, first_complete_day, rejected, cls):
    """The day itself is whole, and its first second belongs to it."""
    current_stats.publish(EVENT, [download(FIRST), download(FIRST - timedelta(seconds=1)), download()])
    assert run(cls)[0] == 2
    assert [reason for reason, _id in rejected()] == ["expired"]


def test_put_back_it_is_rejected_again_once_with_its_id(queues, first_complete_day, rejected):
    current_stats.publish(EVENT, [download(FIRST - timedelta(days=400))])
    assert run() == (0, 1)
    before = rejected()
    for _ in range(2):
        assert dead_letters.replay(queues[EVENT]) == 1
        assert run() == (0, 1)
        assert rejected() == before


def test_nothing_is_too_old_where_nothing_was_deleted(queues, put_templates, rejected):
    current_stats.publish(EVENT, [download(datetime(1999, 1, 1, tzinfo=timezone.utc))])
    assert run() == (1, 0)
    assert rejected() == []


def test_it_is_judged_by_the_totals_once(queues, put_templates, search_client, index_prefix, rejected, monkeypatch):
    """They reach further back than the raw events: of the days before these, events are gone."""
    monthly = current_stats.aggregations["file-download-agg"]._replace(interval="month")
    monkeypatch.setitem(current_stats.aggregations, "file-download-agg", monthly)
    search_client.index(
        index=f"{index_prefix}stats-{EVENT}-2020-01",
        body={"timestamp": "2020-01-05T00:00:00", "count": 1, "unique_id": "B_F"},
        refresh=True,
    )
    search_client.index(
        index=f"{index_prefix}events-stats-{EVENT}-{FIRST:%Y-%m-%d}",
        body={"timestamp": FIRST.replace(tzinfo=None).isoformat(), "unique_id": "B_F"},
        refresh=True,
    )
    current_stats.publish(EVENT, [download(FIRST), download(FIRST + timedelta(days=1))])
    assert run() == (1, 1)
    assert [reason for reason, _id in rejected()] == ["expired"]
    assert FirstCompleteDay(search_client, EVENT).get() == FIRST + timedelta(days=1)


def test_the_engine_is_asked_once_in_a_run_and_not_at_all_for_nothing(queues, first_complete_day, requests):
    assert run() == (0, 0)
    assert not requests
    for _ in range(2):  # the first judges, and the second finds the oldest event
        current_stats.publish(EVENT, [download()])
        run()
    requests.clear()
    current_stats.publish(EVENT, [download(file_id=str(number)) for number in range(BATCH_SIZE + 1)])
    assert run() == (BATCH_SIZE + 1, 0)
    assert requests["completeness"] == 1


def test_who_reads_a_queue_of_its_own_is_not_concerned(app, first_complete_day):
    old = download(FIRST - timedelta(days=1), unique_id="B_F", visitor_id="V")
    del old["ip_address"], old["user_agent"], old["user_id"], old["session_id"]
    assert EventsIndexer(StubQueue(old), preprocessors=[]).run() == (1, 0)
