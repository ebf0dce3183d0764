"""Commands about robots and corrections: what operators read, and what programs read."""

import json

import pytest

from invenio_stats.cli import stats
from tests.flow.operations.reclassification import conftest as reclassification
from tests.flow.operations.reclassification.conftest import CRAWLER, FIREFOX, NOON, PATTERN, clock

views, counted, lists, aggregations_config = (
    reclassification.views,
    reclassification.counted,
    reclassification.lists,
    reclassification.aggregations_config,
)
MONTH = f"{NOON:%Y-%m}"


@pytest.fixture
def invoke(app):
    """Run a command in process, on the application."""
    runner = app.test_cli_runner()

    def run(*args, code=0, **kwargs):
        result = runner.invoke(stats, args, env={"COLUMNS": "200"}, **kwargs)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        pytest.param(CRAWLER, ("robot", False, "COUNTER"), id="robot"),
        pytest.param(FIREFOX, ("browser", True, None), id="browser"),
        pytest.param("Honeycomb/1.0", ("robot", False, "STATS_ROBOTS_PATTERNS"), id="pattern"),
        pytest.param("GPTBot/1.2", ("ai", False, "invenio-stats"), id="ai"),
        pytest.param("", ("robot", False, "COUNTER"), id="empty"),
    ],
)
def test_a_text_is_explained(invoke, lists, agent, expected):
    lists([PATTERN])
    found = json.loads(invoke("robots", "test", agent, "--json").stdout)
    assert (found["agent_class"], found["counts"], found["list_name"]) == expected


def test_the_explanation_is_for_people_too(invoke, lists):
    lists([PATTERN])
    lines = invoke("robots", "test", "Honeycomb/1.0").stdout.splitlines()
    assert lines == ["robot: does not count", "List: STATS_ROBOTS_PATTERNS; pattern: honeycomb"]


def test_the_agents_most_often_excluded_are_listed(invoke, views):
    views(0, 100, 200, agent=CRAWLER)
    today = f"{clock():%Y-%m-%d}"
    assert "bingbot" in invoke("robots", "top", "--to", today).stdout
    (agent,) = json.loads(invoke("robots", "top", "--to", today, "--json").stdout)["agents"]
    assert (agent["agent_class"], agent["list_name"], agent["clicks"]) == ("robot", "COUNTER", 3)


def test_an_update_tells_what_changes_and_writes_it_to_the_catalog(invoke, views, lists):
    views(0)
    assert "up to date" in invoke("robots", "update").stdout
    lists([PATTERN])
    planned = json.loads(invoke("robots", "update", "--dry-run", "--json").stdout)
    (agent,) = planned["agents"]
    assert (agent["before"], agent["now"], agent["list"]) == ("browser", "robot", "STATS_ROBOTS_PATTERNS")
    assert planned["written"] == 0
    assert "Honeycomb" in invoke("robots", "update", input="n\n", code=1).output
    assert "1 user agents have new classes" in invoke("robots", "update", input="y\n").output
    assert json.loads(invoke("robots", "update", "--json", "--yes").stdout)["agents"] == []


def test_events_are_reclassified_after_a_look_at_the_difference(invoke, views, counted, lists):
    views(0, 100, 200)
    lists([PATTERN])
    invoke("robots", "update", "--yes")
    before = counted()
    planned = json.loads(invoke("robots", "reclassify", "--dry-run", "--json").stdout)
    assert planned["months"] == {MONTH: {"views": -3}}
    assert planned["records"] == [{"record": "parent of 1", "month": MONTH, "number": "views", "change": -3}]
    assert planned["agents"][0]["events"] == 3
    shown = invoke("robots", "reclassify", input="n\n", code=1).output
    assert "parent of 1" in shown
    assert "Honeycomb" in shown
    assert counted() == before
    assert "counted again" in invoke("robots", "reclassify", input="y\n").output
    assert counted()["record-view"] == {}
    assert "No stored event has to change." in invoke("robots", "reclassify").output
    (correction,) = json.loads(invoke("corrections", "list", "--json").stdout)
    assert correction["months"] == {MONTH: {"views": -3}}
    assert "User agents classified anew" in invoke("corrections", "list").stdout


def test_a_wrong_range_is_refused(invoke):
    assert "swap them" in invoke("robots", "reclassify", "--from", "2026-02", "--to", "2026-01", code=2).output


def test_without_corrections_there_is_nothing_to_list(invoke, search_client):
    assert invoke("corrections", "list").stdout == "No number was ever corrected.\n"
    assert json.loads(invoke("corrections", "list", "--json").stdout) == []


def test_events_that_were_dropped_are_told_with_their_number(invoke, views, search_client):
    from invenio_stats.operations.monitoring.ingest_counters import Counters

    Counters(search_client, "record-view").add(clock().date(), {"robot": 7, "double_click": 2})
    assert json.loads(invoke("robots", "reclassify", "--dry-run", "--json").stdout)["dropped"] == 7
    assert "7 events of robots" in invoke("robots", "reclassify", "--dry-run").stdout


EDGES = ["0001-01-01", "9999-12-31"]


@pytest.mark.parametrize("command", [["robots", "top"], ["robots", "reclassify", "--dry-run"]], ids=" ".join)
def test_a_range_at_the_edge_of_the_calendar_is_empty(invoke, views, command):
    for day in EDGES:
        for ends in (["--from", day, "--to", day], ["--to", day]):
            assert "No " in invoke(*command, *ends).output


def test_what_was_left_out_at_the_edge_of_the_calendar_is_nothing(invoke, views):
    for day in EDGES:
        assert json.loads(invoke("events", "dropped", "--to", day, "--json").stdout)["days"] == {}
        assert json.loads(invoke("quality", "--to", day, "--json").stdout)["to"] == day


def test_the_agents_of_all_time_are_read(invoke, views):
    views(0, 100, 200, agent=CRAWLER)
    (agent,) = json.loads(invoke("robots", "top", "--from", "0001", "--to", "9999", "--json").stdout)["agents"]
    assert agent["clicks"] == 3
