"""Corrections of the past ask once which of many indices they are about; closed ones are named, not passed over."""

from datetime import timedelta

import pytest

from invenio_stats.errors import ClosedIndexError
from invenio_stats.operations.exclusions import Selection, exclude_events, include_events
from invenio_stats.operations.reclassification.plan import make_plan
from tests.flow.operations.reclassification.conftest import FIREFOX, NOON, PATTERN, clock
from tests.flow.operations.reclassification.test_interruptions import fault

__all__ = ("fault",)

DAYS = [NOON - timedelta(days=number) for number in range(3)]


@pytest.fixture
def index_of(index_prefix):
    """Return the index of the views of a day."""
    return lambda day: f"{index_prefix}events-stats-record-view-{day:%Y-%m-%d}"


@pytest.fixture
def close(search_client, index_of):
    """Close the index of a day, until the test has ended."""
    closed = []

    def do(day):
        search_client.indices.close(index=index_of(day))
        closed.append(index_of(day))

    yield do
    for index in closed:
        search_client.indices.open(index=index)


@pytest.fixture
def other_days(search_client, index_of):
    """Make many further indices, each with one event of an earlier day."""

    def make():
        source = search_client.search(index=index_of(NOON), body={"size": 1})["hits"]["hits"][0]["_source"]
        lines = []
        for number in range(1, 61):
            day = NOON - timedelta(days=number)
            stamp = f"{day:%Y-%m-%dT%H:%M:%S}"
            event = {
                **source,
                "timestamp": stamp,
                "updated_timestamp": stamp,
                "item_id": "another",
                "agent_id": "other",
            }
            lines += [{"index": {"_index": index_of(day), "_id": "another"}}, event]
        search_client.bulk(body=lines, refresh=True)

    return make


def test_exclusions_send_no_requests_for_indices_without_such_events(views, search_client, fault, other_days):
    views(0, 100)
    sent = []
    for _turn in range(2):
        for change in (exclude_events, include_events):
            fault.set(None)
            assert change(search_client, Selection(NOON.date(), item="1"), "", clock()).documents == 2
            sent.append(fault.sent)
        other_days()
    assert max(sent[2:]) < max(sent[:2]) + 60


def test_reclassifications_send_no_requests_for_indices_without_such_events(
    views, lists, search_client, fault, other_days
):
    views(0, 100)
    lists([PATTERN])
    sent = []
    for _turn in range(2):
        fault.set(None)
        assert make_plan(search_client, None, None, clock()).documents == 2
        sent.append(fault.sent)
        other_days()
    assert sent[1] < sent[0] + 20


def test_an_index_that_maps_the_class_in_another_way_is_looked_at_on_its_own(
    views, lists, counted, reclassify, search_client, index_of
):
    views(0, record="1")
    other = index_of(DAYS[1])
    properties = {"agent_class": {"type": "text", "fielddata": True}, "agent_id": {"type": "keyword"}}
    search_client.indices.create(index=other, body={"mappings": {"properties": properties}})
    views(0, record="2", start=DAYS[1])
    lists([PATTERN])
    reclassify()
    assert counted()["record-view"] == {}


def test_a_closed_index_of_another_day_is_no_obstacle(views, counted, lists, search_client, close):
    for day in DAYS:
        views(0, start=day)
    views(0, start=NOON, record="2", agent=FIREFOX)
    close(DAYS[2])
    exclude_events(search_client, Selection(NOON.date(), item="2"), "", clock())
    assert counted()["record-view"] == {"1": 3}
    lists([PATTERN])
    assert make_plan(search_client, DAYS[1], None, clock()).documents == 2


def test_events_of_a_closed_index_are_not_passed_over(views, lists, search_client, close, index_of):
    for day in DAYS:
        views(0, start=day)
    lists([PATTERN])
    close(DAYS[0])
    with pytest.raises(ClosedIndexError, match=index_of(DAYS[0])):
        exclude_events(search_client, Selection(NOON.date()), "", clock())
    with pytest.raises(ClosedIndexError, match=index_of(DAYS[0])):
        make_plan(search_client, None, None, clock())
    with pytest.raises(ClosedIndexError, match=index_of(DAYS[0])):
        make_plan(search_client, None, NOON, clock())
    assert make_plan(search_client, None, DAYS[1], clock()).documents == 2
