"""Contract, imports seen in real programs: each name is where programs look for it."""

import importlib
import inspect

import pytest
from flask import url_for

IMPORTS = {
    "invenio_stats": "current_stats InvenioStats __version__",
    "invenio_stats.proxies": "current_stats",
    "invenio_stats.aggregations": (
        "StatAggregator filter_robots BookmarkAPI SUPPORTED_INTERVALS format_range_dt "
        "INTERVAL_ROUNDING INTERVAL_DELTAS ALLOWED_METRICS"
    ),
    "invenio_stats.bookmark": "BookmarkAPI format_range_dt SUPPORTED_INTERVALS",
    "invenio_stats.processors": (
        "EventsIndexer anonymize_user flag_robots flag_machines filter_robots filter_machines hash_id"
    ),
    "invenio_stats.queries": "Query TermsQuery DateHistogramQuery ESQuery ESTermsQuery ESDateHistogramQuery",
    "invenio_stats.tasks": "StatsEventTask StatsAggregationTask process_events aggregate_events",
    "invenio_stats.contrib.event_builders": (
        "file_download_event_builder record_view_event_builder build_file_unique_id build_record_unique_id"
    ),
    "invenio_stats.contrib.config": "EVENTS_CONFIG AGGREGATIONS_CONFIG QUERIES_CONFIG",
    "invenio_stats.receivers": "EventEmitter EventEmmiter build_event_emitter register_receivers",
    "invenio_stats.utils": (
        "format_datetime_iso get_anonymization_salt get_bucket_size get_geoip get_user AllowAllPermission "
        "default_permission_factory current_user"
    ),
    "invenio_stats.errors": "InvalidRequestInputError UnknownQueryError",
    "invenio_stats.ext": "InvenioStats finalize_app",
    "invenio_stats.views": "blueprint",
    "invenio_stats.queues": "declare_queues",
    "invenio_stats.templates": "register_templates register_index_templates",
    "invenio_stats.cli": "stats",
}


@pytest.mark.parametrize(
    ("module", "name"),
    [pytest.param(module, name, id=f"{module}.{name}") for module, names in IMPORTS.items() for name in names.split()],
)
def test_a_name_is_where_programs_import_it_from(module, name):
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("invenio_stats.processors", "EventsIndexer"),
        ("invenio_stats.aggregations", "StatAggregator"),
        ("invenio_stats.bookmark", "BookmarkAPI"),
        ("invenio_stats.queries", "DateHistogramQuery"),
        ("invenio_stats.queries", "TermsQuery"),
        ("invenio_stats.receivers", "EventEmitter"),
    ],
)
def test_a_historic_module_holds_its_class_itself(module, name):
    """Test suites patch names inside these modules, which has an effect only where the code lives."""
    assert getattr(importlib.import_module(module), name).__module__ == module


def test_old_names_of_queries_and_emitter_are_the_same_classes():
    from invenio_stats import queries, receivers

    assert queries.ESQuery is queries.Query
    assert queries.ESDateHistogramQuery is queries.DateHistogramQuery
    assert queries.ESTermsQuery is queries.TermsQuery
    assert receivers.EventEmmiter is receivers.EventEmitter


def test_aggregations_gives_what_bookmark_has():
    from invenio_stats import aggregations, bookmark

    for name in ("BookmarkAPI", "SUPPORTED_INTERVALS", "format_range_dt"):
        assert getattr(aggregations, name) is getattr(bookmark, name)


@pytest.mark.parametrize("module", ["processors", "aggregations"])
def test_a_station_has_the_datetime_class_itself(module):
    """Test suites replace the class there to set the clock."""
    assert inspect.isclass(importlib.import_module(f"invenio_stats.{module}").datetime)


def test_the_builders_use_the_datetime_module():
    """Test suites replace `datetime.datetime` while builders run."""
    assert inspect.ismodule(importlib.import_module("invenio_stats.utils").datetime)


def test_the_rest_endpoint_has_its_name_and_path(app):
    with app.test_request_context("/"):
        assert url_for("invenio_stats.stat_query") == "/api/stats"
