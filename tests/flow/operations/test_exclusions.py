"""Events that a person has excluded count nowhere, and come back when the decision is taken back."""

from datetime import timedelta

import pytest

from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.moments import parse
from invenio_stats.errors import StatsError
from invenio_stats.operations.corrections import read_corrections
from invenio_stats.operations.exclusions import Selection, count_selected, exclude_events, include_events
from invenio_stats.operations.quality.left_out import read_left_out
from tests.flow.operations.reclassification import conftest as reclassification
from tests.flow.operations.reclassification.conftest import CRAWLER, FIREFOX, NOON, PATTERN, clock
from tests.flow.operations.reclassification.test_interruptions import Killed, fault

__all__ = ("fault",)
views, counted, lists, reclassify, aggregations_config = (
    reclassification.views,
    reclassification.counted,
    reclassification.lists,
    reclassification.reclassify,
    reclassification.aggregations_config,
)

DAY, MONTH = NOON.date(), f"{NOON:%Y-%m}"


def test_excluded_events_count_nowhere_and_come_back(views, counted, search_client):
    views(0, 100, record="1")
    views(0, record="2", agent=FIREFOX)
    before = counted()
    selection = Selection(DAY, item="1")
    assert count_selected(search_client, selection, clock())[1:] == (2, {MONTH: {"views": -2}})
    assert counted() == before
    excluded = exclude_events(search_client, selection, "A crawler of a class.", clock())
    assert excluded[1:] == (2, {MONTH: {"views": -2}})
    assert counted()["record-view"] == {"2": 1}
    assert counted()["item-usage"] == {"2": 1}
    assert exclude_events(search_client, selection, "Again.", clock()).documents == 0
    assert include_events(search_client, selection, "It was one.", clock())[1:] == (2, {MONTH: {"views": 2}})
    assert counted() == before
    assert [(line.kind, line.months) for line in read_corrections(search_client)] in (
        [("exclusion", {MONTH: {"views": 2}}), ("exclusion", {MONTH: {"views": -2}})],
        [("exclusion", {MONTH: {"views": -2}}), ("exclusion", {MONTH: {"views": 2}})],  # within a second
    )


@pytest.mark.parametrize(
    ("values", "left"),
    [
        pytest.param({}, {}, id="the day"),
        pytest.param({"item": "2"}, {"1": 1}, id="item"),
        pytest.param({"agent_class": "browser"}, {}, id="agent class"),
        pytest.param({"agent_class": "robot"}, {"1": 1, "2": 1}, id="another class"),
        pytest.param({"country": "DE"}, {"1": 1, "2": 1}, id="country"),
        pytest.param({"event_type": "file-download"}, {"1": 1, "2": 1}, id="another event type"),
        pytest.param({"item": "1", "agent_class": "robot"}, {"1": 1, "2": 1}, id="both"),
    ],
)
def test_events_are_selected_by_their_values(views, counted, search_client, values, left):
    views(0, record="1")
    views(0, record="2")
    exclude_events(search_client, Selection(DAY, **values), "", clock())
    assert counted()["record-view"] == left


def test_another_day_stays(views, counted, search_client):
    views(0)
    exclude_events(search_client, Selection(DAY + timedelta(days=1)), "", clock())
    assert counted()["record-view"] == {"1": 1}


def test_an_event_counts_again_when_its_last_exclusion_is_taken_back(views, counted, search_client):
    views(0)
    by_item, by_class = Selection(DAY, item="1"), Selection(DAY, agent_class="browser")
    for selection in (by_item, by_class):
        exclude_events(search_client, selection, "", clock())
    include_events(search_client, by_item, "", clock())
    assert counted()["record-view"] == {}
    include_events(search_client, by_class, "", clock())
    assert counted()["record-view"] == {"1": 1}


def test_a_later_double_click_does_not_bring_a_click_back(views, counted, search_client):
    """It shares its document; one in the next cell counts, since nobody has excluded it."""
    views(0)
    exclude_events(search_client, Selection(DAY, item="1"), "", clock())
    views(10)
    assert counted()["record-view"] == {}
    views(35)
    assert counted()["record-view"] == {"1": 1}


def test_an_exclusion_by_class_can_be_taken_back_when_the_class_is_another(
    views, counted, lists, reclassify, search_client
):
    views(0, 100)
    selection = Selection(DAY, agent_class="browser")
    exclude_events(search_client, selection, "", clock())
    lists([PATTERN])
    reclassify()
    include_events(search_client, selection, "", clock())
    lists()
    reclassify()
    assert counted()["record-view"] == {"1": 2}


def test_data_quality_shows_what_people_have_excluded(views, search_client, refresh):
    views(0, 100, 200)
    views(0, agent=CRAWLER)
    views(0, record="2")
    exclude_events(search_client, Selection(DAY, item="1"), "", clock())
    refresh()
    rows = {row.kind: row.clicks for row in read_left_out(DAY, DAY).rows}
    assert rows["excluded"] == 3


def test_excluding_the_oldest_events_makes_no_day_incomplete(views, counted, search_client):
    """They are all there; breakdowns have a total of the whole month, which begins before the first event."""
    start = NOON.replace(day=1) - timedelta(days=12)
    day = start.date()
    views(0, start=start)
    views(0, record="2", start=start + timedelta(hours=2))
    before = counted()
    for selection, left in ((Selection(day, item="1"), {"2": 1}), (Selection(day), {})):
        exclude_events(search_client, selection, "", clock())
        assert counted()["record-view"] == left
    assert FirstCompleteDay(search_client, "record-view").get() == NOTHING_MISSING
    for selection in (Selection(day), Selection(day, item="1")):
        include_events(search_client, selection, "", clock())
    assert counted() == before


def test_a_day_that_cannot_be_counted_again_is_refused(views, search_client):
    views(0)
    FirstCompleteDay(search_client, "record-view").raise_to(parse(f"{DAY + timedelta(days=1)}"))
    with pytest.raises(StatsError, match="is before"):
        exclude_events(search_client, Selection(DAY), "", clock())


def test_an_index_of_an_earlier_release_gets_the_fields(views, counted, search_client, index_prefix):
    """Its alias shows what is excluded; our totals do not."""
    index = f"{index_prefix}events-stats-record-view-{DAY}"
    properties = {
        name: {"type": "keyword"} for name in ("unique_id", "item_id", "visitor_id", "agent_class", "agent_id")
    }
    properties |= {name: {"type": "date"} for name in ("timestamp", "updated_timestamp")}
    properties |= {name: {"type": "boolean"} for name in ("is_robot", "is_machine")}
    search_client.indices.create(
        index=index,
        body={
            "mappings": {"dynamic": False, "properties": properties},
            "aliases": {f"{index_prefix}events-stats-record-view": {}},
        },
    )
    views(0)
    exclude_events(search_client, Selection(DAY, item="1"), "", clock())
    assert counted()["record-view"] == {}
    assert counted()["item-usage"] == {}


@pytest.mark.embedded
def test_it_is_completed_wherever_it_is_killed(
    views, counted, search_client, index_prefix, fault, expect_logged_errors
):
    """At each request in turn, before or after the engine has done it. A correction is there once."""
    views(0, 100, record="1")
    before, selection = counted(), Selection(DAY, item="1")
    number, is_last = 0, False
    while not is_last:
        number += 1
        change = exclude_events if number % 2 else include_events
        fault.set(number, is_done_first=number % 4 < 2)
        try:
            change(search_client, selection, f"{number}", clock())
            is_last = fault.sent < number
        except (Killed, StatsError):
            is_last = False
        fault.set(None)
        search_client.indices.delete(index=f"{index_prefix}stats-locks", ignore=[404])  # leases expire
        change(search_client, selection, f"{number}", clock())
        assert counted()["record-view"] == ({} if number % 2 else {"1": 2}), number
        assert len(read_corrections(search_client)) == number, number
    if number % 2:
        include_events(search_client, selection, "", clock())
    assert counted() == before
