"""A robot that was recognised late is taken out of the past, and comes back if that was wrong."""

import pytest

from invenio_stats.operations.corrections import read_corrections
from invenio_stats.operations.reclassification.plan import make_plan
from invenio_stats.operations.reclassification.run import is_unfinished
from tests.flow.operations.reclassification.conftest import CRAWLER, FIREFOX, NOON, PATTERN, PHONE, clock

IN_APP = (
    "[FBAN/FB4A;FBAV/567.1.0.52.74;FBBV/1003893689;FBDM/{density=3.0,width=1080,height=2340};FBLC/nl_NL;"
    "FBRV/1012267334;FBCR/NL KPN;FBMF/samsung;FBBD/samsung;FBPN/com.facebook.katana;FBDV/SM-S921B;FBSV/16;FBOP/1]"
)
"""A browser inside of an app: is-bot takes its reduced text, which has no blank, for a robot."""

FIVE = (0, 100, 200, 300, 400)
NOTHING = {"record-view": {}, "item-usage": {}, "record-usage": {}}
MONTH = f"{NOON:%Y-%m}"


def of_people(views):
    """Return all totals of the views of a record."""
    return {"record-view": {"1": views}, "item-usage": {"1": views}, "record-usage": {"parent of 1": views}}


def test_an_agent_that_is_a_robot_counts_nothing_and_again_what_it_did(views, counted, lists, reclassify):
    """Counted five times as a browser, then among the patterns: 0; removed again: 5."""
    views(*FIVE)
    before = counted()
    assert before == {**of_people(5), "automated-record-view": {}}
    lists([PATTERN])
    reclassify()
    assert counted() == {**NOTHING, "automated-record-view": {"robot": 5}}
    lists()
    reclassify()
    assert counted() == before


def test_a_plan_tells_the_difference_and_writes_nothing(views, counted, lists, search_client, index_prefix):
    views(*FIVE)
    views(0, 100, agent=FIREFOX, record="2")
    lists([PATTERN])
    before = counted()
    plan = make_plan(search_client, None, None, clock())
    assert plan.changes.months == {MONTH: {"views": -5}}
    assert plan.by_record == {("parent of 1", MONTH, "views"): -5}
    assert (plan.events.total(), plan.documents, plan.unknown) == (5, 5, 0)
    assert [plan.agents[agent_id].now.agent_class for agent_id in plan.events] == ["robot"]
    assert counted() == before
    assert read_corrections(search_client) == []


def test_double_clicks_of_several_agents_are_distinguished(views, counted, lists, reclassify):
    """A person reads with two browsers, of which one turns out to be a robot: in one cell, and in the next one."""
    views(0, agent=FIREFOX, user="7")
    views(10, agent=PHONE, user="7")
    views(95, agent=FIREFOX, user="7")
    views(118, 121, agent=PHONE, user="7")
    before = counted()
    assert before["record-view"] == {"1": 2}
    lists([PATTERN])
    reclassify()
    assert counted() == {**of_people(2), "automated-record-view": {"robot": 2}}
    lists()
    reclassify()
    assert counted() == before


def test_a_false_positive_counts_from_then_on_and_in_the_past(views, counted, lists, reclassify):
    views(*FIVE, agent=CRAWLER)
    lists([PATTERN])
    views(0, 100, agent=PHONE, address="192.0.2.2")
    assert counted() == {**NOTHING, "automated-record-view": {"robot": 7}}
    lists(exceptions=["honeycomb"])
    plan = reclassify()
    assert plan.changes.months == {MONTH: {"views": 2}}
    assert counted() == {**of_people(2), "automated-record-view": {"robot": 5}}


def test_a_correction_is_noted(views, lists, reclassify, search_client):
    views(*FIVE)
    lists([PATTERN])
    reclassify()
    (correction,) = read_corrections(search_client)
    assert (correction.kind, correction.months) == ("reclassification", {MONTH: {"views": -5}})
    assert correction.command == "invenio stats robots reclassify"
    reclassify()
    assert len(read_corrections(search_client)) == 1, "nothing has changed"
    assert not is_unfinished(search_client)


def test_days_whose_events_are_not_all_there_stay(views, counted, lists, reclassify, search_client):
    from invenio_stats.completeness.first_complete_day import FirstCompleteDay

    views(*FIVE)
    before = counted()
    FirstCompleteDay(search_client, "record-view").raise_to(clock())
    lists([PATTERN])
    plan = reclassify()
    assert counted() == before
    assert plan.incomplete["record-view"] == 5


@pytest.mark.parametrize(("day", "expected"), [(0, 0), (1, 5)], ids=["the day", "the day after"])
def test_only_the_days_that_are_asked_for_are_changed(views, counted, lists, reclassify, day, expected):
    from datetime import timedelta

    views(*FIVE)
    lists([PATTERN])
    reclassify(first=NOON.replace(hour=0) + timedelta(days=day))
    assert counted()["record-view"] == ({"1": expected} if expected else {})


def test_events_of_agents_that_the_catalog_has_lost_stay(
    views, counted, lists, reclassify, search_client, index_prefix
):
    views(*FIVE)
    search_client.indices.delete(index=f"{index_prefix}stats-agents")
    lists([PATTERN])
    assert reclassify().unknown == 5
    assert counted()["record-view"] == {"1": 5}


@pytest.mark.parametrize("agent", [IN_APP, "MozacFetch/49.0.20200702190156"], ids=["in-app", "fetch"])
def test_a_person_whose_reduced_text_looks_like_a_robot_stays_a_person(views, counted, lists, reclassify, agent):
    """Whatever else changes in the lists; and the operator's own pattern for it holds, and can be taken back."""
    views(*FIVE, agent=agent)
    before = counted()
    assert before == {**of_people(5), "automated-record-view": {}}
    lists(["something else"])
    assert reclassify().events.total() == 0
    lists([agent.split("/")[0].strip("[")])
    reclassify()
    assert counted() == {**NOTHING, "automated-record-view": {"robot": 5}}
    lists()
    reclassify()
    assert counted() == before
