"""Contract, easy to break: what client code does that a refactoring would not expect."""

from datetime import datetime
from functools import partial
from unittest.mock import Mock

import click
import pytest
from invenio_search.engine import search as engine

from invenio_stats import current_stats
from invenio_stats.aggregations import StatAggregator
from invenio_stats.cli import stats
from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, EVENTS_CONFIG, QUERIES_CONFIG
from invenio_stats.errors import InvalidRequestInputError
from invenio_stats.processors import EventsIndexer, anonymize_user, build_file_unique_id
from invenio_stats.queries import TermsQuery

from .samples import DOWNLOADS, StubQueue, download, naive, on

TOTALS = "stats-file-download"


def add_field(doc, name, value):
    """Set a field: a preprocessor when the other arguments are given."""
    return {**doc, name: value}


@pytest.fixture(scope="module")
def app_config(app_config):
    """With preprocessors in every form."""
    events = app_config["STATS_EVENTS"]
    events["file-download"]["params"]["preprocessors"] = [
        "invenio_stats.processors.flag_robots",
        "invenio_stats.processors:flag_machines",
        anonymize_user,
        partial(add_field, name="by_partial", value=1),
        lambda doc: add_field(doc, "by_lambda", 2),
        "invenio_stats.contrib.event_builders.build_file_unique_id",
    ]
    return app_config


def test_clients_make_an_indexer_with_other_arguments_beside_its_params(app, queues, put_templates, documents):
    event = current_stats.events["file-download"]
    current_stats.publish("file-download", [download(on(3, 12, 0, second)) for second in (1, 2, 3)])
    assert event.cls(**event.params, double_click_window=0).run() == (3, 0)
    assert len(documents(DOWNLOADS)) == 3


def test_clients_make_aggregators_and_queries_by_name_and_params(app):
    for name, aggregation in current_stats.aggregations.items():
        assert aggregation.cls(name=name, **aggregation.params).name == name
        assert aggregation.cls(client=object(), name="other", **aggregation.params).name == "other"
    for name, query in current_stats.queries.items():
        assert query.cls(name=name, **query.params).name == name


def test_preprocessors_come_in_every_form(store_events, sources):
    store_events(download(on(3)))
    (event,) = sources(DOWNLOADS)
    assert (event["unique_id"], event["by_partial"], event["by_lambda"]) == ("B1_F1", 1, 2)
    assert (event["is_robot"], event["is_machine"]) == (False, False)


def test_a_modifier_of_an_aggregator_gets_the_search_alone(store_events, aggregator, sources):
    store_events(download(on(3)), download(on(3), file_id="F2"))
    aggregator(query_modifiers=[lambda search: search.filter("term", file_id="F2")]).run()
    assert [total["file_id"] for total in sources(TOTALS)] == ["F2"]


@pytest.mark.parametrize(("enabled", "zone"), [(False, ""), (True, "+00:00")])
def test_the_range_of_a_query_is_written_as_timestamps_are(app, monkeypatch, enabled, zone):
    """Foreign mappings are strict about formats, and clients call `build_query` with datetimes."""
    monkeypatch.setitem(app.config, "STATS_EVENTS_UTC_DATETIME_ENABLED", enabled)
    start, end = datetime(2026, 1, 1), datetime(2026, 1, 31, 23, 59, 59)
    for name, interval in (("total", {}), ("histogram", {"interval": "day"})):
        query = current_stats.get_query(f"bucket-file-download-{name}")
        body = query.build_query(**interval, start_date=start, end_date=end).to_dict()
        (found,) = [clause["range"]["timestamp"] for clause in body["query"]["bool"]["filter"] if "range" in clause]
        assert (found["gte"], found["lte"]) == (f"2026-01-01T00:00:00{zone}", f"2026-01-31T23:59:59{zone}")


@pytest.mark.parametrize("date", ["april", "2026-13-01", 7])
def test_a_wrong_date_given_in_python_is_a_value_error_too(app, date):
    for kind in (ValueError, InvalidRequestInputError):
        with pytest.raises(kind, match="is not a date"):
            current_stats.get_query("bucket-file-download-total").run(bucket_id="B", start_date=date)


def test_several_event_types_may_share_one_alias(app, search_client, index_prefix, refresh, sources):
    """And an aggregation's event need not be a configured event type."""
    alias = f"{index_prefix}events-stats-any-use"
    for kind in ("download", "view"):
        index = f"{index_prefix}events-stats-{kind}-of-theirs"
        properties = {
            "timestamp": {"type": "date"},
            "unique_id": {"type": "keyword"},
            "updated_timestamp": {"type": "date"},
        }
        search_client.indices.create(index, body={"mappings": {"properties": properties}, "aliases": {alias: {}}})
        search_client.index(index=index, body={"timestamp": naive(on(3)), "unique_id": "thing"})
    refresh()
    StatAggregator("uses", "any-use", field="unique_id").run()
    assert [(total["unique_id"], total["count"]) for total in sources("stats-any-use-*")] == [("thing", 2)]


def test_a_total_without_new_events_is_not_written_again(store_events, aggregate, documents):
    """Or clients index records again for nothing."""
    store_events(download(on(3)), download(on(4)))
    aggregate()
    before = documents(TOTALS)
    store_events(download(on(4, 15)))
    aggregate()
    after = documents(TOTALS)
    same, changed = (f"B1_F1-{on(day):%Y-%m-%d}" for day in (3, 4))
    assert after[same] == before[same]
    assert after[changed]["_source"]["count"] == 2
    assert after[changed]["_source"]["updated_timestamp"] > before[changed]["_source"]["updated_timestamp"]


def test_an_event_that_is_delivered_twice_changes_no_total(store_events, aggregate, documents):
    store_events(download(on(3)))
    aggregate()
    before = documents(TOTALS)
    store_events(download(on(3)))
    aggregate()
    assert documents(TOTALS) == before


def test_the_command_group_can_be_extended(app):
    @stats.command("of-theirs")
    def of_theirs():
        click.echo("theirs")

    try:
        assert app.test_cli_runner().invoke(stats, ["of-theirs"]).output == "theirs\n"
    finally:
        stats.commands.pop("of-theirs")


def test_the_shipped_dicts_can_be_imported_and_changed(create_app, app_config):
    """Downstream takes parts of them, with its own values."""
    events = {
        "views": {
            **EVENTS_CONFIG["record-view"],
            "event_builders": [*EVENTS_CONFIG["record-view"]["event_builders"], lambda event, app, **kwargs: event],
            "params": {**EVENTS_CONFIG["record-view"]["params"], "suffix": "%Y-%m", "double_click_window": 10},
        }
    }
    params = {**AGGREGATIONS_CONFIG["record-view-agg"]["params"], "event": "views", "interval": "month"}
    aggregations = {"views-agg": {**AGGREGATIONS_CONFIG["record-view-agg"], "params": params}}
    queries = {"mine": QUERIES_CONFIG["bucket-file-download-total"]}
    settings = {"STATS_EVENTS": events, "STATS_AGGREGATIONS": aggregations, "STATS_QUERIES": queries}
    app = create_app(**{**app_config, **settings})
    with app.app_context():
        indexer = current_stats.events["views"].cls(**current_stats.events["views"].params)
        assert (indexer.suffix, indexer.double_click_window) == ("%Y-%m", 10)
        assert current_stats.aggregations["views-agg"].params["interval"] == "month"
        assert list(current_stats.queries) == ["mine"]


def test_a_search_client_may_be_injected(store_events, search_client, documents):
    """With time-outs of its own."""
    store_events(download(on(3)))
    client = Mock(wraps=search_client, transport=search_client.transport)
    aggregation = current_stats.aggregations["file-download-agg"]
    assert aggregation.cls(name="file-download-agg", client=client, **aggregation.params).run() == [(1, 0)]
    assert client.bulk.called
    assert len(documents(TOTALS)) == 1
    client.reset_mock()
    TermsQuery(name="q", index=TOTALS, client=client).run()
    assert client.search.called


@pytest.mark.parametrize("answers", [lambda number: (number, []), lambda number: None], ids=["pair", "none"])
def test_totals_are_sent_through_the_helpers_of_the_engine_module(store_events, aggregator, monkeypatch, answers):
    """Test suites replace `invenio_search.engine.search.helpers.bulk`, and look at its positional arguments."""
    store_events(download(on(3)))
    sent = []

    def bulk(client, actions, *args, **kwargs):
        sent.extend(actions)
        return answers(len(sent))

    monkeypatch.setattr(engine.helpers, "bulk", bulk)
    assert aggregator().run() == [(1, 0)]
    assert [action["_id"] for action in sent] == [f"B1_F1-{on(3):%Y-%m-%d}"]


def test_objects_can_be_made_before_their_engine_is_there(app):
    """Making them asks nobody anything."""
    nobody = object()
    made = [
        EventsIndexer(StubQueue(), client=nobody, preprocessors=[build_file_unique_id]),
        StatAggregator("a", "file-download", client=nobody, field="unique_id"),
        TermsQuery(name="q", index=TOTALS, client=nobody),
    ]
    assert [created.client for created in made] == [nobody] * 3
