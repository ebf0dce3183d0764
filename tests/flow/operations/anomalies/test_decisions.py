"""A person decides about an unusual day: its events are excluded, brought back, or kept, and totals follow."""

import json
from contextlib import suppress
from datetime import timedelta

import pytest
from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.cli import stats
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.completeness.index import shared_document
from invenio_stats.core.anomalies import Anomaly
from invenio_stats.errors import StatsError
from invenio_stats.operations import anomaly_decisions, daily, exclusions
from invenio_stats.operations.anomalies.store import change, count_open, read_anomalies, read_anomaly
from invenio_stats.operations.corrections import read_corrections
from invenio_stats.operations.monitoring.anomaly_checks import check_anomalies
from invenio_stats.operations.retention.groups import find_groups
from invenio_stats.operations.retention.guards import find_limits
from tests.flow.operations.anomalies import conftest
from tests.flow.operations.reclassification import conftest as reclassification
from tests.flow.operations.reclassification.conftest import FIREFOX, NOON, PHONE, clock
from tests.flow.operations.reclassification.test_interruptions import Fault, Killed

views, counted, lists, aggregations_config = (
    reclassification.views,
    reclassification.counted,
    reclassification.lists,
    conftest.aggregations_config,
)

DAY = NOON.date().isoformat()
FLOOD, OTHERS = 160, 3


@pytest.fixture
def flood(views):
    """Eight weeks of a few views, and a day with a flood of one item, from one browser; others read it as always."""
    for week in range(8, 0, -1):
        start = NOON - timedelta(weeks=week)
        views(*range(0, 31 * OTHERS, 31), record="1", start=start, count=False)
        views(*range(0, 31 * 20, 31), record="2", start=start, count=False)
    views(*range(0, 31 * OTHERS, 31), record="1", agent=FIREFOX, count=False)
    views(*range(0, 31 * FLOOD, 31), record="1")


@pytest.fixture
def found(flood, search_client, refresh):
    """What the nightly task has found: the item, and nothing else that is a hundred more."""
    result = daily.run_all()
    assert not [step for step in result.values() if isinstance(step, dict)], result
    (anomaly,) = (found for found in read_anomalies(search_client) if found.what == "item")
    assert (anomaly.period, anomaly.value, anomaly.number, anomaly.usual) == (DAY, "1", FLOOD + OTHERS, OTHERS)
    return anomaly


@pytest.fixture
def invoke(app):
    """Return `invoke(*args, code, **options)`: what `stats anomalies` prints."""

    def run(*args, code=0, **options):
        result = app.test_cli_runner().invoke(stats, ["anomalies", *args], **options)
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return run


def uses(counted):
    """Return the views of both items on all days, as totals have them."""
    return counted()["record-view"]


def test_excluded_and_included_again(found, counted, invoke, search_client):
    before = counted()
    planned = json.loads(invoke("exclude", found.id, "--note", "A script.", "--dry-run", "--json"))
    month = DAY[:7]
    assert (planned["documents"], planned["months"]) == (FLOOD + OTHERS, {month: {"views": -FLOOD - OTHERS}})
    assert counted() == before
    assert read_anomaly(search_client, found.id) == found

    output = invoke("exclude", found.id, "--note", "A script.", input="y\n")
    assert f"Events to exclude: {FLOOD + OTHERS}." in output
    assert uses(counted)["1"] == 8 * OTHERS
    excluded = read_anomaly(search_client, found.id)
    assert (excluded.state, excluded.note, excluded.events, excluded.is_done) == (
        "excluded",
        "A script.",
        FLOOD + OTHERS,
        True,
    )
    assert [line.months for line in read_corrections(search_client)] == [{month: {"views": -FLOOD - OTHERS}}]
    assert "A script." in invoke("list", "--state", "excluded")

    invoke("include", found.id, "--note", "It was a course.")
    assert counted() == before
    included = read_anomaly(search_client, found.id)
    assert (included.state, included.events, included.selection, included.is_done) == ("open", 0, {}, True)
    assert len(read_corrections(search_client)) == 2


def test_what_the_excluded_events_explain_goes_with_them(found, invoke, search_client):
    """All visitors together were many that day, because of the same flood."""
    assert {other.value for other in read_anomalies(search_client) if other.is_day} == {"1"}
    anomaly = Anomaly(DAY, "referrer", "", FLOOD, 0, clock())
    change(search_client, anomaly.id, lambda known: anomaly)
    invoke("exclude", found.id, "--note", "A script.", "--yes")
    assert read_anomaly(search_client, anomaly.id) is None
    assert read_anomaly(search_client, found.id).state == "excluded"


def test_only_some_of_the_events(found, counted, invoke, search_client):
    """The flood has no country, and the others have none either; so there is nothing to exclude from one."""
    invoke("exclude", found.id, "--note", "One network.", "--country", "DE", "--yes")
    assert uses(counted)["1"] == FLOOD + 9 * OTHERS
    invoke("include", found.id)
    invoke("exclude", found.id, "--note", "No network.", "--country", "", "--yes")
    assert uses(counted)["1"] == 8 * OTHERS
    assert read_anomaly(search_client, found.id).selection == {"country": "", "item": "1"}
    assert "include them again first" in invoke("exclude", found.id, "--note", "More.", "--yes", code=2)


def test_kept_after_it_was_excluded(found, counted, invoke, search_client):
    before = counted()
    invoke("exclude", found.id, "--note", "A script.", "--yes")
    facts = json.loads(invoke("keep", found.id, "--note", "It was in the news.", "--json"))
    assert (facts["state"], facts["note"]) == ("kept", "It was in the news.")
    assert counted() == before
    assert daily.run_all()["anomalies"] >= 1
    assert read_anomaly(search_client, found.id).state == "kept"


def test_what_is_kept_changes_no_number(found, counted, invoke, search_client):
    before = counted()
    assert count_open(search_client) == 1
    assert check_anomalies().level == "warning"
    invoke("keep", found.id, "--note", "It was in the news.")
    search_client.indices.refresh(index=prefix_index("*"))
    assert counted() == before
    assert read_corrections(search_client) == []
    assert check_anomalies().level == "ok"


def test_show_tells_what_the_events_consist_of(found, invoke):
    facts = json.loads(invoke("show", found.id, "--json"))
    profile = facts["profile"]
    assert profile["events"] == FLOOD + OTHERS
    assert profile["visitors"] == 2
    assert profile["parts"]["items"] == {"1": FLOOD + OTHERS}
    assert sorted(profile["parts"]["agents"].values()) == [OTHERS, FLOOD]
    assert sum(profile["hours"]) == FLOOD + OTHERS
    assert profile["hours"][12] > 0
    output = invoke("show", found.id)
    assert "By hour (UTC): 12 " in output
    assert PHONE not in output  # the catalog has the reduced text


@pytest.mark.embedded
@pytest.mark.parametrize("kind", ["exclude", "include"])
def test_killed_anywhere_the_night_finishes_it(
    found, counted, search_client, index_prefix, monkeypatch, expect_logged_errors, kind
):
    """Each attempt is killed some requests later; then the nightly task does the rest."""
    before = uses(counted)["1"]
    fault = Fault(search_client.transport, monkeypatch)
    for limit in (6, 25, 60, 100, 140):
        anomaly = read_anomaly(search_client, found.id)
        if kind == "include":
            anomaly_decisions.exclude(search_client, anomaly, {"item": "1"}, "A script.", clock())
            anomaly = read_anomaly(search_client, found.id)
        fault.set(limit)
        with suppress(Killed, StatsError):  # a run of an aggregation tells what has stopped it
            if kind == "exclude":
                anomaly_decisions.exclude(search_client, anomaly, {"item": "1"}, "A script.", clock())
            else:
                anomaly_decisions.include(search_client, anomaly, "kept", "A course.", clock())
        fault.set(None)
        search_client.indices.delete(index=f"{index_prefix}stats-locks", ignore=[404])  # leases expire
        begun = read_anomaly(search_client, found.id)
        anomaly_decisions.finish_decisions()
        done = read_anomaly(search_client, found.id)
        assert done.is_done
        assert done.state == begun.state
        expected = 8 * OTHERS if done.state == "excluded" else before
        assert uses(counted)["1"] == expected, limit
        assert done.events == (FLOOD + OTHERS if done.state == "excluded" else 0), limit
        if done.state == "excluded":
            anomaly_decisions.include(search_client, done, "open", "", clock())
        assert uses(counted)["1"] == before, limit


@pytest.mark.parametrize("command", ["show", "exclude", "include", "keep"])
@pytest.mark.parametrize(
    "name", ["2026-01-01-nothing", "2026-01-01-01234567", "", "*", "../x", "\0", "x" * 600, "\udcff"]
)
def test_an_unknown_id_is_refused(app, search_client, invoke, command, name):
    arguments = ["--note", "x"] if command in ("exclude", "keep") else []
    assert f"There is no {name!r}" in invoke(command, name, *arguments, code=2)


def test_what_is_no_text_is_refused(app, search_client, invoke):
    anomaly = Anomaly("2026-05-06", "item", "1", 900, 3, clock())
    change(search_client, anomaly.id, lambda known: anomaly)
    assert "no UTF-8" in invoke("keep", anomaly.id, "--note", "\udcff", code=2)
    assert "no UTF-8" in invoke("include", anomaly.id, "--note", "\udcff", code=2)
    assert "no UTF-8" in invoke("exclude", anomaly.id, "--note", "x", "--host", "\udcff", "--yes", code=2)
    assert read_anomaly(search_client, anomaly.id).is_undecided


@pytest.mark.parametrize(
    ("anomaly", "text"),
    [
        pytest.param(Anomaly("2026-05", "repository", "", 9, 3, clock()), "is a month", id="month"),
        pytest.param(Anomaly("2026-05-06", "agent_class", "ai", 900, 3, clock()), "do not count", id="robots"),
    ],
)
def test_what_cannot_be_excluded_says_what_to_do(app, search_client, invoke, anomaly, text):
    change(search_client, anomaly.id, lambda known: anomaly)
    assert text in invoke("exclude", anomaly.id, "--note", "x", "--yes", code=2)
    assert read_anomaly(search_client, anomaly.id) == anomaly._replace(found=anomaly.found.replace(microsecond=0))
    assert "kept" in invoke("keep", anomaly.id, "--note", "We know.")


def test_a_value_cannot_be_given_twice(app, search_client, invoke):
    anomaly = Anomaly("2026-05-06", "country", "DE", 900, 3, clock())
    change(search_client, anomaly.id, lambda known: anomaly)
    assert "is about 'DE'" in invoke("exclude", anomaly.id, "--note", "x", "--country", "FR", "--yes", code=2)


@pytest.mark.parametrize("command", ["exclude", "keep"])
@pytest.mark.parametrize("note", [[], ["--note", ""], ["--note", " \n"]], ids=["none", "empty", "blank"])
def test_a_decision_needs_a_note(app, invoke, command, note):
    assert "--note" in invoke(command, "2026-05-06-12345678", *note, code=2)


def test_a_day_that_cannot_be_counted_again_is_left_as_it_was(found, invoke, search_client):
    FirstCompleteDay(search_client, "record-view").raise_to(NOON + timedelta(days=1))
    assert "is before" in invoke("exclude", found.id, "--note", "x", "--yes", code=1)
    assert read_anomaly(search_client, found.id) == found


@pytest.mark.parametrize("command", ["include", "keep"])
def test_what_is_not_stored_any_more_is_not_brought_back(found, invoke, search_client, command):
    """The decision stays what it was: nothing is left for a night to complete."""
    invoke("exclude", found.id, "--note", "A script.", "--yes")
    excluded = read_anomaly(search_client, found.id)
    FirstCompleteDay(search_client, "record-view").raise_to(NOON + timedelta(days=1))
    assert "is before" in invoke(command, found.id, "--note", "x", code=1)
    assert read_anomaly(search_client, found.id) == excluded


@pytest.fixture
def interrupted(found, search_client, monkeypatch, expect_logged_errors):
    """The exclusion of the others' events only has flagged them, and was killed before they were counted again."""

    def killed(*args):
        raise StatsError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(exclusions, "recount_events", killed)
        with pytest.raises(StatsError, match="killed"):
            anomaly_decisions.exclude(search_client, found, {"item": "1", "country": ""}, "A script.", clock())
    return read_anomaly(search_client, found.id)


@pytest.mark.parametrize("narrowed", [[], ["--agent-class", "browser"], ["--country", "DE"]], ids=" ".join)
def test_another_choice_after_an_interruption_leaves_nothing_of_the_first(
    interrupted, counted, invoke, search_client, narrowed
):
    assert not interrupted.is_done
    invoke("exclude", interrupted.id, "--note", "Another.", "--yes", *narrowed)
    is_some = "DE" not in narrowed
    assert read_anomaly(search_client, interrupted.id).events == (FLOOD + OTHERS if is_some else 0)
    assert uses(counted)["1"] == 8 * OTHERS + (0 if is_some else FLOOD + OTHERS)
    invoke("include", interrupted.id)
    assert uses(counted)["1"] == 9 * OTHERS + FLOOD


def test_a_decision_whose_events_are_gone_stops_nothing(interrupted, counted, search_client, caplog):
    """Neither the other decisions of the night nor, for ever, the expiry of later events."""
    stuck = Anomaly("2001-01-01", "item", "1", 900, 3, clock(), state="excluded", is_done=False)
    change(search_client, stuck.id, lambda known: stuck)
    later = Anomaly("2999-01-01", "item", "1", 900, 3, clock(), state="excluded", is_done=False)
    change(search_client, later.id, lambda known: later)
    FirstCompleteDay(search_client, "record-view").raise_to(NOON - timedelta(weeks=9))
    assert {limit.by for limit in held_back(search_client)} == {DAY, "2999-01-01"}
    assert anomaly_decisions.finish_decisions() == 2
    assert read_anomaly(search_client, interrupted.id).is_done
    assert read_anomaly(search_client, later.id).is_done
    assert uses(counted)["1"] == 8 * OTHERS
    assert held_back(search_client) == []
    assert [record.anomaly for record in caplog.records if "its raw events are gone" in record.message] == [stuck.id]


def held_back(client):
    """Return what keeps events because of decisions."""
    (group,) = (group for group in find_groups() if "record-view" in group.event_types)
    return [limit for limit in find_limits(client, group, clock(), clock()) if limit.reason == "exclusion"]


def test_a_decision_about_a_closed_day_stops_no_other(interrupted, search_client, monkeypatch):
    """The engine answers with an error of its own; an earlier night has begun both."""
    stuck = Anomaly("2999-01-01", "item", "1", 900, 3, clock(), state="excluded", is_done=False)
    change(search_client, stuck.id, lambda known: stuck)

    def refuse(client, selection, *args):
        if selection.day.year == 2999:
            raise search.exceptions.RequestError(400, "index_closed_exception", {})
        return exclude_events(client, selection, *args)

    exclude_events = anomaly_decisions.exclude_events
    monkeypatch.setattr(anomaly_decisions, "exclude_events", refuse)
    with pytest.raises(search.exceptions.RequestError):
        anomaly_decisions.finish_decisions()
    assert read_anomaly(search_client, interrupted.id).is_done


def test_a_night_looks_at_new_days_after_the_clock_was_ahead(found, search_client):
    mark = shared_document(search_client, "anomalies:")
    mark.change(lambda source: {"examined": "2099-01-01"}, 5)
    assert daily.run_all()["anomalies"] == 1
    assert shared_document(search_client, "anomalies:").source["examined"] < "2099"


def test_days_before_all_use_are_not_looked_at(found, invoke):
    """A wrong year would be hundreds of thousands of days."""
    assert json.loads(invoke("find", "--from", "0001", "--json")) == {"found": 1}
    assert json.loads(invoke("find", "--from", "9999", "--to", "9999-12-31", "--json")) == {"found": 0}


def test_looking_at_earlier_days(flood, invoke, search_client):
    assert json.loads(invoke("find", "--from", DAY, "--to", DAY, "--json")) == {"found": 1}
    assert "1." in invoke("find", "--from", DAY)
    assert "is after" in invoke("find", "--from", "2026-02-01", "--to", "2026-01-01", code=2)


def test_nothing_was_ever_found(app, search_client, invoke):
    assert "No unusual day or month was found." in invoke("list")
    assert json.loads(invoke("list", "--json")) == []
    assert "which is not counted" in invoke("find", code=1)
