"""Contract, configuration: every form that an entry may have."""

from functools import partial

import pytest
from invenio_queues.proxies import current_queues
from invenio_records_ui.signals import record_viewed

from invenio_stats import current_stats
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, EVENTS_CONFIG, QUERIES_CONFIG
from invenio_stats.receivers import build_event_emitter
from invenio_stats.templates import register_templates

from .samples import PID, RECORD, refuse


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
                "permission_factory": form.format(refuse.__module__, "refuse"),
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
    assert sorted(register_templates()) == [
        "invenio_stats.contrib.aggregations.aggr_record_view",
        "invenio_stats.contrib.record_view",
    ]
    assert len(build_event_emitter("record-view", events).builders) == 1
    with app.test_request_context("/"):
        record_viewed.send(app, pid=PID, record=RECORD)
        assert [event["record_id"] for event in current_stats.consume("record-view")] == ["R1"]
