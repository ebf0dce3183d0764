"""Ingest counters: what became of events that count for nobody, by day and reason."""

import json
import threading
from datetime import date, datetime, timedelta, timezone

import pytest
from invenio_search.engine import search

from invenio_stats import ingest
from invenio_stats.cli import stats
from invenio_stats.proxies import current_stats
from invenio_stats.status import events_status
from invenio_stats.tasks import process_events
from tests.flow.test_processors import download

DAY = date(2026, 11, 2)
ROBOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


@pytest.fixture
def invoke(app):
    """Run the command in process."""

    def run(*args, code=0, **kwargs):
        result = app.test_cli_runner().invoke(stats, ["ingest", *args], **kwargs)
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
    ingest.count(search_client, "record-view", DAY, {"robot": 2, "ai": 0})
    ingest.count(search_client, "record-view", DAY, {"robot": 3, "dead": 1})
    ingest.count(search_client, "record-view", DAY + timedelta(days=1), {"robot": 7})
    ingest.count(search_client, "file-download", DAY, {"preprocessor:drop_it": 1})
    assert ingest.read(search_client, DAY, DAY) == {
        "record-view": {"robot": 5, "dead": 1},
        "file-download": {"preprocessor:drop_it": 1},
    }
    assert ingest.read(search_client, DAY, DAY + timedelta(days=1))["record-view"] == {"robot": 12, "dead": 1}
    assert ingest.lines(search_client, DAY, DAY + timedelta(days=9), ["record-view"]) == [
        (DAY, "record-view", "dead", 1),
        (DAY, "record-view", "robot", 5),
        (DAY + timedelta(days=1), "record-view", "robot", 7),
    ]


def test_nothing_was_ever_counted(search_client, invoke):
    ingest.count(search_client, "record-view", DAY, {"robot": 0})
    assert ingest.read(search_client, DAY, DAY) == {}
    assert "Nothing was dropped or buried" in invoke()


def test_counting_costs_two_requests(search_client, requests):
    """However many reasons there are; the first time the index is made, too."""
    ingest.count(search_client, "record-view", DAY, {"robot": 1})
    assert len(requests) == 3
    del requests[:]
    ingest.count(search_client, "record-view", DAY, {"robot": 1, "ai": 1, "machine": 1, "dead": 1})
    assert [url.rpartition("/")[2] for url in requests] == ["_mget", "_bulk"]


def test_nobody_counts_over_another(app, search_client):
    """Workers that end at the same moment: no number is lost, and none is added twice."""
    workers, turns, failed = 6, 10, []

    def work():
        try:
            with app.app_context():
                for _ in range(turns):
                    ingest.count(search_client, "record-view", DAY, {"robot": 1, "double_click": 2})
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    number = workers * turns
    assert ingest.read(search_client, DAY, DAY) == {"record-view": {"robot": number, "double_click": 2 * number}}


def test_years_of_counters_are_all_read(search_client, index_prefix):
    """More of them than one answer of an engine holds."""
    index = f"{index_prefix}stats-ingest"
    ingest.count(search_client, "record-view", DAY, {"robot": 1})
    for year in range(3):
        body = []
        for number in range(4000):
            day = (DAY - timedelta(days=number % 2000)).isoformat()
            source = {"date": day, "event_type": f"type-{number // 2000}", "reason": f"year-{year}", "count": 1}
            body += [{"create": {"_index": index}}, source]
        search_client.bulk(body=body)
    found = ingest.read(search_client, DAY - timedelta(days=2000), DAY)
    assert sum(number for reasons in found.values() for number in reasons.values()) == 12_001


def test_it_says_nothing_of_a_visitor(search_client, index_prefix):
    ingest.count(search_client, "record-view", DAY, {"robot": 1})
    (one,) = (hit["_source"] for hit in _documents(search_client, f"{index_prefix}stats-ingest"))
    assert one == {"date": "2026-11-02", "event_type": "record-view", "reason": "robot", "count": 1}


def _documents(client, index):
    client.indices.refresh(index=index)
    return client.search(index=index)["hits"]["hits"]


@pytest.mark.expect_logged_errors
def test_what_a_run_drops_folds_and_buries_is_shown(app, queues, put_templates, invoke):
    events = [download(), download(), download(user_agent=ROBOT), download(timestamp="never")]
    current_stats.publish("file-download", events)
    process_events(["file-download"])
    found = json.loads(invoke("file-download", "--json"))
    ((day, types),) = found["days"].items()
    assert found["from"] < found["to"] == day
    assert types == {"file-download": {"double_click": 1, "dead": 1}}  # robots are stored, and counted apart
    assert json.loads(invoke("record-view", "--json"))["days"] == {}
    output = invoke("--from", day, env={"COLUMNS": "160"})
    for text in (f"{day} file-download", "double click", "dead"):
        assert text in output
    assert json.loads(invoke("--to", "2020", "--json")) == {"from": "2019-12-26", "to": "2020-01-01", "days": {}}


def test_status_asks_once_for_all_event_types(app, queues, search_client, requests):
    now = datetime(2026, 11, 2, 12, tzinfo=timezone.utc)
    ingest.count(search_client, "record-view", DAY, {"robot": 1})
    del requests[:]
    lines = events_status(now)
    assert {name: line["ingest"] for name, line in lines.items()} == {"file-download": {}, "record-view": {"robot": 1}}
    assert len([url for url in requests if url.endswith("stats-ingest/_search")]) == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["no-such"], "Invalid event type(s): no-such"),
        (["--from", "2026-02", "--to", "2026-01"], "swap them"),
        (["--from", "soon"], "'soon' is not a timestamp"),
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
    assert "see SEARCH_HOSTS" in said
    assert "secret" not in said
