"""Web processes pseudonymize events, unless a foreign preprocessor may need personal data."""

import logging
from functools import partial

import pytest

from invenio_stats.broker import queue_depth
from invenio_stats.errors import ConfigurationError
from invenio_stats.processors import EventsIndexer, anonymize_user, build_file_unique_id, flag_robots
from invenio_stats.proxies import current_stats
from tests.flow.test_processors import download

PERSON = {"ip_address", "user_agent", "user_id", "session_id"}


def foreign(doc):
    """Look at an address, as somebody else's preprocessor."""
    doc["from_campus"] = doc.get("ip_address", "").startswith("192.0.2.")
    return doc


def keep(doc, flag=None):
    """Do nothing."""
    return doc


CHAINS = {
    "ours": ([flag_robots, anonymize_user, build_file_unique_id], "web"),
    "foreign-after": ([flag_robots, anonymize_user, foreign], "web"),
    "foreign-before": ([foreign, anonymize_user, build_file_unique_id], "worker"),
    "foreign-by-name": ([f"{__name__}.keep", anonymize_user], "worker"),
    "foreign-partial": ([partial(keep, flag=1), anonymize_user], "worker"),
    "our-partial": ([partial(flag_robots, exclude=True), anonymize_user], "web"),
    "forgotten": ([foreign, build_file_unique_id], "worker"),
    "with-users": ([flag_robots, build_file_unique_id], "web"),
    "forced-web": ([keep, anonymize_user, build_file_unique_id], "web"),
    "forced-worker": ([anonymize_user, build_file_unique_id], "worker"),
}


@pytest.fixture(scope="module")
def app_config(app_config):
    return {
        **app_config,
        "STATS_EVENTS": {
            name: {"cls": EventsIndexer, "params": {"preprocessors": c}} for name, (c, _) in CHAINS.items()
        },
        "STATS_AGGREGATIONS": {},
        "STATS_QUERIES": {},
        "STATS_PSEUDONYMIZE_IN": {"forced-web": "web", "forced-worker": "worker"},
    }


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_determines_where_its_events_are_pseudonymized(app, queues, name):
    stage = CHAINS[name][1]
    assert current_stats.events[name].pseudonymization.stage == stage
    current_stats.publish(name, [download(user_id="7")])
    (message,) = current_stats.consume(name)
    left = PERSON & set(message)
    assert left == {"web": {"user_id"} if name == "with-users" else set(), "worker": PERSON}[stage]


def process(name, search_client, refresh, index_prefix):
    """Store what waits; return the documents and the outcome."""
    definition = current_stats.events[name]
    outcome = definition.cls(**definition.params).run()
    refresh()
    hits = search_client.search(index=f"{index_prefix}events-stats-{name}", ignore_unavailable=True)["hits"]["hits"]
    return [hit["_source"] for hit in hits], outcome


def test_the_worker_pseudonymizes_after_the_foreign_preprocessor(app, queues, search_client, refresh, index_prefix):
    current_stats.publish("foreign-before", [download()])
    ((document,), outcome) = process("foreign-before", search_client, refresh, index_prefix)
    assert outcome == (1, 0)
    assert document["from_campus"] is True
    assert not PERSON & set(document)
    assert document["visitor_id"]


@pytest.mark.expect_logged_errors
def test_forgetting_to_anonymize_fails_closed(app, queues, search_client, refresh, index_prefix):
    """The event is in the dead letters, pseudonymized, and in no index."""
    current_stats.publish("forgotten", [download()])
    documents, outcome = process("forgotten", search_client, refresh, index_prefix)
    assert (documents, outcome) == ([], (0, 1))
    assert queue_depth.dead(queues["forgotten"]) == 1


def test_a_type_that_counts_with_its_users_keeps_them(app, queues, search_client, refresh, index_prefix):
    current_stats.publish("with-users", [download(user_id="7")])
    ((document,), _) = process("with-users", search_client, refresh, index_prefix)
    assert document["user_id"] == "7"
    assert "ip_address" not in document


def test_event_types_that_the_worker_pseudonymizes_are_logged_at_the_start(create_app, app_config, caplog):
    caplog.set_level(logging.WARNING)
    create_app(**app_config)
    warned = {record.event_type for record in caplog.records if "reach the broker" in record.message}
    assert warned == {name for name, (_, stage) in CHAINS.items() if stage == "worker"}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"no-such": "web"}, "'no-such', which is not in STATS_EVENTS"),
        ({"ours": "broker"}, "set it to 'web' or 'worker'"),
        (["ours"], "make it a dict"),
    ],
)
def test_an_error_in_the_stages_is_named(create_app, app_config, setting, said):
    with pytest.raises(ConfigurationError, match=said):
        create_app(**{**app_config, "STATS_PSEUDONYMIZE_IN": setting})
