"""How complete answers about usage are, from raw events to questions: six cases."""

from datetime import date, timedelta

import pytest

from invenio_stats.aggregations import UsageBreakdownAggregator
from invenio_stats.completeness.gaps import find_gaps
from invenio_stats.contrib.config import USAGE_AGGREGATIONS, USAGE_QUERIES
from tests.flow.completeness.weeks import DAY, EVENT, fill
from tests.flow.queries.usage_documents import Records

USED = {"item_id": "i1", "parent_id": "p1", "labels": ["c1"], "access_status": "open", "is_robot": False}
LAST = date(2026, 3, 19)
SCOPES = {"repository": {}, "community": {"community": "physics"}, "record": {"record": "p1"}}


@pytest.fixture(scope="module")
def aggregations_config(aggregations_config):
    return {**aggregations_config, **USAGE_AGGREGATIONS}


@pytest.fixture
def count(usage, usage_aggregator, clock):
    """Return a function that counts, and finds gaps, now."""

    def run():
        for name in ("item-usage-agg", "record-usage-agg"):
            usage_aggregator(name).run()
        usage_aggregator("usage-breakdown-agg", UsageBreakdownAggregator).run()
        usage.client.indices.refresh(index=f"{usage.prefix}*")
        find_gaps(usage.client, EVENT, {}, clock.now)

    return run


@pytest.fixture
def fill_until(usage):
    """Return `fill_until(last, days)`: twenty views a day of the days up to the last, but for Wednesday, March 18th."""
    return lambda last=LAST, days=60: fill(usage, last, days, **USED)


@pytest.fixture
def counted(fill_until, clock, count):
    """Views from January 19th to March 19th; it is noon of the 20th, and one is of today."""
    fill_until()
    count()


@pytest.fixture(params=SCOPES)
def asked(request, app, clock):
    """Return `asked(query, first, last)`: whether the answer is complete, with the reasons of its gaps."""
    state = app.extensions["invenio-stats"]
    known = Records({"i1": "p1"}, communities={"c1": "physics"})
    state.access, state.item_metadata = known, known.describe

    def ask(query, first, last):
        app.extensions.pop("invenio-stats-completeness", None)
        entry = USAGE_QUERIES[f"{request.param}-{query}"]
        query = entry["cls"](name=f"{request.param}-{query}", clock=lambda: clock.now, **entry["params"])
        answer = query.run(**{"from": first, "to": last}, **SCOPES[request.param])
        return answer["complete"], [gap["reason"] for gap in answer["gaps"]], answer

    return ask


def test_all_well(counted, asked):
    complete, reasons, answer = asked("total", "2026-02-01", "2026-03-17")
    assert (complete, reasons, answer["views"]) == (True, [], 45 * 20)
    assert asked("countries", "2026-02", "2026-02")[:2] == (True, [])


def test_a_silent_weekday(counted, asked):
    complete, reasons, answer = asked("series", "2026-03-16", "2026-03-19")
    assert (complete, reasons) == (False, ["silent"])
    assert [(point["date"], point["state"]) for point in answer["points"]] == [
        ("2026-03-16", "whole"),
        ("2026-03-17", "whole"),
        (DAY.isoformat(), "gap"),
        ("2026-03-19", "whole"),
    ]


def test_a_stopped_worker_and_one_that_has_caught_up(counted, asked, clock, fill_until, count):
    clock.forward(days=3)
    assert asked("total", "2026-03-19", "2026-03-19")[:2] == (True, [])
    assert asked("total", "2026-03-19", "2026-03-22")[:2] == (False, [])
    fill_until(date(2026, 3, 22), 3)
    count()
    complete, reasons, answer = asked("total", "2026-03-19", "2026-03-22")
    assert (complete, reasons, answer["views"]) == (True, [], 4 * 20)


def test_the_first_day_inside(counted, asked):
    complete, reasons, answer = asked("total", "2026-01-01", "2026-01-31")
    assert (complete, answer["views"]) == (False, 13 * 20)
    assert reasons
    assert {gap["to"] for gap in answer["gaps"]} == {"2026-01-18"}


def test_raw_events_deleted_by_retention(counted, asked, clock, count, usage):
    """Their numbers are there."""
    for month in ("2026-01", "2026-02"):
        usage.client.indices.delete(index=f"{usage.prefix}events-stats-{EVENT}-{month}")
    clock.forward(hours=1)
    count()
    complete, reasons, answer = asked("total", "2026-02-01", "2026-03-17")
    assert (complete, reasons, answer["views"]) == (True, [], 45 * 20)
    complete, reasons, answer = asked("countries", "2026-02", "2026-02")
    assert (complete, reasons, answer["unknown"]["views"] + answer["other"]["views"]) == (True, [], 28 * 20)


def test_the_running_month(counted, asked, clock):
    """Of today nothing is said, and of days to come."""
    clock.forward(hours=1)
    complete, reasons, answer = asked("series", LAST.isoformat(), "2026-03-31")
    assert (complete, reasons) == (True, [])
    today = (LAST + timedelta(days=1)).isoformat()
    assert [(point["date"], point["state"]) for point in answer["points"]][:2] == [
        (LAST.isoformat(), "whole"),
        (today, "running"),
    ]
