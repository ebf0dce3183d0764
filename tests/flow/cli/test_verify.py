"""Commands that compare totals with events and mend them: what operators read, and what programs read."""

import json
import re

import pytest

from invenio_stats.aggregations import StatAggregator
from invenio_stats.cli import stats
from invenio_stats.cli import verify as cli_verify
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core.moments import parse
from invenio_stats.operations.runner import aggregate_one
from invenio_stats.operations.verification.rebuild import Rebuild
from invenio_stats.proxies import current_stats

NAME = "record-view-agg"
MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")


@pytest.fixture
def invoke(app):
    """Run a command in process, on the application."""
    runner = app.test_cli_runner()

    def run(*args, code=0, **kwargs):
        result = runner.invoke(stats, args, env={"COLUMNS": "200"}, **kwargs)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


@pytest.fixture
def verify(invoke):
    """Return `verify(*args, code=0)`: the JSON of the command."""
    return lambda *args, code=0: json.loads(invoke("verify", *args, "--json", code=code).stdout)


@pytest.fixture
def rebuild(invoke):
    """Return `rebuild(*args)`: the JSON of the command."""
    return lambda *args: json.loads(invoke("aggregations", "rebuild", NAME, *MARCH, *args, "--json").stdout)


@pytest.fixture
def settled(raw):
    """Two views, one of a robot, counted by the shipped aggregation."""
    raw.put("2026-03-10", "recid_1")
    raw.put("2026-03-11", "recid_2")
    raw.put("2026-03-11", "recid_2", is_robot=True, agent_class="robot")
    aggregate_one(NAME)


@pytest.fixture
def late(settled, raw):
    """And two late ones that are not counted yet."""
    raw.put("2026-03-10", "recid_1", "s2")
    raw.put("2026-03-12", "[bold]recid_3")


def test_equal_totals_exit_0(invoke, settled):
    lines = invoke("verify").stdout.splitlines()
    assert lines == [
        "file-download-agg: 0 totals compared, 0 differences",
        "file-download-agg-automated: 0 totals compared, 0 differences",
        "record-view-agg: 2 totals compared, 0 differences, from 2026-03-10 to 2026-03-11",
        "record-view-agg-automated: 1 totals compared, 0 differences, from 2026-03-10 to 2026-03-11",
    ]


def test_differences_are_a_table_and_exit_1(invoke, late):
    output = invoke("verify", NAME, code=1).stdout
    (different,) = (line for line in output.splitlines() if "recid_1" in line)
    assert re.split(r" {2,}", different) == [
        NAME,
        "2026-03-10",
        "recid_1",
        "different",
        "count 1, unique_count 1",
        "count 2, unique_count 2",
    ]
    assert "[bold]recid_3" in output
    assert "missing" in output
    assert "record-view-agg: 3 totals compared, 2 differences, from 2026-03-10 to 2026-03-12" in output


def test_differences_are_json_for_programs(verify, late):
    found = verify(NAME, *MARCH, code=1)
    assert (found["from"], found["to"]) == ("2026-03-01T00:00:00", "2026-03-31T00:00:00")
    assert found["differences"] == [
        {
            "aggregation": NAME,
            "interval": "2026-03-10",
            "key": "recid_1",
            "kind": "different",
            "stored": {"count": 1, "unique_count": 1},
            "counted": {"count": 2, "unique_count": 2},
        },
        {
            "aggregation": NAME,
            "interval": "2026-03-12",
            "key": "[bold]recid_3",
            "kind": "missing",
            "stored": {},
            "counted": {"count": 1, "unique_count": 1},
        },
    ]
    assert found["aggregations"][NAME] == {
        "verifiable": True,
        "intervals": 3,
        "first": "2026-03-10",
        "last": "2026-03-12",
        "totals": 3,
        "differences": 2,
        "others": 0,
        "closed": [],
        "skipped": [],
    }
    assert found["aggregations"][f"{NAME}-automated"]["totals"] == 1


def test_no_differences_are_json_as_well(verify, settled):
    found = verify()
    assert found["differences"] == []
    assert [aggregation["totals"] for aggregation in found["aggregations"].values()] == [0, 0, 2, 1]
    assert (found["from"], found["to"]) == (None, None)


def test_dates_narrow_what_is_compared(invoke, late):
    assert "1 totals compared, 0 differences, of 2026-03-11" in (
        invoke("verify", NAME, "--from", "2026-03-11", "--to", "2026-03-11").stdout
    )


def test_only_so_many_differences_are_printed(invoke, late, monkeypatch):
    monkeypatch.setattr(cli_verify, "MAX_DIFFERENCES_SHOWN", 1)
    output = invoke("verify", NAME, code=1).stdout
    assert "recid_1" in output
    assert "recid_3" not in output
    assert "1 more; invenio stats verify --json prints all" in output


def test_what_was_left_out_is_said_with_its_reason(invoke, verify, late, search_client):
    FirstCompleteDay(search_client, "record-view").raise_to(parse("2026-03-12"))
    output = invoke("verify", NAME, code=1).stdout
    assert (
        "    2 intervals from 2026-03-10 to 2026-03-11 not compared: "
        "before 2026-03-12, the first day with all raw events"
    ) in output.splitlines()
    assert verify(NAME, code=1)["aggregations"][NAME]["skipped"] == [
        {
            "reason": "incomplete",
            "limit": "2026-03-12T00:00:00",
            "intervals": 2,
            "first": "2026-03-10",
            "last": "2026-03-11",
        }
    ]


class Own(StatAggregator):
    """Counts in a way of its own."""

    def agg_iter(self, dt, previous_bookmark):
        """Do as the others."""
        return super().agg_iter(dt, previous_bookmark)


@pytest.fixture
def own(monkeypatch):
    """The shipped aggregation of views with an iterator of its own."""
    definition = current_stats.aggregations[NAME]
    changed = definition._replace(cls=Own, params={**definition.params, "count_automated": False})
    monkeypatch.setitem(current_stats.aggregations, NAME, changed)


def test_what_cannot_be_verified_is_never_equal(invoke, verify, settled, own):
    assert (
        "record-view-agg: not verifiable, because its class overrides agg_iter" in invoke("verify", NAME, code=1).stdout
    )
    assert verify(code=1)["aggregations"][NAME]["verifiable"] is False  # and of the other there are no totals
    assert verify(NAME, code=1)["differences"] == []


def test_a_closed_index_is_named_and_the_rest_compared(invoke, verify, settled, raw, aggregator):
    """Of each aggregation; the day that it hides is not equal, nor a difference."""
    index = f"{raw.prefix}events-stats-record-view-2026-03-10"
    raw.put("2026-03-10", index=index.removeprefix(raw.prefix))
    raw.client.indices.close(index=index)
    try:
        lines = invoke("verify", code=1).stdout.splitlines()
        facts = verify(code=1)["aggregations"]
    finally:
        raw.client.indices.open(index=index)
    at = lines.index("record-view-agg: 1 totals compared, 0 differences, of 2026-03-11")
    assert lines[at + 1 : at + 3] == [
        f"    not compared, because they are closed: {index}. Open them.",
        "    2026-03-10 not compared: in a closed index",
    ]
    assert "record-view-agg-automated: 1 totals compared, 0 differences, of 2026-03-11" in lines
    assert {name: facts[name]["closed"] for name in ("file-download-agg", NAME)} == {
        "file-download-agg": [],
        NAME: [index],
    }
    assert facts[NAME]["skipped"] == [
        {"reason": "closed", "limit": None, "intervals": 1, "first": "2026-03-10", "last": "2026-03-10"}
    ]


def test_a_day_whose_events_were_deleted_is_left_and_named(invoke, settled, raw, counts):
    """Also with --yes; what differs elsewhere is mended."""
    events = f"{raw.prefix}events-stats-record-view*"
    hits = raw.client.search(index=events, size=10)["hits"]["hits"]
    for hit in hits:
        if hit["_source"]["timestamp"].startswith("2026-03-11"):
            raw.client.delete(index=hit["_index"], id=hit["_id"], refresh=True)
    raw.put("2026-03-12", "recid_3")
    before = counts()
    output = invoke("aggregations", "rebuild", NAME, *MARCH, "--yes", code=1).stdout
    assert "record-view-agg: 1 totals written or deleted, 0 failed" in output
    assert "    1 totals stay as they are: raw events of them were deleted" in output
    assert "(2026-03-11)" in output
    assert counts() == {**before, "recid_3-2026-03-12": 1}
    found = json.loads(invoke("aggregations", "rebuild", NAME, *MARCH, "--yes", "--json", code=1).stdout)
    assert found["aggregations"][NAME]["lost"] == {"2026-03-11": 1}


def test_rebuilding_shows_the_difference_and_asks(invoke, late, counts):
    before = counts()
    output = invoke("aggregations", "rebuild", NAME, *MARCH, "--dry-run").stdout
    assert "[bold]recid_3" in output
    assert "record-view-agg: 2 totals would be written or deleted" in output
    invoke("aggregations", "rebuild", NAME, *MARCH, input="n\n", code=1)
    assert counts() == before
    output = invoke("aggregations", "rebuild", NAME, *MARCH, input="y\n").stdout
    assert "record-view-agg: 2 totals written or deleted, 0 failed" in output
    assert "record-view-agg-automated: 0 totals written" in output
    assert "0 differences" in invoke("verify", NAME).stdout
    assert "0 totals written" in invoke("aggregations", "rebuild", NAME, *MARCH).stdout, "there is nothing to ask"


def test_rebuilding_is_json_for_programs(late, rebuild):
    planned = {"resumed_behind": None, "intervals": 2, "differences": {"different": 1, "missing": 1}, "lost": {}}
    assert rebuild("--dry-run") == {
        "dry_run": True,
        "aggregations": {NAME: planned, f"{NAME}-automated": {**planned, "intervals": 0, "differences": {}}},
    }
    done = rebuild("--yes")["aggregations"][NAME]
    assert done == {**planned, "written": 2, "failed": 0, "errors": []}
    assert rebuild()["aggregations"][NAME]["intervals"] == 0


def test_a_rebuild_that_was_stopped_says_where_it_goes_on(invoke, late, rebuild, monkeypatch):
    def stopped(self, on_interval=None):
        def stop(done, of):
            raise KeyboardInterrupt

        return run(self, stop)

    run = Rebuild.run
    with monkeypatch.context() as patched:
        patched.setattr(Rebuild, "run", stopped)
        invoke("aggregations", "rebuild", NAME, *MARCH, "--yes", code=1)
    assert (
        "record-view-agg: an earlier rebuild with these dates was interrupted; it continues after 2026-03-10"
        in invoke("aggregations", "rebuild", NAME, *MARCH, "--dry-run").stderr
    )
    done = rebuild("--yes")["aggregations"][NAME]
    assert (done["resumed_behind"], done["written"]) == ("2026-03-10T00:00:00", 1)
    assert "0 differences" in invoke("verify", NAME).stdout
    assert rebuild("--yes")["aggregations"][NAME]["resumed_behind"] is None


def test_what_fails_exits_1_and_says_how(invoke, late, monkeypatch):
    def fails(event, total):
        raise ZeroDivisionError

    params = current_stats.aggregations[NAME].params
    monkeypatch.setitem(params, "copy_fields", {"pid_value": fails})
    output = invoke("aggregations", "rebuild", NAME, *MARCH, "--yes", code=1).stdout
    assert "record-view-agg: 0 totals written or deleted, 3 failed: ZeroDivisionError" in output


def test_nothing_to_compare_is_no_success(invoke, settled):
    assert "0 totals compared" in invoke("verify", "--from", "2027", code=1).stdout
    assert json.loads(invoke("verify", "--from", "2027", "--json", code=1).stdout)["differences"] == []


def test_rebuilding_before_the_first_complete_day_is_refused(invoke, late, search_client, counts):
    before = counts()
    FirstCompleteDay(search_client, "record-view").raise_to(parse("2026-03-12"))
    said = invoke("aggregations", "rebuild", NAME, *MARCH, "--yes", code=2).stderr
    assert "record-view-agg: --from 2026-03-01 is before 2026-03-12" in said
    assert "Begin with --from 2026-03-12 or later." in said
    assert counts() == before


def test_rebuilding_what_counts_in_its_own_way_is_refused(invoke, settled, own):
    said = invoke("aggregations", "rebuild", *MARCH, "--yes", code=2).stderr
    assert "record-view-agg cannot be rebuilt, because its class overrides agg_iter" in said
    assert "Leave it out." in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ["verify", "no-such"],
            "Invalid aggregation type(s): no-such. Configured: file-download-agg, record-view-agg.",
        ),
        (["verify", "--from", "soon"], "'--from': 'soon' is not a date. Write it as"),
        (["verify", "--to", "2026-13"], "'--to': '2026-13' is not a date"),
        (["verify", "--from", "2026-02", "--to", "2026-01"], "swap them"),
        (["aggregations", "rebuild", "no-such", *MARCH], "Invalid aggregation type(s): no-such"),
        (["aggregations", "rebuild", "--from", "2026"], "Missing option '--to'"),
        (["aggregations", "rebuild", "--from", "2026-02", "--to", "2026-01"], "swap them"),
    ],
)
def test_a_mistake_exits_2_and_is_named(invoke, put_templates, args, said):
    assert said in invoke(*args, code=2).stderr


@pytest.mark.usefixtures("expect_logged_errors")
def test_an_engine_that_does_not_answer_is_said(invoke, settled, monkeypatch):
    from invenio_search.engine import search

    def away(*args, **kwargs):
        raise search.exceptions.ConnectionError("N/A", "secret", Exception())

    monkeypatch.setattr("invenio_stats.operations.verification.comparison.search", away)
    said = invoke("verify", code=1).stderr
    assert "does not answer (ConnectionError). Start it, or correct SEARCH_HOSTS." in said
    assert "secret" not in said
