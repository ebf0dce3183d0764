"""Contract, extension and state: what `InvenioStats` and `current_stats` give."""

import logging

import pytest
from flask import Flask
from invenio_queues.proxies import current_queues
from werkzeug.local import LocalProxy

from invenio_stats import InvenioStats, current_stats
from invenio_stats.contrib.config import EVENTS_CONFIG
from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app
from invenio_stats.processors import EventsIndexer
from invenio_stats.queries import TermsQuery
from invenio_stats.queues import declare_queues
from invenio_stats.templates import register_index_templates, register_templates

EVENTS = [{"timestamp": "2026-01-31T10:00:00", "n": n, "deep": {"list": [1, None, "ü"]}} for n in range(3)]


def test_the_extension_may_be_made_with_or_before_its_application():
    assert InvenioStats(Flask("one")).events_config == {}
    app, extension = Flask("two"), InvenioStats()
    state = extension.init_app(app)
    assert state is app.extensions["invenio-stats"]
    assert state.app is app


def test_attributes_of_the_extension_are_those_of_its_state():
    app = Flask("empty")
    extension = InvenioStats()
    state = extension.init_app(app)
    assert extension.exchange is state.exchange is app.config["STATS_MQ_EXCHANGE"]
    assert extension.publish == state.publish
    with pytest.raises(AttributeError):
        extension.no_such_thing  # noqa: B018 - reading it is the test


def test_finalize_app_warms_the_events(create_app, app_config):
    """Parsing them waits for all extensions, and is done before the first request."""
    app = create_app(**app_config)
    state = app.extensions["invenio-stats"]
    assert "events" in vars(state)
    del vars(state)["events"]
    finalize_app(app)
    assert "events" in vars(state)


def test_a_setting_that_is_no_number_stops_the_start(create_app, app_config):
    with pytest.raises(ConfigurationError, match="STATS_SPOOL_MAX_MB is '256'"):
        create_app(**{**app_config, "STATS_SPOOL_MAX_MB": "256"})


def test_current_stats_is_a_proxy_to_the_state(app):
    assert isinstance(current_stats, LocalProxy)
    assert current_stats._get_current_object() is app.extensions["invenio-stats"]
    assert current_stats.app is app


@pytest.mark.parametrize("name", ["events", "aggregations", "queries"])
def test_the_raw_configuration_is_live(app, monkeypatch, name):
    replacement = {}
    monkeypatch.setitem(app.config, f"STATS_{name.upper()}", replacement)
    assert getattr(current_stats, f"{name}_config") is replacement


@pytest.mark.parametrize("name", ["events", "aggregations", "queries"])
def test_the_definitions_are_cached(app, name):
    assert getattr(current_stats, name) is getattr(current_stats, name)


def test_an_event_type_has_its_fields(app):
    event = current_stats.events["file-download"]
    assert event.name == "file-download"
    assert event.templates == "invenio_stats.contrib.file_download"
    assert event.cls is EventsIndexer
    assert event.params["queue"] is event.queue
    assert len(event.params["preprocessors"]) == 4


def test_an_aggregation_has_its_fields(app, aggregations_config):
    aggregation = current_stats.aggregations["file-download-agg"]
    assert aggregation.name == "file-download-agg"
    assert aggregation.templates == "invenio_stats.contrib.aggregations.aggr_file_download"
    assert aggregation.cls is aggregations_config["file-download-agg"]["cls"]
    assert aggregation.params["event"] == "file-download"


def test_a_query_has_its_fields(app):
    query = current_stats.queries["bucket-file-download-total"]
    assert query.name == "bucket-file-download-total"
    assert query.cls is TermsQuery
    assert query.permission_factory is None
    assert query.params["required_filters"] == {"bucket_id": "bucket_id"}


def test_the_configuration_stays_as_it_was_written(app, events_config):
    """A queue that is put into the parameters of a class goes into a copy of them."""
    current_stats.events  # noqa: B018 - reading it parses
    assert "queue" not in events_config["file-download"]["params"]
    assert "queue" not in EVENTS_CONFIG["file-download"]["params"]


def test_an_emitter_is_made_once(app):
    assert current_stats.get_event_emitter("record-view") is current_stats.get_event_emitter("record-view")


def test_an_unknown_emitter_is_none_and_a_warning(app, caplog):
    with caplog.at_level(logging.WARNING):
        assert current_stats.get_event_emitter("no-such-type") is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_query_object_is_made_once_and_an_unknown_one_is_a_key_error(app):
    query = current_stats.get_query("bucket-file-download-total")
    assert isinstance(query, TermsQuery)
    assert current_stats.get_query("bucket-file-download-total") is query
    with pytest.raises(KeyError):
        current_stats.get_query("no-such-query")


def test_what_is_published_is_consumed_as_it_was(app, queues):
    current_stats.publish("record-view", iter(EVENTS))
    assert list(current_stats.consume("record-view")) == EVENTS
    assert list(current_stats.consume("record-view")) == []


def test_publishing_an_unknown_type_is_an_assertion_error(app):
    with pytest.raises(AssertionError):
        current_stats.publish("no-such-type", EVENTS)


def test_consume_gives_messages_where_payload_is_not_asked_for(app, queues):
    current_stats.publish("record-view", EVENTS)
    messages = list(current_stats.consume("record-view", payload=False))
    assert [message.payload for message in messages] == EVENTS


@pytest.mark.parametrize("no_ack", [True, False])
def test_consume_leaves_acknowledging_to_who_asks_for_it(app, queues, no_ack):
    """Whether the broker waits for it is passed on to the queue."""
    current_stats.publish("record-view", EVENTS)
    waiting = current_stats.consume("record-view", no_ack=no_ack, payload=False)
    assert [queues["record-view"].no_ack for message in waiting if no_ack or message.ack() is None] == [no_ack] * 3
    assert list(current_stats.consume("record-view")) == []


def test_an_event_type_has_one_queue_with_its_name_as_routing_key(app):
    for name, event in current_stats.events.items():
        queue = event.queue
        assert queue is current_queues.queues[f"stats-{name}"]
        assert queue.routing_key == queue.queue.name == f"stats-{name}"
        assert queue.exchange is current_stats.exchange


def test_queues_and_templates_list_what_is_configured_and_nothing_else(app):
    """Queues and indices of our own are made by code: these callables list what they have always listed."""
    assert sorted(queue["name"] for queue in declare_queues()) == ["stats-file-download", "stats-record-view"]
    assert all(set(queue) == {"name", "exchange"} for queue in declare_queues())
    definitions = [*current_stats.events.values(), *current_stats.aggregations.values()]
    assert sorted(register_templates()) == sorted(definition.templates for definition in definitions)
    assert register_index_templates() == []
