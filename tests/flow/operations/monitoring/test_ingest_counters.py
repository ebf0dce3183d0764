"""Events that do not count are counted by day and reason."""

import json
import threading
from datetime import date, datetime, timedelta, timezone

import pytest
from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.broker.consume import Inbox
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.spool import Spool
from invenio_stats.broker.transports.drivers import deliver
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.cli import stats
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.operations.monitoring import ingest_counters
from invenio_stats.operations.monitoring.status import events_status
from invenio_stats.operations.runner import _count, process_one
from invenio_stats.processing.batch_runner import Outcome
from invenio_stats.processors import EventsIndexer
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import process_events, send_spool
from tests.flow.test_processors import download

DAY = date(2026, 11, 2)
ROBOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


@pytest.fixture
def invoke(app):
    """Run the command in process."""

    def run(*args, code=0, **kwargs):
        result = app.test_cli_runner().invoke(stats, ["events", "dropped", *args], **kwargs)
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return run


@pytest.fixture
def requests(search_client, monkeypatch):
    """The paths of the requests that the engine gets from here on."""
    made, perform = [], search_client.transport.perform_request

    def note(method, url, *args, **kwargs):
        made.append(url)
        return perform(method, url, *args, **kwargs)

    monkeypatch.setattr(search_client.transport, "perform_request", note)
    return made


def test_counts_add_up_by_day_type_and_reason(search_client):
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 2, "ai": 0})
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 3, "dead": 1})
    ingest_counters.Counters(search_client, "record-view").add(DAY + timedelta(days=1), {"robot": 7})
    ingest_counters.Counters(search_client, "file-download").add(DAY, {"preprocessor:drop_it": 1})
    assert ingest_counters.read(search_client, DAY, DAY) == {
        "record-view": {"robot": 5, "dead": 1},
        "file-download": {"preprocessor:drop_it": 1},
    }
    assert ingest_counters.read(search_client, DAY, DAY + timedelta(days=1))["record-view"] == {"robot": 12, "dead": 1}
    assert ingest_counters.lines(search_client, DAY, DAY + timedelta(days=9), ["record-view"]) == [
        (DAY, "record-view", "dead", 1),
        (DAY, "record-view", "robot", 5),
        (DAY + timedelta(days=1), "record-view", "robot", 7),
    ]


def test_nothing_was_ever_counted(search_client, invoke):
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 0})
    assert ingest_counters.read(search_client, DAY, DAY) == {}
    assert "Nothing was dropped or rejected" in invoke()


def test_counting_costs_two_requests(search_client, requests):
    """However many reasons there are; the first time the index is made, too."""
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 1})
    assert len(requests) == 3
    del requests[:]
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 1, "ai": 1, "machine": 1, "dead": 1})
    assert [url.rpartition("/")[2] for url in requests] == ["_mget", "_bulk"]


def test_in_a_run_each_batch_costs_one_request_and_nothing_costs_none(search_client, requests):
    counters = ingest_counters.Counters(search_client, "record-view")
    counters.add(DAY, {"robot": 1})
    del requests[:]
    counters.add(DAY, {"robot": 1, "ai": 0})
    counters.add(DAY, {"robot": 0})
    assert [url.rpartition("/")[2] for url in requests] == ["_bulk"]
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 5})
    counters.add(DAY, {"robot": 1})
    assert ingest_counters.read(search_client, DAY, DAY) == {"record-view": {"robot": 8}}


def test_what_was_perhaps_written_is_not_written_again(search_client, monkeypatch):
    """A counter that says too much would be worse than one that says too little."""
    counters = ingest_counters.Counters(search_client, "record-view")
    bulk = search_client.bulk

    def answer_is_lost(**kwargs):
        bulk(**kwargs)
        raise search.exceptions.ConnectionTimeout("TIMEOUT", "", OSError())

    with monkeypatch.context() as patch:
        patch.setattr(search_client, "bulk", answer_is_lost)
        with pytest.raises(search.exceptions.ConnectionTimeout):
            counters.add(DAY, {"robot": 1})
    counters.add(DAY, {"robot": 2})
    assert ingest_counters.read(search_client, DAY, DAY) == {"record-view": {"robot": 3}}


def test_what_a_busy_engine_did_not_take_comes_with_the_next(search_client, monkeypatch):
    counters = ingest_counters.Counters(search_client, "record-view")
    with monkeypatch.context() as patch:
        patch.setattr(ingest_counters, "_MAX_PAUSE_SECONDS", 0)
        patch.setattr(search_client, "bulk", lambda body: {"items": [{"create": {"status": 429}}] * (len(body) // 2)})
        with pytest.raises(EngineUnavailableError, match="1 are not written"):
            counters.add(DAY, {"robot": 1})
    counters.add(DAY, {"robot": 2})
    assert ingest_counters.read(search_client, DAY, DAY) == {"record-view": {"robot": 3}}


def test_nobody_counts_over_another(app, search_client):
    """Workers that end at the same moment: no number is lost, and none is added twice."""
    workers, turns, failed = 6, 10, []

    def work():
        try:
            with app.app_context():
                for _ in range(turns):
                    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 1, "double_click": 2})
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    number = workers * turns
    assert ingest_counters.read(search_client, DAY, DAY) == {
        "record-view": {"robot": number, "double_click": 2 * number}
    }


def test_years_of_counters_are_all_read(search_client, index_prefix):
    """More of them than one answer of an engine holds."""
    index = f"{index_prefix}stats-ingest"
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 1})
    for year in range(3):
        body = []
        for number in range(4000):
            day = (DAY - timedelta(days=number % 2000)).isoformat()
            source = {"date": day, "event_type": f"type-{number // 2000}", "reason": f"year-{year}", "count": 1}
            body += [{"create": {"_index": index}}, source]
        search_client.bulk(body=body)
    found = ingest_counters.read(search_client, DAY - timedelta(days=2000), DAY)
    assert sum(number for reasons in found.values() for number in reasons.values()) == 12_001


def test_it_says_nothing_of_a_visitor(search_client, index_prefix):
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 1})
    (document,) = (hit["_source"] for hit in _documents(search_client, f"{index_prefix}stats-ingest"))
    assert document == {"date": "2026-11-02", "event_type": "record-view", "reason": "robot", "count": 1}


def _documents(client, index):
    client.indices.refresh(index=index)
    return client.search(index=index)["hits"]["hits"]


@pytest.mark.expect_logged_errors
def test_what_a_run_drops_folds_and_rejects_is_shown(app, queues, put_templates, invoke):
    events = [download(), download(), download(user_agent=ROBOT), download(timestamp="never")]
    current_stats.publish("file-download", events)
    process_events(["file-download"])
    found = json.loads(invoke("file-download", "--json"))
    ((day, types),) = found["days"].items()
    assert found["from"] < found["to"] == day
    assert types == {
        "file-download": {"double_click": 1, "dead": 1}
    }  # robots are stored, and counted as automated traffic
    assert json.loads(invoke("record-view", "--json"))["days"] == {}
    output = invoke("--from", day, env={"COLUMNS": "160"})
    for text in (f"{day} file-download", "double click", "dead"):
        assert text in output
    assert json.loads(invoke("--to", "2020", "--json")) == {"from": "2019-12-26", "to": "2020-01-01", "days": {}}


class SmallBatches(EventsIndexer):
    """Reads three events at a time."""

    def __init__(self, queue, **params):
        super().__init__(queue, **params)
        self.queue = Inbox(queue, size=3)


class OwnRun(SmallBatches):
    """Does something around our run."""

    def run(self):
        return super().run()


@pytest.fixture
def ingested(search_client):
    """Return what was counted today and yesterday: midnight may come in between."""
    today = datetime.now(timezone.utc).date()
    return lambda: ingest_counters.read(search_client, today - timedelta(days=1), today + timedelta(days=1))


@pytest.mark.expect_logged_errors
@pytest.mark.parametrize("cls", [SmallBatches, OwnRun])
def test_each_batch_is_counted_once_it_is_acknowledged(queues, put_templates, ingested, monkeypatch, cls):
    """A worker that dies in the third batch has counted the first two; whoever does the rest, nothing counts twice."""
    definition = current_stats.events["file-download"]
    monkeypatch.setitem(current_stats.events, "file-download", definition._replace(cls=cls))
    current_stats.publish("file-download", [download(timestamp="never") for _ in range(8)])
    batches = []

    def die(count):
        batches.append(count)
        if len(batches) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_one("file-download", on_batch=die)
    assert ingested() == {"file-download": {"dead": 6}}
    assert process_one("file-download") == (0, 2)
    assert ingested() == {"file-download": {"dead": 8}}


def test_what_is_no_event_is_counted_as_dead(queues, put_templates, ingested):
    queue = queues["file-download"]
    deliver(queue.connection_pool, queue.exchange, [Outgoing(queue.routing_key, "m1", "[1]")])
    assert process_one("file-download") == (0, 1)
    assert ingested() == {"file-download": {"dead": 1}}


def test_refused_events_are_counted_once_whoever_reports_them(app, queues, search_client, tmp_path, monkeypatch):
    """Each machine says how many it were all in all; to say it twice, or late, changes nothing."""
    spool = Spool(str(tmp_path / "spool"), 0)
    monkeypatch.setattr(outbox(), "spool", spool)
    messages = [Outgoing(name, "", "") for name in ("stats-record-view", "stats-record-view", "stats-no-such")]
    spool.note_refused(messages)
    today = datetime.now(timezone.utc).date()
    before = spool.refusals()
    send_spool()
    spool.note_refused(messages[:1])
    late = [ingest_counters.Line(today, "record-view", "refused", 2)]
    for _ in range(2):
        send_spool()
        ingest_counters.keep(search_client, spool.name(), late)
    assert spool.refusals() == [refusal for refusal in before if refusal.queue == "stats-no-such"]
    ingest_counters.keep(search_client, "another", [ingest_counters.Line(today, "record-view", "refused", 5)])
    assert ingest_counters.lines(search_client, today - timedelta(days=1), today) == [
        (today, "record-view", "refused", 8)
    ]


def test_refused_events_that_cannot_be_counted_are_by_the_next_run(app, queues, search_client, tmp_path, monkeypatch):
    spool = Spool(str(tmp_path / "spool"), 0)
    monkeypatch.setattr(outbox(), "spool", spool)
    spool.note_refused([Outgoing("stats-record-view", "", "")])
    with monkeypatch.context() as patch:
        patch.setattr(search_client, "bulk", lambda body: {"items": [{"index": {"status": 503}}]})
        assert send_spool() == 0
    assert len(spool.refusals()) == 1
    assert app.test_cli_runner().invoke(stats, ["spool", "send"]).exit_code == 0
    assert spool.refusals() == []


def test_many_stored_events_are_not_held_for_long(queues, put_templates, search_client, monkeypatch):
    """Nothing else has to be written; a worker that is killed misses few."""
    monkeypatch.setattr("invenio_stats.operations.runner.MAX_EVENTS_HELD", 1)
    counters = ingest_counters.Counters(search_client, "file-download")
    for _batch in range(3):
        _count(counters, Outcome(stored=1))
    assert counters.held == 1
    search_client.indices.refresh(index=prefix_index("stats-ingest"))
    assert ingest_counters.count_outcomes(search_client) == {"file-download": {"stored": 2}}


def test_status_asks_once_for_all_event_types(app, queues, search_client, requests):
    now = datetime(2026, 11, 2, 12, tzinfo=timezone.utc)
    ingest_counters.Counters(search_client, "record-view").add(DAY, {"robot": 1})
    del requests[:]
    lines = events_status(now)
    assert {name: line["ingest"] for name, line in lines.items()} == {"file-download": {}, "record-view": {"robot": 1}}
    assert len([url for url in requests if url.endswith("stats-ingest/_search")]) == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["no-such"], "Invalid event type(s): no-such"),
        (["--from", "2026-02", "--to", "2026-01"], "swap them"),
        (["--from", "soon"], "'soon' is not a date"),
    ],
)
def test_a_mistake_exits_2_and_is_named(invoke, args, said):
    assert said in invoke(*args, code=2)


def test_an_engine_that_is_away_is_named_with_the_cure(invoke, search_client, monkeypatch):
    def away(*args, **kwargs):
        raise search.exceptions.ConnectionError("N/A", "http://user:secret@example.org", OSError())

    with monkeypatch.context() as patch:
        patch.setattr(search_client.transport, "perform_request", away)
        said = invoke(code=1)
    assert "Start it, or correct SEARCH_HOSTS." in said
    assert "secret" not in said
