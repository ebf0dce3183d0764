"""Contract, easy to break: test suites replace the configuration dicts after the application was built."""

import copy

import pytest

from invenio_stats import current_stats
from invenio_stats.aggregations import StatAggregator
from invenio_stats.errors import ConfigurationError
from invenio_stats.ext import finalize_app
from invenio_stats.processors import EventsIndexer
from invenio_stats.queries import TermsQuery


@pytest.fixture
def replace(app, monkeypatch):
    """Return `replace(setting, value)`: another object stands in the configuration until the end of the test."""
    return lambda setting, value: monkeypatch.setitem(app.config, setting, value)


def test_another_dict_of_events_is_parsed_at_its_first_use(app, queues, replace):
    before = current_stats.events
    assert "opened" not in before
    replace("STATS_EVENTS", {"opened": {"cls": EventsIndexer, "event_builders": [lambda event, sender: None]}})
    assert list(current_stats.events) == ["opened"]
    assert current_stats.events["opened"].queue.routing_key == "stats-opened"
    assert current_stats.get_event_emitter("opened").name == "opened"
    assert current_stats.get_event_emitter("file-download") is None
    assert current_stats.events is current_stats.events


def test_an_event_type_that_came_later_is_published_and_processed(app, queues, replace, search_client, refresh):
    replace("STATS_EVENTS", {"opened": {"cls": EventsIndexer, "params": {"preprocessors": []}}})
    current_stats.events["opened"].queue.queue.declare()
    current_stats.publish("opened", [{"timestamp": "2026-03-10T10:00:00", "unique_id": "x"}])
    definition = current_stats.events["opened"]
    assert definition.cls(**definition.params).run() == (1, 0)


def test_another_dict_of_aggregations_is_parsed_at_its_first_use(app, replace):
    assert "own" not in current_stats.aggregations
    params = {"event": "record-view", "field": "unique_id"}
    replace("STATS_AGGREGATIONS", {"own": {"cls": StatAggregator, "params": params}})
    assert list(current_stats.aggregations) == ["own"]


def test_another_dict_of_queries_is_parsed_at_its_first_use(app, replace):
    first = current_stats.get_query("bucket-file-download-total")
    replace("STATS_QUERIES", copy.deepcopy(app.config["STATS_QUERIES"]))
    second = current_stats.get_query("bucket-file-download-total")
    assert second is not first
    assert second is current_stats.get_query("bucket-file-download-total")
    replace("STATS_QUERIES", {"own": {"cls": TermsQuery, "params": {"index": "stats-record-view"}}})
    assert list(current_stats.queries) == ["own"]
    with pytest.raises(KeyError):
        current_stats.get_query("bucket-file-download-total")


def test_another_permission_factory_is_asked(app, replace):
    replace("STATS_PERMISSION_FACTORY", factory := lambda name, params: None)
    assert current_stats.permission_factory is factory


def test_when_the_dict_is_put_back_so_is_what_it_says(app, monkeypatch):
    before = list(current_stats.events)
    with monkeypatch.context() as patch:
        patch.setitem(app.config, "STATS_EVENTS", {})
        assert not current_stats.events
    assert list(current_stats.events) == before


def test_what_finalize_app_checked_does_not_outlive_a_replaced_dict(app, replace):
    finalize_app(app)
    replace("STATS_AGGREGATIONS", {"own": {"params": {}}})
    with pytest.raises(ConfigurationError, match=r"STATS_AGGREGATIONS\['own'\] has no 'cls'"):
        current_stats.aggregations  # noqa: B018
    with pytest.raises(ConfigurationError, match=r"STATS_AGGREGATIONS\['own'\] has no 'cls'"):
        finalize_app(app)
