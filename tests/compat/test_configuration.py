"""Contract, configuration: each setting with its default, and every form that an entry may have."""

import re

import pytest
from flask import Flask
from invenio_records_ui.signals import record_viewed
from kombu import Exchange

from invenio_stats import InvenioStats, current_stats
from invenio_stats.queues import declare_queues
from invenio_stats.templates import register_index_templates, register_templates
from invenio_stats.utils import AllowAllPermission, default_permission_factory

from .samples import FILE, PID, RECORD, refuse

EVENT_TEMPLATES = ["invenio_stats.contrib.file_download", "invenio_stats.contrib.record_view"]
TOTAL_TEMPLATES = [
    "invenio_stats.contrib.aggregations.aggr_file_download",
    "invenio_stats.contrib.aggregations.aggr_record_view",
]


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("STATS_REGISTER_RECEIVERS", True),
        ("STATS_EVENTS", {}),
        ("STATS_AGGREGATIONS", {}),
        ("STATS_QUERIES", {}),
        ("STATS_REGISTER_INDEX_TEMPLATES", False),
        ("STATS_EVENTS_UTC_DATETIME_ENABLED", False),
    ],
)
def test_a_setting_has_its_default(name, default):
    app = Flask("empty")
    InvenioStats(app)
    assert app.config[name] == default


def test_a_setting_that_is_there_stays_as_it_is():
    app = Flask("empty")
    app.config["STATS_REGISTER_RECEIVERS"] = False
    InvenioStats().init_config(app)
    assert app.config["STATS_REGISTER_RECEIVERS"] is False


def test_the_default_exchange_is_the_one_that_brokers_have():
    """A broker refuses to declare an existing exchange with other properties."""
    app = Flask("empty")
    InvenioStats(app)
    exchange = app.config["STATS_MQ_EXCHANGE"]
    assert isinstance(exchange, Exchange)
    assert (exchange.name, exchange.type, exchange.durable, exchange.auto_delete) == ("events", "direct", True, False)
    assert exchange.delivery_mode == Exchange("events", type="direct", delivery_mode="transient").delivery_mode


@pytest.mark.parametrize("durable", [True, False])
def test_an_exchange_of_the_instance_is_used_as_it_is(configured, durable):
    exchange = Exchange("mine", type="direct", durable=durable)
    configured(STATS_MQ_EXCHANGE=exchange)
    assert current_stats.exchange is exchange
    assert {cfg["exchange"] for cfg in declare_queues()} == {exchange}


def test_a_queue_has_no_arguments(app):
    """A broker refuses to declare an existing queue with other ones, such as a time to live."""
    for event in current_stats.events.values():
        queue = event.queue.queue
        assert queue.queue_arguments is None
        assert (queue.expires, queue.message_ttl, queue.max_length) == (None, None, None)
        assert (queue.durable, queue.exclusive, queue.auto_delete) == (True, False, False)


def test_messages_are_persistent_whatever_the_exchange_says(app, queues):
    current_stats.publish("record-view", [{"timestamp": "2026-01-31T10:00:00"}])
    (message,) = current_stats.consume("record-view", payload=False)
    assert message.properties["delivery_mode"] == 2


def test_legacy_templates_are_registered_unless_composable_ones_are_asked_for(configured):
    configured(STATS_REGISTER_INDEX_TEMPLATES=False)
    assert sorted(register_templates()) == sorted(EVENT_TEMPLATES + TOTAL_TEMPLATES)
    assert register_index_templates() == []


def test_composable_templates_are_registered_where_they_are_asked_for(configured):
    configured(STATS_REGISTER_INDEX_TEMPLATES=True)
    assert register_templates() == []
    assert sorted(register_index_templates()) == sorted(
        f"{package}.composable" for package in EVENT_TEMPLATES + TOTAL_TEMPLATES
    )


@pytest.mark.parametrize(
    ("enabled", "form"),
    [
        pytest.param(False, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$", id="without zone, to the second"),
        pytest.param(True, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$", id="with zone"),
    ],
)
def test_the_timestamp_of_an_event_is_written_as_the_setting_says(app, monkeypatch, enabled, form):
    from invenio_stats.contrib.event_builders import file_download_event_builder

    monkeypatch.setitem(app.config, "STATS_EVENTS_UTC_DATETIME_ENABLED", enabled)
    with app.test_request_context("/"):
        timestamp = file_download_event_builder({}, app, obj=FILE)["timestamp"]
    assert re.match(form, timestamp)


def test_names_of_indices_have_the_prefix_of_the_instance(app, index_prefix, aggregator):
    event = current_stats.events["record-view"]
    assert event.cls(**event.params).index == f"{index_prefix}events-stats-record-view"
    assert aggregator("record-view-agg").event_index == f"{index_prefix}events-stats-record-view"
    assert aggregator("record-view-agg").index == f"{index_prefix}stats-record-view"
    assert current_stats.get_query("bucket-file-download-total").index == f"{index_prefix}stats-file-download"


def test_without_receivers_a_signal_is_not_counted(configured):
    app = configured(STATS_REGISTER_RECEIVERS=False)
    with app.test_request_context("/"):
        record_viewed.send(app, pid=PID, record=RECORD)
        assert list(current_stats.consume("record-view")) == []


@pytest.mark.parametrize("factory", [refuse, f"{refuse.__module__}.refuse", f"{refuse.__module__}:refuse"])
def test_the_permission_factory_is_an_object_or_an_import_string(configured, factory):
    configured(STATS_PERMISSION_FACTORY=factory)
    assert current_stats.permission_factory is refuse
    assert current_stats.queries["bucket-file-download-total"].permission_factory is None


def test_by_default_everybody_may_ask(app):
    assert current_stats.permission_factory is default_permission_factory
    assert default_permission_factory("bucket-file-download-total", {}).can()
    assert AllowAllPermission.can()
