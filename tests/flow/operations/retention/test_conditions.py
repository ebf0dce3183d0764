"""Months that COUNTER needs, policies of the search engine, other data with a deadline, and what people are told."""

import json
from datetime import date, datetime, timedelta, timezone

import pytest
from invenio_search.engine import search

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.cli import stats
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.completeness.index import shared_document
from invenio_stats.core import names
from invenio_stats.core.anomalies import Anomaly
from invenio_stats.core.counter_months import Month
from invenio_stats.core.moments import BEGINNING, parse, parse_calendar
from invenio_stats.definitions.numbers import check_retention
from invenio_stats.errors import ConfigurationError, StatsError
from invenio_stats.operations import exclusions
from invenio_stats.operations.anomalies.store import change
from invenio_stats.operations.monitoring.retention_checks import check_lifecycle
from invenio_stats.operations.monitoring.retention_checks import check_retention as check_overdue
from invenio_stats.operations.reclassification.state import State, write_state
from invenio_stats.privacy.user_agents import catalog
from invenio_stats.processing import month_indices
from invenio_stats.tasks import StatsExpireTask, expire_events
from invenio_stats.totals.leases import RunLease
from tests.flow.operations.retention.conftest import KEPT, OLD


@pytest.fixture
def reports(app, monkeypatch):
    """Switch COUNTER reports on."""
    monkeypatch.setitem(app.config, "STATS_COUNTER_PLATFORM", "Repository")
    monkeypatch.setitem(app.config, "STATS_COUNTER_PLATFORM_ID", "repo")


def close(site, month):
    document = Month(month, "closed", 1, "2026-03-04T00:00:00Z", "2026-03-04T00:00:00Z", {}, 0)._asdict()
    site.client.index(index=f"{site.prefix}{names.COUNTER_MONTHS}", id=month, body=document, refresh=True)


def test_events_of_a_month_that_counter_has_not_closed_stay(counted, reports):
    assert [(limit.reason, limit.by) for limit in counted.expire().limits] == [("not_closed", "2026-01")]
    assert counted.days() == [*OLD, *KEPT]
    close(counted, "2026-01")
    assert [(limit.reason, limit.by) for limit in counted.expire().limits] == [("not_closed", "2026-02")]
    assert counted.days() == ["2026-02-10", *KEPT]
    close(counted, "2026-02")
    assert counted.expire().limits == []
    assert counted.days() == list(KEPT)


def test_months_before_the_first_one_of_counter_are_not_waited_for(counted, reports):
    close(counted, "2026-02")
    assert counted.expire().limits == []
    assert counted.days() == list(KEPT)


def test_events_stay_that_were_in_a_closed_index_when_others_were_counted(counted):
    """The run after it is open again counts them."""
    index = f"{counted.prefix}events-stats-record-view-{OLD[1]}"
    notes = shared_document(counted.client, "closed:record-view-agg")
    notes.change(lambda source: {"closed": {index: "2026-03-01T00:00:00"}}, 1)
    assert [(limit.reason, limit.by) for limit in counted.expire().limits] == [("not_counted", "record-view-agg")]
    assert counted.days() == [*OLD[1:], *KEPT]
    notes.change(lambda source: {"closed": {}}, 1)
    assert counted.expire().limits == []
    assert counted.days() == list(KEPT)


def test_events_of_an_interrupted_reclassification_stay(counted):
    """Without them it could be neither completed nor taken back."""
    state = State("2026-04-01T00:00:00+00:00", "lists", (None, None), {}, {"record-view": [OLD[2]]})
    write_state(counted.client, state)
    (limit,) = counted.expire().limits
    assert (limit.reason, limit.by) == ("reclassification", "invenio stats robots reclassify")
    assert counted.days() == [OLD[2], *KEPT]
    write_state(counted.client, None)
    assert counted.expire().limits == []
    assert counted.days() == list(KEPT)


def test_corrections_of_days_that_are_gone_keep_nothing(counted):
    """The engine has deleted their index: nobody can complete them, so they would keep all later events for ever."""
    now = counted.clock.now
    write_state(
        counted.client, State("2026-04-01T00:00:00+00:00", "lists", (None, None), {}, {"record-view": [OLD[0]]})
    )
    state = shared_document(counted.client, "exclusion:x")
    about = {"event_type": "exclusion:", "unfinished": {"day": OLD[0], "event_type": None}}
    state.change(lambda source: about, 5)
    decision = Anomaly(OLD[0], "country", "DE", 900, 3, now, state="excluded", is_done=False)
    change(counted.client, decision.id, lambda known: decision)
    BookmarkAPI(counted.client, f"{names.REBUILD}item-usage-agg-{OLD[0]}-{OLD[1]}", "day").set_bookmark(OLD[0])
    counted.refresh()
    assert {limit.reason for limit in counted.plan().limits} == {"reclassification", "exclusion", "rebuild"}
    FirstCompleteDay(counted.client, "record-view").raise_to(parse_calendar(OLD[1]))
    assert counted.expire().limits == []
    assert counted.days() == list(KEPT)


def test_events_of_an_interrupted_exclusion_stay(counted, monkeypatch):
    def killed(*args):
        raise StatsError("killed")

    monkeypatch.setattr(exclusions, "recount_events", killed)
    selection = exclusions.Selection(date.fromisoformat(OLD[1]), country="FR")
    counted.use(OLD[1], country="FR")
    with pytest.raises(StatsError, match="killed"):
        exclusions.exclude_events(counted.client, selection, "A script.", counted.clock.now)
    counted.clock.forward(minutes=10)
    counted.count()
    (limit,) = (limit for limit in counted.expire().limits if limit.reason == "exclusion")
    assert limit.by == OLD[1]
    assert counted.days()[0] == OLD[1]


def test_events_of_an_interrupted_decision_stay(counted):
    decision = Anomaly(OLD[2], "country", "DE", 900, 3, counted.clock.now, state="excluded", is_done=False)
    change(counted.client, decision.id, lambda known: decision)
    assert [(limit.reason, limit.by) for limit in counted.expire().limits] == [("exclusion", OLD[2])]
    assert counted.days() == [OLD[2], *KEPT]
    change(counted.client, decision.id, lambda known: decision._replace(is_done=True))
    assert counted.expire().limits == []


def test_a_compaction_of_a_type_with_a_longer_name_keeps_nothing(counted):
    lease = month_indices.new_lease(f"{counted.prefix}events-stats-record-view-of-rooms-2026-01", counted.clock.now)
    index = f"{counted.prefix}events-stats-record-view-of-rooms-2026-01"
    counted.client.indices.create(index=index, body={"aliases": {lease: {}}})
    assert counted.plan().limits == []


ISM = {
    "explain": lambda indices: {index: {"policy_id": "old-goes", "enabled": True} for index in indices},
    "policy": {"policy": {"states": [{"name": "hot", "actions": []}, {"name": "gone", "actions": [{"delete": {}}]}]}},
}


@pytest.fixture
def policies(search_client, monkeypatch):
    """Stand in for an engine with ISM: return the answers, which a test may change."""
    answers = dict(ISM)
    perform = search_client.transport.perform_request

    def answer(method, url, *args, **kwargs):
        if "_ism/explain" in url:
            return answers["explain"](url.rpartition("/")[2].split(","))
        if "_ism/policies" in url:
            if answers["policy"] is None:
                raise search.exceptions.NotFoundError(404, "no", {})
            return answers["policy"]
        return perform(method, url, *args, **kwargs)

    monkeypatch.setattr(search_client.transport, "perform_request", answer)
    return answers


@pytest.mark.parametrize("policy", [ISM["policy"], None], ids=["it deletes", "nobody says what it does"])
def test_indices_that_the_engine_deletes_by_itself_are_left_to_it(counted, policies, policy):
    policies["policy"] = policy
    policies["explain"] = lambda indices: {i: {"policy_id": "old-goes"} for i in indices if i.endswith(OLD[0])}
    found = counted.expire()
    assert {index[-10:]: policy.name for index, policy in found.policies.items()} == {OLD[0]: "old-goes"}
    assert counted.days() == [OLD[0], *KEPT]
    finding = check_lifecycle()
    assert finding.level == "warning"
    assert "old-goes" in finding.message


def test_a_policy_that_deletes_nothing_is_none(counted, policies):
    policies["policy"] = {"policy": {"states": [{"name": "hot", "actions": [{"force_merge": {}}]}]}}
    assert counted.expire().policies == {}
    assert counted.days() == list(KEPT)
    assert check_lifecycle().level == "ok"


def test_a_policy_that_deletes_totals_is_an_error(counted, policies):
    finding = check_lifecycle()
    assert finding.level == "error"
    assert "stats-" in finding.message


def test_an_engine_without_policies_says_so_quietly(counted, caplog):
    assert counted.plan().policies == {}
    assert check_lifecycle().level == "ok"


@pytest.mark.parametrize(
    ("months", "override", "message"),
    [
        (26, None, "STATS_RETENTION_OVERRIDE to the reason"),
        (1, None, "2 or more"),
        (13.5, None, "whole number"),
        (True, None, "whole number"),
        (13, " ", "STATS_RETENTION_OVERRIDE is ' '"),
    ],
)
def test_a_retention_that_cannot_be_is_refused_at_the_start(months, override, message):
    with pytest.raises(ConfigurationError, match=message):
        check_retention({"STATS_RETENTION_EVENTS_MONTHS": months, "STATS_RETENTION_OVERRIDE": override})


def test_a_longer_retention_with_a_reason_is_accepted():
    check_retention({"STATS_RETENTION_EVENTS_MONTHS": 60, "STATS_RETENTION_OVERRIDE": "a research project"})


@pytest.fixture
def invoke(app, search_client):
    def run(*args, code=0, **options):
        result = app.test_cli_runner().invoke(stats, ["events", "expire", *args], **options)
        assert result.exit_code == code, result.output
        return result.output

    return run


NOTHING_IS_THAT_OLD = "--older-than", "25"


def test_the_command_asks_first(counted, invoke):
    """The clock of commands is the real one: all events of the site are old."""
    output = invoke("--older-than", "2", input="n\n", code=1)
    assert "would be deleted" in output
    assert counted.days() == [*OLD, *KEPT]


def test_a_dry_run_deletes_nothing_and_names_what_else_is_kept(counted, invoke):
    found = json.loads(invoke("--older-than", "2", "--dry-run", "--json"))
    assert found["dry_run"] is True
    (group,) = (group for group in found["events"] if "record-view" in group["event_types"])
    assert group["deleted"]["record-view"][0]["whole"] is True
    assert {"dead_letters", "agents", "salts", "exports"} <= set(found["other_data"])
    assert counted.days() == [*OLD, *KEPT]
    assert "StatsDeadLettersTask is not scheduled" in invoke("--dry-run")


def test_what_is_said_of_events_that_stay_is_right(counted, invoke):
    """There are none that old, or there are and something holds them back."""
    assert "record-view: no events before" in invoke("--older-than", "25", "--dry-run")
    counted.use(OLD[0], item_id="i2")  # not counted yet
    output = invoke("--older-than", "2", "--dry-run")
    assert "record-view: events before" in output
    assert "cannot be deleted yet" in output
    assert "has not counted all events yet; a run in a few minutes does" in output


@pytest.mark.parametrize("name", ["expiry", "record-view-agg"])
def test_what_a_killed_run_has_left_is_said_with_its_cure(counted, invoke, name):
    """Its lease ends by itself; nobody has to look for a run that is at work."""
    lease_name, start = (counted.group.name, BEGINNING) if name == "expiry" else (name, parse(OLD[0]))
    now = datetime.now(timezone.utc)
    RunLease(counted.client, lease_name, timedelta(seconds=120), now, lambda: now).claim({start: 0})
    output = invoke("--older-than", "2", "--yes")
    assert "killed less than STATS_LEASE_SECONDS ago" in output
    assert names.EXPIRY not in output
    assert counted.days() == [*OLD, *KEPT]


def test_more_than_25_months_need_a_reason(counted, invoke):
    assert "--override" in invoke("--older-than", "26", "--dry-run", code=2)
    found = json.loads(invoke("--older-than", "26", "--override", "a ruling", "--dry-run", "--json"))
    assert (found["months"], found["override"]) == (26, "a ruling")
    invoke("--older-than", "1", code=2)


def test_the_task_deletes_by_the_setting_and_reports_numbers(counted, app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_RETENTION_EVENTS_MONTHS", 2)
    before = counted.totals()
    deleted = expire_events()
    assert deleted["search"] == 0
    assert deleted["record-view"] == len([*OLD, *KEPT]) - len(counted.days())
    assert counted.totals() == before
    assert StatsExpireTask["task"] == "invenio_stats.tasks.expire_events"


def test_the_doctor_says_what_is_overdue(counted, app, monkeypatch):
    monkeypatch.setitem(app.config, "STATS_RETENTION_EVENTS_MONTHS", 2)
    finding = check_overdue()
    assert finding.level == "warning"
    assert OLD[0] in finding.message
    assert "schedule StatsExpireTask" in finding.cure
    counted.client.indices.delete(index=f"{counted.prefix}events-*")
    assert check_overdue().level == "ok"


def test_agents_that_were_not_seen_for_long_leave_the_catalog(search_client, index_prefix):
    for agent_id, last_seen in (("old", "2024-01-01"), ("new", "2026-03-01")):
        body = {"agent": "x", "last_seen": last_seen}
        search_client.index(index=f"{index_prefix}stats-agents", id=agent_id, body=body, refresh=True)
    assert catalog.purge(search_client, datetime(2025, 1, 1, tzinfo=timezone.utc).date()) == 1
    assert set(catalog.read_texts(search_client, ["old", "new"])) == {"new"}


@pytest.fixture
def keep(search_client, refresh):
    """Return `keep(day, *agents)`: stores agents as a worker does; returns which of all agents the catalog has."""

    def store(day, *agents):
        entries = [{"agent_id": agent, "agent": f"{agent}/1", "last_seen": day} for agent in agents]
        catalog._store(search_client, entries)
        refresh()
        found = search_client.search(index=catalog.prefix_index(names.AGENTS), body={"size": 1000})
        return {hit["_id"] for hit in found["hits"]["hits"]}

    return store


def test_invented_agents_do_not_fill_the_catalog(app, monkeypatch, keep, caplog):
    monkeypatch.setitem(app.config, "STATS_AGENTS_MAX", 5)
    assert keep("2026-01-01", "a", "b") == {"a", "b"}
    keep("2026-01-02", "a")
    flood = [f"invented-{number}" for number in range(10)]
    assert len(keep("2026-01-03", *flood)) == 5
    assert "The user-agent catalog is full" in caplog.text
    assert {"a", "b"} < keep("2026-01-04", "b", "new")
    assert "new" not in keep("2026-01-20", "new")
    after = keep("2026-02-10", "new", "other")  # a month later those that were seen once make room
    assert after == {"a", "b", "new", "other"}
