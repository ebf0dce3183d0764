"""Contract, configuration: each setting with its default, and every form that an entry may have."""

import re
from functools import partial

import pytest
from flask import Flask
from invenio_queues.proxies import current_queues
from invenio_records_ui.signals import record_viewed
from kombu import Exchange

from invenio_stats import InvenioStats, current_stats
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, EVENTS_CONFIG, QUERIES_CONFIG
from invenio_stats.queues import declare_queues
from invenio_stats.receivers import build_event_emitter
from invenio_stats.templates import register_index_templates, register_templates
from invenio_stats.utils import AllowAllPermission, default_permission_factory

from .samples import FILE, PID, RECORD

EVENT_TEMPLATES = ["invenio_stats.contrib.file_download", "invenio_stats.contrib.record_view"]
TOTAL_TEMPLATES = [
    "invenio_stats.contrib.aggregations.aggr_file_download",
    "invenio_stats.contrib.aggregations.aggr_record_view",
]


@pytest.fixture
def configured(create_app, app_config):
    """Return `configured(**settings)`: an application with settings of its own, in its context."""
    contexts = []

    def make(**settings):
        app = create_app(**{**app_config, **settings})
        contexts.append(app.app_context())
        contexts[-1].push()
        return app

    yield make
    for context in reversed(contexts):
        context.pop()


def refuse(query_name, params):
    """Permit nothing."""
    return type("Refused", (), {"can": lambda self: False})()


def event_entry(app):
    """Return the entry of an event type: what a callable in STATS_EVENTS may be."""
    return {**EVENTS_CONFIG["record-view"], "params": {"preprocessors": []}}


def aggregation_entry(app):
    return AGGREGATIONS_CONFIG["record-view-agg"]


def query_entry(app):
    return QUERIES_CONFIG["bucket-file-download-total"]


def mark(event, sender_app, **kwargs):
    """Build the smallest event there is."""
    return {**event, "timestamp": "2026-01-31T10:00:00", "marked": True}


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
        f"{one}.composable" for one in EVENT_TEMPLATES + TOTAL_TEMPLATES
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


def test_names_of_indices_carry_the_prefix_of_the_instance(app, index_prefix, aggregator):
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


@pytest.mark.parametrize("factory", [refuse, f"{__name__}.refuse", f"{__name__}:refuse"])
def test_the_permission_factory_is_an_object_or_an_import_string(configured, factory):
    configured(STATS_PERMISSION_FACTORY=factory)
    assert current_stats.permission_factory is refuse
    assert current_stats.queries["bucket-file-download-total"].permission_factory is refuse


def test_by_default_everybody_may_ask(app):
    assert current_stats.permission_factory is default_permission_factory
    assert default_permission_factory("bucket-file-download-total", {}).can()
    assert AllowAllPermission.can()


@pytest.mark.parametrize("form", ["{}.{}", "{}:{}"])
def test_a_class_or_function_may_be_an_import_string(configured, form):
    configured(
        STATS_EVENTS={
            "record-view": {
                "cls": form.format("invenio_stats.processors", "EventsIndexer"),
                "params": {"preprocessors": [form.format("invenio_stats.processors", "flag_robots")]},
                "signal": form.format("invenio_records_ui.signals", "record_viewed"),
                "event_builders": [form.format(__name__, "mark")],
            }
        },
        STATS_AGGREGATIONS={
            "a": {
                **AGGREGATIONS_CONFIG["record-view-agg"],
                "cls": form.format("invenio_stats.aggregations", "StatAggregator"),
            }
        },
        STATS_QUERIES={
            "q": {
                **QUERIES_CONFIG["bucket-file-download-total"],
                "cls": form.format("invenio_stats.queries", "TermsQuery"),
                "permission_factory": form.format(__name__, "refuse"),
            }
        },
    )
    assert current_stats.events["record-view"].cls.__name__ == "EventsIndexer"
    assert current_stats.get_event_emitter("record-view").builders == [mark]
    assert current_stats.aggregations["a"].cls.__name__ == "StatAggregator"
    assert current_stats.queries["q"].cls.__name__ == "TermsQuery"
    assert current_stats.queries["q"].permission_factory is refuse


@pytest.mark.parametrize("builder", [mark, partial(mark), lambda event, app, **kwargs: mark(event, app, **kwargs)])
def test_a_builder_may_be_any_callable(configured, queues, builder):
    app = configured(STATS_EVENTS={"marks": {"cls": EVENTS_CONFIG["record-view"]["cls"], "event_builders": [builder]}})
    current_stats.get_event_emitter("marks")(app)
    assert [event["marked"] for event in current_stats.consume("marks")] == [True]


@pytest.mark.parametrize(
    "form", [lambda entry: entry, lambda entry: f"{__name__}.{entry.__name__}"], ids=["callable", "import string"]
)
def test_a_whole_entry_may_be_a_callable_or_an_import_string(configured, form):
    """Everywhere entries are read: by the state, the receivers, the emitters, queues and templates."""
    events = {"record-view": form(event_entry)}
    app = configured(
        STATS_EVENTS=events,
        STATS_AGGREGATIONS={"record-view-agg": form(aggregation_entry)},
        STATS_QUERIES={"total": form(query_entry)},
    )
    assert current_stats.events["record-view"].templates == "invenio_stats.contrib.record_view"
    assert current_stats.aggregations["record-view-agg"].params["event"] == "record-view"
    assert current_stats.get_query("total").name == "total"
    assert list(current_queues.queues) == ["stats-record-view"]
    assert sorted(register_templates()) == [TOTAL_TEMPLATES[1], EVENT_TEMPLATES[1]]
    assert len(build_event_emitter("record-view", events).builders) == 1
    with app.test_request_context("/"):
        record_viewed.send(app, pid=PID, record=RECORD)
        assert [event["record_id"] for event in current_stats.consume("record-view")] == ["R1"]
