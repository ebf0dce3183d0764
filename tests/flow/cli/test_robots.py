"""Commands about robots and corrections: what operators read, and what programs read."""

import json

import pytest
from invenio_search.utils import prefix_index

from invenio_stats.cli import stats
from invenio_stats.core import names
from invenio_stats.errors import ConfigurationError
from invenio_stats.privacy.user_agents import cache
from invenio_stats.privacy.user_agents.lists.file import RobotsFile, format_list
from tests.flow.operations.reclassification import conftest as reclassification
from tests.flow.operations.reclassification.conftest import CRAWLER, FIREFOX, NOON, PATTERN, PHONE, clock

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


def test_an_agent_without_a_text_has_a_name_in_the_table(invoke, views):
    """Otherwise the most frequent line of all may be a hash, or nothing."""
    views(0, 100, agent="")
    output = invoke("robots", "top", "--to", f"{clock():%Y-%m-%d}").stdout
    assert "(empty)     robot  COUNTER" in output


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


def test_a_catalog_that_refuses_is_no_success(invoke, views, lists, search_client):
    views(0)
    lists([PATTERN])
    index = prefix_index(names.AGENTS)
    search_client.indices.put_settings(index=index, body={"index.blocks.write": True})
    try:
        output = invoke("robots", "update", "--yes", code=1).output
    finally:
        search_client.indices.put_settings(index=index, body={"index.blocks.write": None})
    assert f"catalog '{index}' refuses a change" in output
    assert "1 user agents have new classes" in invoke("robots", "update", "--yes").output


def test_an_instance_without_a_catalog_has_nothing_to_update(invoke, lists, search_client):
    search_client.indices.delete(index=prefix_index(names.AGENTS), ignore=[404])
    assert "up to date" in invoke("robots", "update", "--yes").output


@pytest.fixture
def robots_file(app, monkeypatch, tmp_path, lists):
    """The file of robots of the instance, which is not there yet."""
    path = tmp_path / "instance" / "stats-robots.json"
    monkeypatch.setitem(app.config, "STATS_ROBOTS_FILE", str(path))
    lists()
    return path


@pytest.mark.parametrize("path", [5, b"/robots.json", ["robots.json"], "a\0b"])
def test_a_setting_that_is_no_path_is_named(app, monkeypatch, path):
    monkeypatch.setitem(app.config, "STATS_ROBOTS_FILE", path)
    with pytest.raises(ConfigurationError, match="STATS_ROBOTS_FILE is"):
        cache.load_lists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("robots.txt", f"# mine\n{PATTERN}\n", id="lines"),
        pytest.param("COUNTER_Robots_list.json", json.dumps([{"pattern": PATTERN, "last_changed": "x"}]), id="COUNTER"),
    ],
)
def test_a_file_is_used_after_a_look_at_what_changes(invoke, views, robots_file, tmp_path, name, content, lists):
    """By this process at once, by others within a minute, and after a restart."""
    views(0)
    source = tmp_path / name
    source.write_text(content)
    update = ("robots", "update", "--file", str(source))
    planned = json.loads(invoke(*update, "--dry-run", "--json").stdout)
    assert planned["file"] == {"path": str(robots_file), "patterns": 1, "added": [PATTERN], "removed": []}
    (agent,) = planned["agents"]
    assert (agent["before"], agent["now"], agent["list"]) == ("browser", "robot", "STATS_ROBOTS_FILE")
    assert "Honeycomb" in invoke(*update, input="n\n", code=1).output
    assert not robots_file.exists()
    assert json.loads(invoke("robots", "test", "Honeycomb", "--json").stdout)["list_name"] != "STATS_ROBOTS_FILE"
    assert "1 user agents have new classes" in invoke(*update, input="y\n").output
    again = invoke(*update).stdout
    assert "has these patterns already" in again
    assert "up to date" in again
    lists()  # as after a restart
    assert PATTERN in invoke("robots", "test", PHONE).stdout
    source = tmp_path / "other.txt"
    source.write_text("another")
    changed = json.loads(invoke("robots", "update", "--file", str(source), "--yes", "--json").stdout)
    assert (changed["file"]["removed"], changed["written"]) == ([PATTERN], 1)


def test_running_processes_notice_another_file(app, robots_file, monkeypatch, caplog, expect_logged_errors):
    """One that is invalid leaves the patterns before in use, and is named once."""
    seconds = [0.0]
    robots_file.parent.mkdir()
    monkeypatch.setattr(cache, "RobotsFile", lambda path: RobotsFile(path, lambda: seconds[0]))
    app.extensions.pop("invenio-stats-agents", None)
    assert cache.describe(PHONE).agent_class == "browser"
    robots_file.write_bytes(format_list([PATTERN]))
    assert cache.describe(PHONE).agent_class == "browser"
    seconds[0] += 60
    assert cache.describe(PHONE).agent_class == "robot"
    robots_file.write_bytes(format_list(["bad("]))
    for _ in range(3):
        seconds[0] += 60
        assert cache.describe(PHONE).agent_class == "robot"
    assert caplog.text.count("The file of robots cannot be used") == 1
    robots_file.unlink()
    seconds[0] += 60
    assert cache.describe(PHONE).agent_class == "browser"


def test_a_file_that_cannot_be_used_changes_nothing(invoke, robots_file, tmp_path):
    source = tmp_path / "robots.txt"
    source.write_text("fine\n(a+)+\n")
    refused = invoke("robots", "update", "--file", str(source), "--yes", code=2).output
    assert "robots.txt, line 2: '(a+)+' may take seconds" in " ".join(refused.split())
    assert "No such file" in invoke("robots", "update", "--file", str(tmp_path / "none"), code=2).output
    assert not robots_file.exists()


def test_a_file_that_cannot_be_written_is_told(invoke, app, monkeypatch, tmp_path, lists):
    source = tmp_path / "robots.txt"
    source.write_text("fine")
    monkeypatch.setitem(app.config, "STATS_ROBOTS_FILE", str(source / "below" / "robots.json"))
    lists()
    refused = invoke("robots", "update", "--file", str(source), "--yes", code=1).output
    assert "set STATS_ROBOTS_FILE" in " ".join(refused.split())


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
    shown = invoke("corrections", "list").stdout
    assert "User agents classified anew" in shown
    assert "views -3" in shown


def test_a_change_has_its_sign_in_each_table(invoke, views, counted, lists):
    views(0, 100, 200)
    lists([PATTERN])
    invoke("robots", "update", "--yes")
    invoke("robots", "reclassify", "--yes")
    lists()
    invoke("robots", "update", "--yes")
    shown = invoke("robots", "reclassify", "--yes").stdout
    for table in ("Difference by record", "Difference by month"):
        assert shown.partition(table)[2].partition("\n\n")[0].endswith("+3"), shown
    assert "views +3" in invoke("corrections", "list").stdout


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
