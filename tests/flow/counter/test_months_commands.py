"""`invenio stats counter close`, `status`, `restate` and `prune`, and the task."""

import json

import pytest
from click.testing import CliRunner

from invenio_stats import tasks
from invenio_stats.broker import dead_letters
from invenio_stats.cli import stats
from invenio_stats.cli.counter import months as commands
from invenio_stats.counter.closing import task
from tests.fixtures import counter_usage
from tests.flow.counter.reports.making import make_json, make_tsv
from tests.flow.counter.test_closing import FEBRUARY, JANUARY


@pytest.fixture
def invoke(app, clock, monkeypatch):
    """Return `invoke(*arguments)`: the result of `invenio stats counter ...` at the time of the clock."""
    monkeypatch.setattr(commands, "_now", lambda: clock.now)
    cli = CliRunner()

    def run(*arguments, **options):
        return cli.invoke(stats, ["counter", *arguments], obj=_script_info(app), **options)

    return run


def _script_info(app):
    from flask.cli import ScriptInfo

    return ScriptInfo(create_app=lambda *_: app)


def test_close(two_months, work, invoke, usage_of):
    work()
    dry = invoke("close", "--dry-run")
    assert (dry.exit_code, dry.stdout) == (0, "2026-01 would be closed.\n2026-02 would be closed.\n")
    assert usage_of("2026-01") is None
    asked = invoke("close", input="n\n")
    assert asked.exit_code == 1
    assert usage_of("2026-01") is None
    done = invoke("close", "--yes")
    assert done.exit_code == 0
    assert "2026-01 is closed.\n    Total_Item_Investigations: 5\n" in done.stdout
    assert (usage_of("2026-01"), usage_of("2026-02")) == (JANUARY, FEBRUARY)
    again = invoke("close", "--yes")
    assert (again.exit_code, again.stdout) == (0, "No month is due.\n")


def test_close_one_month(two_months, work, invoke, usage_of):
    work()
    wrong = invoke("close", "--month", "2026-02", "--yes")
    assert wrong.exit_code == 2
    assert "Close 2026-01 first" in wrong.stderr
    found = json.loads(invoke("close", "--month", "2026-01", "--yes", "--json").stdout)
    assert found["months"][0]["month"] == "2026-01"
    assert found["months"][0]["closed"]
    assert usage_of("2026-02") is None


def test_close_lists_what_is_in_the_way(two_months, work, queues, invoke, usage_of):
    work()
    two_months.view("i1", "2026-01-15", "late")
    dead_letters.reject(queues["record-view"], [({"timestamp": "2026-01-31T23:00:00"}, "x")])
    for options in (("--dry-run",), ("--yes",)):
        result = invoke("close", *options)
        assert result.exit_code == 1
        assert "dead-letters replay record-view" in result.stdout
        assert "aggregations process item-usage-agg --from 2026-01-15 --to 2026-01-15" in result.stdout
    assert usage_of("2026-01") is None
    work()
    found = json.loads(invoke("close", "--dry-run", "--json").stdout)["months"]
    assert [[obstacle["kind"] for obstacle in month["obstacles"]] for month in found] == [["dead_letters"], []]
    assert invoke("close", "--dry-run", "--accept", "A crawler's").exit_code == 0
    assert invoke("close", "--yes", "--accept", "A crawler's").exit_code == 0
    assert usage_of("2026-01") is not None


def test_status(two_months, work, close, invoke):
    work()
    assert "No month is closed yet." in invoke("status").stdout
    close()
    two_months.view("i2", "2026-01-10", "late")
    work()
    result = invoke("status")
    assert result.exit_code == 0
    assert "Months offered: 2026-01 to 2026-02." in result.stdout
    assert "Total_Item_Investigations +1" in result.stdout
    table = result.stdout.split("Months offered")[0].splitlines()
    assert table[1].split() == ["month", "state", "revision", "changed", "TII", "TIR", "UII", "UIR", "SP"]
    assert max(map(len, table)) <= 80
    assert "TII: Total_Item_Investigations" in result.stdout
    facts = json.loads(invoke("status", "--json").stdout)
    assert (facts["first_month"], facts["last_month"]) == ("2026-01", "2026-02")
    january = facts["months"][0]
    assert (january["state"], january["revision"], january["sums"]["Total_Item_Requests"]) == ("closed", 1, 3)
    assert january["moved"]["correct_by"] == "2026-06-20"


def test_status_says_when_and_why_a_month_was_restated(two_months, work, close, invoke, clock):
    """As wide as a terminal, for what a person may have written."""
    work()
    close()
    assert "restated on" not in invoke("status").stdout
    two_months.view("i2", "2026-01-10", "late")
    work()
    invoke("restate", "--month", "2026-01", "--reason", "late events of a mirror")
    clock.forward(days=1)
    invoke("restate", "--month", "2026-01", "--reason", "word " * 60)
    output = invoke("status").stdout
    lines = output.split("SP: Searches_Platform")[1].strip().splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if not line.startswith(" ")] == [
        "2026-01: restated on 2026-03-20 as revision 2 (Total_Item_Investigations +1,",
        "2026-01: restated on 2026-03-21 as revision 3 (the same sums). Reason: word word",
    ]
    assert "Unique_Item_Investigations +1). Reason: late events of a mirror" in output
    log = json.loads(invoke("status", "--json").stdout)["months"][0]["log"]
    assert [entry["reason"] for entry in log[:2]] == ["", "late events of a mirror"]


def test_status_names_what_is_closed_in_the_search_engine(two_months, work, close, invoke, search_client, index_prefix):
    work()
    close()
    (index,) = search_client.indices.get_alias(index=f"{index_prefix}stats-counter-usage-2026-01-r1")
    search_client.indices.close(index=index)
    output = invoke("status").stdout
    assert (
        f"2026-01: what it consists of cannot be read, because these indices are closed in the search engine: {index}"
        in output
    )
    facts = json.loads(invoke("status", "--json").stdout)["months"]
    assert [month["closed_indices"] for month in facts] == [[index], [], []]


def test_restate(two_months, work, close, invoke, usage_of):
    work()
    close()
    two_months.view("i2", "2026-01-10", "late")
    refused = invoke("restate", "--month", "2026-01", "--reason", "late")
    assert refused.exit_code == 2
    assert "aggregations process item-usage-agg --from 2026-01-10 --to 2026-01-10" in refused.stderr
    work()
    dry = invoke("restate", "--month", "2026-01", "--reason", "late", "--dry-run")
    assert dry.exit_code == 0
    assert "Items that differ: 1." in dry.stdout
    assert "    Total_Item_Investigations: +1\n" in dry.stdout
    assert usage_of("2026-01") == JANUARY
    done = json.loads(invoke("restate", "--month", "2026-01", "--reason", "late", "--json").stdout)
    assert (done["revision"], done["items"]) == (2, 1)
    assert usage_of("2026-01") != JANUARY


def test_a_restatement_is_a_correction(two_months, work, close, invoke, app):
    """With the reason and the metrics that the reports have; a look at what it would change is none."""
    work()
    close()
    two_months.view("i2", "2026-01-10", "late")
    work()
    assert invoke("restate", "--month", "2026-01", "--reason", "late events", "--dry-run").exit_code == 0
    listed = ["corrections", "list", "--json"]
    assert json.loads(app.test_cli_runner().invoke(stats, listed).stdout) == []
    assert invoke("restate", "--month", "2026-01", "--reason", "late events").exit_code == 0
    (correction,) = json.loads(app.test_cli_runner().invoke(stats, listed).stdout)
    assert correction == {
        "timestamp": "2026-03-20T12:00:00+00:00",
        "kind": "restatement",
        "summary": "Revision 2 of 2026-01: late events",
        "command": "invenio stats counter restate",
        "months": {"2026-01": {"Total_Item_Investigations": 1, "Unique_Item_Investigations": 1}},
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("close", "--month", "2026-13"),
        ("close", "--month", "January"),
        ("close", "--accept", " "),
        ("restate", "--month", "2026-01"),
        ("restate", "--reason", "x"),
        ("restate", "--month", "2026-01", "--reason", ""),
        ("restate", "--month", "2026-03", "--reason", "x"),
        ("reopen", "--month", "2026-01"),
    ],
)
def test_bad_input_ends_with_2(two_months, invoke, arguments):
    assert invoke(*arguments).exit_code == 2


def test_prune(two_months, work, close, invoke, clock, usage_of):
    work()
    close()
    assert invoke("prune").stdout == "There is nothing to delete.\n"
    clock.now = clock.now.replace(year=2029)
    assert invoke("prune", "--dry-run").stdout == "2026-01: would be deleted\n2026-02: would be deleted\n"
    assert invoke("prune", input="n\n").exit_code == 1
    assert usage_of("2026-01") == JANUARY
    assert json.loads(invoke("prune", "--yes", "--json").stdout)["months"] == ["2026-01", "2026-02"]
    assert usage_of("2026-01") is None


@pytest.fixture
def without_reports(app, monkeypatch):
    for setting in ("STATS_COUNTER_PLATFORM", "STATS_COUNTER_PLATFORM_ID"):
        monkeypatch.setitem(app.config, setting, None)


@pytest.mark.usefixtures("without_reports")
def test_without_the_settings_there_are_no_commands(invoke):
    for command in ("close", "status", "prune"):
        result = invoke(command)
        assert result.exit_code == 2
        assert "Set STATS_COUNTER_PLATFORM" in result.stderr


@pytest.mark.usefixtures("without_reports")
@pytest.mark.parametrize("command", ["close", "deposit", "report", "requestors", "requestors add", "status"])
def test_help_needs_no_settings(invoke, command):
    result = invoke(*command.split(), "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_without_the_aggregation_the_setting_is_named(app, invoke, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", {})
    result = invoke("close")
    assert result.exit_code == 2
    assert "USAGE_AGGREGATIONS" in result.stderr


@pytest.fixture
def at_clock(clock, monkeypatch):
    class Replaced(task.datetime):
        @classmethod
        def now(cls, tz=None):
            return clock.now

    monkeypatch.setattr(task, "datetime", Replaced)


def test_the_task_closes_what_is_due(two_months, work, usage_of, at_clock, queues):
    work()
    dead_letters.reject(queues["record-view"], [({"timestamp": "2026-02-10T00:00:00"}, "x")])
    assert tasks.close_counter_months() == {"2026-01": [], "2026-02": ["dead_letters"]}
    assert usage_of("2026-01") == JANUARY
    assert usage_of("2026-02") is None
    assert tasks.StatsCounterTask["task"] == tasks.close_counter_months.name


@pytest.mark.usefixtures("without_reports")
def test_the_task_does_nothing_without_counter_reports():
    assert tasks.close_counter_months() == {}


@pytest.mark.usefixtures("expect_logged_errors")
def test_a_failure_of_the_task_is_its_result(app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_AGGREGATIONS", {})
    assert tasks.close_counter_months() == {"error": "CounterSetupError"}


def test_a_reason_is_one_line_in_every_format(two_months, work, invoke, queues, search_client, clock):
    work()
    dead_letters.reject(queues["record-view"], [({"timestamp": "2026-01-31T23:00:00"}, "x")])
    assert invoke("close", "--yes", "--accept", "one\n\ttwo\x00\udcff").exit_code == 0
    options = {"begin": "2026-01", "end": "2026-01", "now": clock.now}
    header = make_json(search_client, "PR", **options)["Report_Header"]
    assert [exception["Data"] for exception in header["Exceptions"]] == ["2026-01: one two ?"]
    assert make_tsv(search_client, "PR", **options)[8] == [
        "Exceptions",
        "3040: Partial Data Returned (2026-01: one two ?)",
    ]
    too_long = invoke("restate", "--month", "2026-01", "--reason", "x" * 501)
    assert (too_long.exit_code, "It has 501 characters" in too_long.stderr) == (2, True)


@pytest.mark.parametrize("kind", ["searches", "items"])
def test_totals_that_are_lost_with_their_raw_events_are_not_restated(
    two_months, work, close, invoke, search_client, index_prefix, kind
):
    work()
    close()
    names = {"searches": ["stats-search"], "items": ["stats-item-usage", "stats-record-view", "stats-file-download"]}
    for name in names[kind]:
        search_client.indices.delete(index=f"{index_prefix}{name}-2026-*", ignore=[404])
        search_client.indices.delete(index=f"{index_prefix}events-{name}-2026-01", ignore=[404])
    result = invoke("restate", "--month", "2026-01", "--reason", "x")
    assert result.exit_code == 2
    assert "the totals of 2026-01-05" in result.stderr


def test_searches_that_are_not_counted_any_more_stay(two_months, work, close, app, invoke, search_client, monkeypatch):
    work()
    close()
    before = counter_usage.read_month(search_client, "2026-01")
    two_months.view("i2", "2026-01-10", "late")
    work()
    configured = {name: value for name, value in app.config["STATS_EVENTS"].items() if name != "search"}
    monkeypatch.setitem(app.config, "STATS_EVENTS", configured)
    result = invoke("restate", "--month", "2026-01", "--reason", "late", "--json")
    assert json.loads(result.stdout)["difference"] == {"Total_Item_Investigations": 1, "Unique_Item_Investigations": 1}
    after = counter_usage.read_month(search_client, "2026-01")
    assert (after.revision, after.searches, after.search_days, after.has_searches) == (
        2,
        before.searches,
        before.search_days,
        True,
    )
    assert after.sums["Searches_Platform"] == 2
