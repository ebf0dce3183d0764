"""Events go from the queue through the preprocessors into daily indices."""

import json
import os
import signal
from datetime import datetime, timedelta, timezone

import pytest
from invenio_cache import current_cache
from invenio_queues.proxies import current_queues

from invenio_stats.broker import dead_letters, queue_depth
from invenio_stats.broker.consume import BATCH_SIZE, Inbox
from invenio_stats.broker.messages import EVENTS_PER_MESSAGE
from invenio_stats.broker.transports.drivers import deliver
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core import names
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.processing.batch_runner import RunOptions
from invenio_stats.processors import (
    EventsIndexer,
    anonymize_user,
    build_file_unique_id,
    filter_machines,
    filter_robots,
    flag_machines,
    flag_robots,
)
from invenio_stats.proxies import current_stats
from invenio_stats.support import shutdown
from tests.compat.samples import StubQueue

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"
TODAY = datetime.now(timezone.utc).replace(microsecond=0)
EVENTS = "events-stats-file-download"


def download(moment=TODAY, **changes):
    """Return a raw download as the builder makes it."""
    return {
        "timestamp": moment.replace(tzinfo=None).isoformat(),
        "bucket_id": "B",
        "file_id": "F",
        "file_key": "paper.pdf",
        "size": 9,
        "referrer": None,
        "ip_address": "192.0.2.1",
        "user_agent": BROWSER,
        "user_id": None,
        "session_id": None,
        **changes,
    }


@pytest.fixture
def index_events(queues, put_templates, refresh):
    """Publish events, run the indexer, and return what it says."""

    def run(*events, **params):
        current_stats.publish("file-download", events)
        definition = current_stats.events["file-download"]
        outcome = definition.cls(**{**definition.params, **params}).run()
        refresh()
        return outcome

    return run


@pytest.fixture
def stored(search_client, index_prefix):
    """Return the documents behind an index or alias."""

    def search(index=EVENTS):
        hits = search_client.search(index=f"{index_prefix}{index}", body={"size": 100}, ignore_unavailable=True)
        return hits["hits"]["hits"]

    return search


def test_an_event_is_stored_under_its_day_without_its_person(index_events, stored, index_prefix):
    assert index_events(download()) == (1, 0)
    (hit,) = stored()
    source = hit["_source"]
    assert hit["_index"] == f"{index_prefix}{EVENTS}-{TODAY:%Y-%m-%d}"
    assert source["timestamp"] == TODAY.replace(tzinfo=None).isoformat()
    assert source["unique_id"] == "B_F"
    assert (source["is_robot"], source["is_machine"], source["country"]) == (False, False, None)
    assert len(source["visitor_id"]) == len(source["unique_session_id"]) == 56
    assert len(source["event_id"]) == 32
    assert source["updated_timestamp"].endswith("+00:00")
    assert not {"ip_address", "user_agent", "user_id", "session_id"} & set(source)
    assert "192.0.2.1" not in str(hit)


def test_clicks_within_a_window_are_one_whatever_cells_they_fall_into(index_events, stored):
    """The kept click is the last of its chain; what it supersedes is stored, and hidden behind the alias."""
    start = TODAY.replace(minute=0, second=0)
    outcome = index_events(*(download(start + timedelta(seconds=seconds)) for seconds in (29, 1, 95, 30)))
    assert outcome == (4, 0)
    assert outcome.double_clicks == 2
    kept = sorted(hit["_source"]["timestamp"][-5:] for hit in stored())
    assert kept == ["00:30", "01:35"]
    assert len(stored(f"{EVENTS}-{TODAY:%Y-%m-%d}")) == 3


def test_what_a_rule_drops_is_counted_under_its_reason(index_events):
    robot = "Mozilla/5.0 (compatible; bingbot/2.0)"
    chain = [filter_robots, filter_machines, lambda doc: None if doc["file_id"] == "no" else doc, build_file_unique_id]
    events = [download(user_agent=robot), download(user_agent="curl/8.5.0"), download(file_id="no"), download()]
    outcome = index_events(*events, preprocessors=chain)
    assert outcome == (1, 0)
    assert outcome.dropped == {"robot": 1, "machine": 1, "preprocessor:<lambda>": 1}


def test_without_a_window_each_second_counts(index_events, stored):
    start = TODAY.replace(minute=0, second=0)
    index_events(*(download(start + timedelta(seconds=seconds)) for seconds in (1, 2, 2)), double_click_window=0)
    assert len(stored()) == 2


def test_an_event_of_nobody_is_its_own(index_events, stored):
    nobody = {"ip_address": None, "user_agent": None}
    index_events(download(**nobody), download(**nobody))
    assert len(stored()) == 2


def test_indexing_twice_changes_nothing(index_events, stored):
    """A message that the broker delivers again is stored over itself."""
    index_events(download())
    first = {hit["_id"] for hit in stored()}
    index_events(download())
    assert {hit["_id"] for hit in stored()} == first


def test_more_than_a_batch_is_stored(index_events, search_client, index_prefix, queues):
    events = [download(file_id=f"F{number}") for number in range(2300)]
    assert index_events(*events) == (2300, 0)
    assert search_client.count(index=f"{index_prefix}{EVENTS}")["count"] == 2300
    assert queue_depth.depth(queues["file-download"]) == 0


def test_a_run_whose_time_is_over_stops_at_the_end_of_its_batch(index_events, queues):
    """The rest stays on the queue for the next run."""
    events = [download(file_id=f"F{number}") for number in range(BATCH_SIZE + 50)]
    current_stats.publish("file-download", events)
    definition = current_stats.events["file-download"]
    indexer = definition.cls(**definition.params)
    indexer.run_options = RunOptions(time_budget=0)
    assert indexer.run() == (BATCH_SIZE, 0)
    assert queue_depth.depth(queues["file-download"]) == 50 / EVENTS_PER_MESSAGE
    assert index_events() == (50, 0)


def test_a_run_of_somebodys_own_that_takes_nothing_any_more_is_not_called_for_ever(queues, put_templates):
    calls = []

    class Once(EventsIndexer):
        def run(self):
            calls.append(len(list(self.queue.consume())) if not calls else 0)
            assert len(calls) < 10
            return calls[-1], 0

    current_stats.publish("file-download", [download(file_id=f"F{number}") for number in range(5)])
    indexer = Once(queues["file-download"])
    indexer.queue = Inbox(queues["file-download"], size=2)
    assert indexer.run() == (2, 0)
    assert queue_depth.depth(queues["file-download"]) == 3


def test_a_run_that_is_asked_to_end_stops_at_the_end_of_its_batch(index_events, queues):
    events = [download(file_id=f"F{number}") for number in range(BATCH_SIZE + 50)]
    with shutdown.on_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
        assert index_events(*events) == (BATCH_SIZE, 0)
    assert queue_depth.depth(queues["file-download"]) == 50 / EVENTS_PER_MESSAGE
    assert index_events() == (50, 0)


@pytest.mark.expect_logged_errors
def test_a_broken_event_goes_to_the_dead_letters_and_the_others_go_on(index_events, stored, queues):
    assert index_events(download(), download(timestamp="yesterday"), download(file_id="G")) == (2, 1)
    assert len(stored()) == 2
    assert queue_depth.dead(queues["file-download"]) == 1


@pytest.mark.parametrize("field", ["access_type", "access_method"])
def test_what_counter_does_not_know_goes_to_the_dead_letters(index_events, stored, queues, field):
    assert index_events(download(access_type="Controlled", access_method="TDM"), download(**{field: "free"})) == (1, 1)
    (hit,) = stored()
    assert (hit["_source"]["access_type"], hit["_source"]["access_method"]) == ("Controlled", "TDM")
    assert [dead_letter.reason for dead_letter in dead_letters.look(queues["file-download"])] == [f"unknown {field}"]


def test_a_double_click_without_an_item_keeps_that_of_the_click_before(index_events, stored):
    """Whether both come in one batch or in two; what the click itself says is the later one's."""
    start = TODAY.replace(minute=0, second=0)
    item = {"item_id": "I", "labels": ["bees"], "access_status": "closed", "access_type": "Controlled"}
    for file_id, batches in (("F", 1), ("G", 2)):
        clicks = [download(start, **item), download(start + timedelta(seconds=9), access_method="TDM")]
        clicks = [{**click, "file_id": file_id} for click in clicks]
        for batch in [clicks] if batches == 1 else [[click] for click in clicks]:
            index_events(*batch)
    for hit in stored():
        assert {**item, "parent_id": "I", "access_method": "TDM"}.items() <= hit["_source"].items()
    assert len(stored()) == 2


@pytest.mark.parametrize("field", ["user_agent", "session_id", "user_id", "ip_address"])
def test_half_a_character_costs_no_event(index_events, stored, queues, field):
    """What a client may write into a header is hashed, whatever it is."""
    wrong = download(**{field: "\ud800"})
    queue = queues["file-download"]
    deliver(queue.connection_pool, queue.exchange, [Outgoing(queue.routing_key, "m1", json.dumps(wrong))])
    assert index_events(download(file_id="G"), download(file_id="H", **{field: "\ud800"})) == (3, 0)
    assert {hit["_source"]["unique_id"] for hit in stored()} == {"B_F", "B_G", "B_H"}


@pytest.mark.expect_logged_errors
def test_a_key_that_is_no_text_goes_to_the_dead_letters_alone(index_events, queues):
    """Half a character in it cannot be part of an id; the batch that it is in must not come back for ever."""
    wrong = {"timestamp": "2026-01-31T10:00:00", "bucket_id": "B", "file_id": "F", "previous_visitor_id": "\ud800"}
    queue = queues["file-download"]
    deliver(queue.connection_pool, queue.exchange, [Outgoing(queue.routing_key, "m1", json.dumps(wrong))])
    assert index_events(download(file_id="G")) == (1, 1)
    (dead_letter,) = dead_letters.look(queue)
    assert dead_letter.message_id == "m1"


def test_an_event_of_a_chain_without_anonymize_user_has_a_host_as_its_referrer(index_events, stored):
    events = [
        {**download(file_id=str(number)), "referrer": referrer}
        for number, referrer in enumerate(["https://example.org/?q=my+illness", "?q=my+illness"])
    ]
    chain = [lambda doc: {key: doc.get(key) for key in ("timestamp", "referrer", "file_id")}]
    queue = StubQueue(*events)
    EventsIndexer(queue, preprocessors=[*chain, lambda doc: {**doc, "unique_id": doc["file_id"]}]).run()
    index_events()
    assert {hit["_source"]["referrer"] for hit in stored()} == {"example.org", None}


def test_an_event_of_years_ahead_goes_to_the_dead_letters_and_one_of_a_clock_that_differs_counts(index_events, queues):
    ahead = [download(timestamp="2999-01-01T00:00:00"), download(TODAY + timedelta(days=1, hours=2), file_id="G")]
    assert index_events(*ahead, download(TODAY + timedelta(hours=23), file_id="H")) == (1, 2)
    assert {dead_letter.reason for dead_letter in dead_letters.look(queues["file-download"])} == {"in the future"}


def test_a_leap_second_counts_in_its_minute(index_events, stored):
    yesterday = f"{TODAY - timedelta(days=1):%Y-%m-%d}"
    assert index_events(download(timestamp=f"{yesterday}T23:59:60Z")) == (1, 0)
    assert [hit["_source"]["timestamp"] for hit in stored()] == [f"{yesterday}T23:59:59"]


def test_what_is_no_event_goes_to_the_dead_letters(index_events, queues):
    with queues["file-download"].create_producer() as producer:
        producer.publish(["no", "event"])
        producer.publish(b"\xff{", content_type="application/json", content_encoding="utf-8")
    index_events(download())
    assert queue_depth.dead(queues["file-download"]) == 2
    assert queue_depth.depth(queues["file-download"]) == 0


def test_an_engine_that_is_away_leaves_the_events_on_the_queue(index_events, queues, monkeypatch):
    def refuse(client, actions, **kwargs):
        return 0, [{"index": {"_index": "i", "_id": "x", "status": 429, "error": {"type": "busy"}}}]

    with monkeypatch.context() as patch:
        patch.setattr("invenio_search.engine.search.helpers.bulk", refuse)
        with pytest.raises(EngineUnavailableError, match="429"):
            index_events(download())
    assert queue_depth.depth(queues["file-download"]) == 1
    assert index_events() == (1, 0)


def test_superseded_events_are_hidden_behind_the_alias(index_events, search_client, stored, refresh):
    index_events(download(), download(file_id="G"))
    hit = stored()[0]
    search_client.update(index=hit["_index"], id=hit["_id"], body={"doc": {"superseded": True}})
    refresh()
    assert len(stored()) == 1
    assert len(stored(f"{EVENTS}-{TODAY:%Y-%m-%d}")) == 2


def test_a_foreign_strict_mapping_never_costs_an_event(index_events, search_client, stored, index_prefix):
    """InvenioRDM's templates list their own fields and refuse all others."""
    fields = ("unique_id", "country", "visitor_id", "unique_session_id", "bucket_id", "file_id", "file_key", "referrer")
    search_client.indices.put_template(
        name=f"{index_prefix}file-download-v1",
        body={
            "index_patterns": [f"{index_prefix}{EVENTS}-*"],
            "mappings": {
                "dynamic": "strict",
                "properties": {
                    **{field: {"type": "keyword"} for field in fields},
                    "timestamp": {"type": "date"},
                    "updated_timestamp": {"type": "date"},
                    "is_robot": {"type": "boolean"},
                    "size": {"type": "double"},
                },
            },
            "aliases": {f"{index_prefix}{EVENTS}": {}},
        },
    )
    assert index_events(download(item_id="I", labels=["bees"], access_status="open")) == (1, 0)
    assert stored()[0]["_source"]["item_id"] == "I"


def test_a_day_of_a_month_that_has_an_index_is_an_alias_of_it(index_events, search_client, stored, index_prefix):
    """An instance that was on monthly indices has them both; an event is never in two places."""
    month = f"{index_prefix}{EVENTS}-{TODAY:%Y-%m}"
    search_client.indices.create(month)
    index_events(download())
    assert {hit["_index"] for hit in stored()} == {month}
    assert list(search_client.indices.get_alias(index=f"{index_prefix}{EVENTS}-{TODAY:%Y-%m-%d}")) == [month]


def test_a_backfill_of_old_years_makes_months_not_days(index_events, search_client, stored, index_prefix):
    old = datetime(2019, 3, 1, 12, tzinfo=timezone.utc)
    index_events(*(download(old + timedelta(days=days)) for days in range(40)))
    assert {hit["_index"] for hit in stored()} == {
        f"{index_prefix}{EVENTS}-{month}" for month in ("2019-03", "2019-04")
    }
    assert len(stored()) == 40


def test_another_suffix_is_never_routed(index_events, stored, index_prefix):
    index_events(download(datetime(2019, 3, 1, tzinfo=timezone.utc)), suffix="%Y")
    assert stored()[0]["_index"] == f"{index_prefix}{EVENTS}-2019"


class OwnRun(EventsIndexer):
    """An indexer of somebody else, who overrides `run`."""

    fails = False

    def run(self):
        actions = list(self.actionsiter())
        if self.fails:
            raise RuntimeError("no")
        return len(actions), 0


def test_an_overridden_run_is_called_until_the_queue_is_empty(app, queues):
    current_stats.publish("file-download", [download(file_id=str(number)) for number in range(1500)])
    assert OwnRun(queue=current_queues.queues[names.queue("file-download")], preprocessors=[]).run() == (1500, 0)
    assert queue_depth.depth(queues["file-download"]) == 0


def test_an_overridden_run_that_raises_gives_its_batch_back(app, queues):
    current_stats.publish("file-download", [download()] * 3)
    indexer = OwnRun(queue=queues["file-download"], preprocessors=[])
    indexer.fails = True
    with pytest.raises(RuntimeError):
        indexer.run()
    assert queue_depth.depth(queues["file-download"]) == 3


def test_a_foreign_queue_is_read_as_it_is(app, put_templates):
    assert EventsIndexer(StubQueue(download()), preprocessors=[build_file_unique_id, anonymize_user]).run() == (1, 0)


@pytest.mark.parametrize(
    ("agent", "is_robot", "is_machine"),
    [
        pytest.param({"user_agent": BROWSER}, False, False, id="browser"),
        pytest.param({"user_agent": "Mozilla/5.0 (compatible; bingbot/2.0)"}, True, False, id="robot"),
        pytest.param({"user_agent": "Wget/1.21.3"}, True, True, id="a tool on the list of robots"),
        pytest.param({"user_agent": "Java/17"}, False, True, id="a tool that is not"),
        pytest.param({"user_agent": ""}, True, False, id="empty"),
        pytest.param({}, False, False, id="no agent"),
        pytest.param({"agent_class": "ai"}, True, False, id="classified before"),
    ],
)
def test_agents_are_flagged_or_filtered(agent, is_robot, is_machine):
    assert flag_robots(dict(agent))["is_robot"] is is_robot
    assert flag_machines(dict(agent))["is_machine"] is is_machine
    assert (filter_robots(dict(agent)) is None) is is_robot
    assert (filter_machines(dict(agent)) is None) is is_machine


def test_an_event_that_is_anonymous_already_is_left_alone(app):
    assert anonymize_user({"visitor_id": "V"}) == {"visitor_id": "V"}


def test_a_visitor_is_the_same_over_the_day_and_another_on_the_next(app):
    morning, evening, next_day = (
        anonymize_user(download(datetime(2026, 1, day, hour, tzinfo=timezone.utc)))
        for day, hour in ((30, 9), (30, 21), (31, 9))
    )
    assert morning["visitor_id"] == evening["visitor_id"] != next_day["visitor_id"]
    assert morning["unique_session_id"] != evening["unique_session_id"]


OLD = datetime(2019, 5, 1, 10, tzinfo=timezone.utc)
VISITORS = {
    "nobody": {"ip_address": None, "user_agent": None},
    "address and agent": {},
    "keys of the importer": {"visitor_id": "V", "unique_session_id": "S"},
}


def forget_salts(app):
    """Do what 48 hours do."""
    current_cache.cache.clear()
    app.extensions.pop("invenio-stats-salts", None)


@pytest.mark.parametrize("visitor", VISITORS.values(), ids=list(VISITORS))
def test_an_old_log_that_is_imported_again_is_the_same_events(app, index_events, stored, search_client, visitor):
    """Its importer gives each event an id; the salts of the first import are gone at the second."""
    fields = set() if visitor != VISITORS["keys of the importer"] else {"ip_address", "user_agent", "user_id"}
    lines = [
        {
            **{name: value for name, value in download(OLD + timedelta(minutes=n)).items() if name not in fields},
            **visitor,
            "event_id": f"access.log.3:{n}",
        }
        for n in range(9)
    ]
    for line in lines if fields else ():
        line.pop("session_id")
    for _ in range(2):
        assert index_events(*lines) == (9, 0)
        assert len(stored()) == 9
        forget_salts(app)
    assert {hit["_source"]["event_id"] for hit in stored()} == {line["event_id"] for line in lines}
    assert all(("visitor_id" in hit["_source"]) is bool(fields) for hit in stored())


def test_an_event_with_its_own_id_of_today_is_pseudonymized_like_any_other(index_events, stored):
    assert index_events({**download(), "event_id": "mine"}, {**download(), "event_id": "other"}) == (2, 0)
    (hit,) = stored()
    assert len(hit["_source"]["visitor_id"]) == 56
    assert hit["_source"]["event_id"] == "other"


@pytest.mark.parametrize("own_id", ["", "x" * 256, "\n", "\ud800", 7, ["a"]], ids=repr)
def test_a_wrong_id_costs_its_event_only_and_is_said(queues, own_id):
    with pytest.raises(ValueError, match="event_id"):
        current_stats.publish("file-download", [{**download(), "event_id": own_id}, download(file_id="G")])
    (event,) = current_stats.consume("file-download")
    assert event["file_id"] == "G"


def test_a_number_of_more_than_64_bits_is_stored_as_it_was(index_events, stored):
    """As a float it would be another number."""
    assert index_events(download(size=-(2**63) - 1)) == (1, 0)
    assert [hit["_source"]["size"] for hit in stored()] == [-9223372036854775809]
