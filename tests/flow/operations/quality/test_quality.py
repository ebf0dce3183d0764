"""The numbers of a range of days are fresh, complete and explained; the command prints the same."""

import json
from collections import Counter
from datetime import date, datetime, timedelta, timezone

import pytest

from invenio_stats.cli import stats
from invenio_stats.completeness.answers import fresh_answer_state
from invenio_stats.completeness.gaps import find_gaps
from invenio_stats.core.gaps import Gap
from invenio_stats.core.moments import parse
from invenio_stats.core.names import AGENTS, INGEST
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.operations import runner
from invenio_stats.operations.monitoring import excluded_agents, ingest_counters, last_runs
from invenio_stats.operations.monitoring.excluded_agents import MAX_AGENTS, ExcludedAgents, read_agents
from invenio_stats.operations.quality import versions
from invenio_stats.operations.quality.automated_agents import read_automated_agents
from invenio_stats.operations.quality.completeness import explain_gap, read_completeness
from invenio_stats.operations.quality.freshness import read_freshness
from invenio_stats.operations.quality.left_out import read_left_out
from invenio_stats.privacy.user_agents import cache
from invenio_stats.privacy.user_agents.reduction import reduce_agent
from invenio_stats.processing.batch import AgentKey
from invenio_stats.processors import filter_robots
from invenio_stats.proxies import current_stats
from invenio_stats.search.versions import SharedDocument
from tests.flow.completeness.weeks import DAY, EVENT, fill
from tests.flow.test_processors import BROWSER, download

ROBOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"
AI = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
TOOL = "curl/8.5.0"
TODAY = datetime.now(timezone.utc).date()
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def _clean(app):
    app.extensions["invenio-cache"].cache.clear()
    app.extensions.pop(versions._NOTED, None)
    cache._noted.clear()  # each test has a new catalog


@pytest.fixture
def invoke(app):
    def run(*args, code=0):
        result = app.test_cli_runner().invoke(stats, ["quality", *args])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def count(queues, put_templates, refresh):
    """Return a function that publishes downloads, and has them stored and counted."""

    def count(*events):
        current_stats.publish("file-download", events)
        runner.process_all(["file-download"])
        refresh()
        runner.aggregate_one("file-download-agg")
        refresh()

    return count


def click(number, agent=BROWSER):
    return download(user_agent=agent, file_id=str(number), ip_address=f"192.0.2.{number}")


@pytest.fixture
def day_of_clicks(count):
    """Three people, two clicks of a robot, an AI agent and a tool each one, and a double click."""
    count(*map(click, range(3)), click(0), click(10, ROBOT), click(11, ROBOT), click(12, AI), click(13, TOOL))


def test_what_was_left_out_adds_up_to_all_clicks(day_of_clicks, search_client, refresh):
    counters = ingest_counters.Counters(search_client, "file-download")
    counters.add(TODAY, {"dead": 1, "preprocessor:drop_it": 1, "refused": 50, "robot": 1})
    refresh()
    found = read_left_out(YESTERDAY, TODAY)
    kinds = {row.kind: row.clicks for row in found.rows}
    assert kinds == {"robots": 3, "ai_agents": 1, "tools": 1, "double_clicks": 1, "not_valid": 1, "own_rules": 1}
    assert (found.counted, found.clicks) == (3, 8)
    assert [row.clicks for row in found.rows] == sorted(kinds.values(), reverse=True)
    assert sum(row.share for row in found.rows) == pytest.approx(8 / 11)
    assert read_left_out(YESTERDAY, YESTERDAY) == ([], 0)


def test_events_without_an_item_are_left_out_of_what_counts(day_of_clicks, search_client, refresh):
    """Totals of files have them, but no number of a record has."""
    ingest_counters.keep(search_client, "usage", [ingest_counters.Line(TODAY, "file-download", "without_item", 1)])
    refresh()
    found = read_left_out(TODAY, TODAY)
    assert (found.counted, found.clicks) == (2, 6)


def test_agents_are_named_with_the_list_that_has_them(day_of_clicks):
    found = read_automated_agents(YESTERDAY, TODAY)
    assert [(agent.agent_class, agent.clicks) for agent in found.agents[:1]] == [("robot", 2)]
    lists = {agent.name: (agent.agent_class, agent.list_name) for agent in found.agents}
    assert lists == {
        "Googlebot/2 (+http://www.google.com/bot.html)": ("robot", "COUNTER"),
        "Mozilla/5.0 (compatible; GPTBot/1; +https://openai.com/gptbot)": ("ai", "invenio-stats"),
        "curl/8": ("machine", "COUNTER"),
    }
    assert all(agent.pattern for agent in found.agents)
    assert found.missed == 0


def test_dropped_agents_are_counted_like_flagged_ones(queues, put_templates, monkeypatch):
    """Whether the web process has pseudonymized them or the worker would have."""
    definition = current_stats.events["file-download"]
    replaced = {**definition.params, "preprocessors": [filter_robots, *definition.params["preprocessors"]]}
    for stage in ("web", "worker"):
        how = definition.pseudonymization._replace(stage=stage)
        changed = definition._replace(params=replaced, pseudonymization=how)
        monkeypatch.setitem(current_stats.events, "file-download", changed)
        current_stats.publish("file-download", [click(1, ROBOT), click(2)])
        assert runner.process_one("file-download") == (1, 0)
    runner.store_agents()
    (agent,) = read_automated_agents(TODAY, TODAY).agents
    assert (agent.name, agent.agent_class, agent.clicks) == (reduce_agent(ROBOT), "robot", 2)


def test_agreed_mining_is_no_automated_traffic(count):
    count({**click(1, TOOL), "access_method": "TDM"})
    assert read_automated_agents(TODAY, TODAY).agents == []


def test_a_stored_agent_has_no_field_of_a_visitor(day_of_clicks, search_client, index_prefix):
    found = search_client.get(index=f"{index_prefix}{INGEST}", id=f"{TODAY}:file-download:agents")["_source"]
    assert set(found) == {"date", "event_type", "agents", "missed"}
    assert {field for agent in found["agents"] for field in agent} == {"agent_id", "agent_class", "clicks"}
    catalog = search_client.search(index=f"{index_prefix}{AGENTS}", body={"size": 100})["hits"]["hits"]
    assert {agent["agent_id"] for agent in found["agents"]} <= {hit["_id"] for hit in catalog}


def many(number, clicks=1):
    return Counter({AgentKey(f"{agent:032}", "robot"): clicks for agent in range(number)})


def test_a_day_has_two_hundred_agents_and_says_what_it_misses(search_client):
    """However many there are, and whoever counts: the frequent ones stay."""
    frequent = AgentKey("f" * 32, "robot")
    for _worker in range(3):
        agents = ExcludedAgents(search_client, "record-view")
        agents.add(DAY, many(300))
        agents.add(DAY, {frequent: 500})
        agents.write()
    found = read_agents(search_client, DAY, DAY, ["record-view"])
    assert len(found.counts) <= MAX_AGENTS
    assert found.counts[frequent] <= 1500 <= found.counts[frequent] + found.missed
    assert found.missed <= (3 * 300 + 1500) / (MAX_AGENTS + 1)


def test_a_run_writes_agents_with_two_requests(search_client, requests):
    """Not for each event, nor for each batch."""
    first = ExcludedAgents(search_client, "record-view")
    first.add(DAY, many(1))
    first.write()
    requests.clear()
    agents = ExcludedAgents(search_client, "record-view")
    for _batch in range(9):
        agents.add(DAY, many(3))
    assert not requests
    agents.write()
    assert requests.total() == 2
    agents.write()
    assert requests.total() == 2
    assert read_agents(search_client, DAY, DAY, ["record-view"]).counts[AgentKey("0" * 32, "robot")] == 10


def test_many_clicks_are_not_held_for_long(search_client, monkeypatch):
    """A worker that is killed misses few."""
    monkeypatch.setattr(excluded_agents, "MAX_CLICKS_HELD", 5)
    agents = ExcludedAgents(search_client, "record-view")
    agents.add(DAY, many(2, clicks=3))
    assert read_agents(search_client, DAY, DAY, ["record-view"]).counts == dict(many(2, clicks=3))


def test_no_worker_overwrites_another(search_client, monkeypatch):
    agents, other = (ExcludedAgents(search_client, "record-view") for _ in range(2))
    agents.add(DAY, many(1))
    other.add(DAY, many(1))
    write = SharedDocument._write
    with monkeypatch.context() as patch:

        def write_after_the_other(self, source):
            patch.setattr(SharedDocument, "_write", write)
            other.write()
            return write(self, source)

        patch.setattr(SharedDocument, "_write", write_after_the_other)
        agents.write()
    assert read_agents(search_client, DAY, DAY, ["record-view"]).counts == dict(many(1, clicks=2))


def test_a_worker_that_never_gets_through_says_so(search_client, monkeypatch):
    agents = ExcludedAgents(search_client, "record-view")
    agents.add(DAY, many(1))
    with monkeypatch.context() as patch:
        patch.setattr(SharedDocument, "_write", lambda *args: False)
        patch.setattr(excluded_agents, "_MAX_PAUSE_SECONDS", 0)
        with pytest.raises(EngineUnavailableError, match="record-view"):
            agents.write()


def test_days_are_complete_or_not_and_gaps_say_why(raw, aggregator, clock):
    fill(raw)
    clock.now = parse("2026-03-20T12:00:00")
    aggregator().run()
    raw.client.indices.refresh(index=f"{raw.prefix}*")
    find_gaps(raw.client, EVENT, {"refused": {date(2026, 3, 10): 7}}, clock.now)
    found = read_completeness(date(2026, 3, 9), date(2026, 3, 31), clock.now, fresh_answer_state)
    assert list(found.days) == [date(2026, 3, day) for day in range(9, 20)]
    # downloads were never counted: no day is whole
    assert found.gaps == [
        Gap(date(2026, 3, 10), date(2026, 3, 10), EVENT, "refused"),
        Gap(DAY, DAY, EVENT, "silent"),
    ]
    assert found.days[date(2026, 3, 9)] == "in_part"
    assert found.days[DAY] == "not_counted"
    assert found.counted_to == {"file-download": None, EVENT: clock.now}
    assert all(explain_gap(gap) for gap in found.gaps)


@pytest.mark.parametrize("reason", Gap.__annotations__["reason"].__args__)
def test_every_reason_has_a_text(app, reason):
    assert explain_gap(Gap(DAY, DAY, EVENT, reason)).endswith(".")


def test_fresh_numbers_and_late_ones(count, app):
    """The broker is not asked: what waits is what the last run has left."""
    count(click(1))
    now = datetime.now(timezone.utc)
    last_runs.remember("aggregations", "record-view-agg", {"finished": "2026-01-01T00:00:00+00:00", "seconds": 1})
    for hours in (13, 12, 11):
        last_runs._remember_time("aggregations", "record-view-agg", now - timedelta(hours=hours))
    app.extensions["invenio-stats"].__dict__.pop("events", None)  # their queues are not needed
    found = {line.name: line for line in read_freshness(now, fresh_answer_state)}
    states = {name: (line.state, line.waiting) for name, line in found.items()}
    assert states == {
        "file-download": ("fresh", 0),
        "record-view": ("unknown", None),
        "file-download-agg": ("fresh", None),
        "record-view-agg": ("late", None),
    }
    assert found["file-download"].counted_to == found["file-download-agg"].counted_to
    assert now - found["file-download"].counted_to < timedelta(minutes=1)
    assert found["record-view"].counted_to is None


def test_what_a_run_leaves_on_the_queue_waits(queues, put_templates, monkeypatch):
    current_stats.publish("record-view", [{"timestamp": "2026-01-01T00:00:00", "recid": "1"}])
    monkeypatch.setattr(runner, "_process", lambda name, on_batch, started: (0, 0))
    runner.process_one("record-view")
    assert last_runs.recall_waiting("record-view")["waiting"] == 1


def test_versions_are_in_force_since_a_worker_had_them(count, monkeypatch, app):
    before = {version.what: version for version in versions.read_versions()}
    assert {"rules", "invenio-stats", "counter", "is-bot", "own"} <= set(before)
    assert {version.since for version in before.values()} == {None}
    count()
    assert {version.since for version in versions.read_versions()} == {TODAY}
    newer = {**versions.current_versions(), "own": "99"}
    monkeypatch.setattr(versions, "current_versions", lambda: newer)
    later = datetime.now(timezone.utc) + timedelta(days=3)
    versions.note_versions(later)  # the process has noted them
    app.extensions.pop(versions._NOTED)
    versions.note_versions(later)
    since = {version.what: version.since for version in versions.read_versions()}
    assert (since["own"], since["is-bot"]) == (later.date(), TODAY)


def test_the_command_prints_the_same(day_of_clicks, invoke):
    today = TODAY.isoformat()
    found = json.loads(invoke("--from", today, "--to", today, "--json"))
    assert (found["from"], found["to"], found["counted"]) == (today, today, 3)
    assert {row["kind"] for row in found["left_out"]} == {"robots", "ai_agents", "tools", "double_clicks"}
    assert found["agents"][0]["clicks"] == 2
    assert found["days"] == {}  # today is not over
    assert {version["what"] for version in found["versions"]} >= {"rules", "own"}
    text = invoke("--from", today, "--to", today)
    for part in ("file-download-agg", "Googlebot/2", "ai_agents", "COUNTER 5.1", "Clicks that count: 3; left out: 5."):
        assert part in text


def test_what_is_empty_is_a_sentence(invoke, put_templates, queues):
    """No headings of columns without rows."""
    text = invoke("--from", "2026-01-30", "--to", "2026-01-31")
    for title, sentence in (
        ("Are the numbers complete?", "No events of these days are known to be missing."),
        ("What was left out", "Nothing was left out."),
        ("User agents most often excluded", "No user agent was excluded as automated."),
    ):
        assert f"{title}\n{sentence}\n" in text
    assert "Days counted: 0; in part: 0; not counted: 2." in text


@pytest.mark.parametrize("args", [["--from", "2026-02", "--to", "2026-01"], ["--from", "2010", "--to", "2026"]])
def test_a_wrong_range_exits_2(invoke, args):
    invoke(*args, code=2)
