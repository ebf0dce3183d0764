"""Searches are counted one by one, without what was searched for."""

from datetime import datetime, timezone

import pytest
from flask import current_app, request

from invenio_stats.contrib.config import SEARCH_EVENTS
from invenio_stats.contrib.signals import search_executed
from invenio_stats.declare import event_type, stamp
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import process_events
from tests.flow.test_processors import BROWSER

OWN = event_type(
    "search-made",
    builders=[lambda event, sender_app, **kwargs: {**event, "query": "moths", **stamp()}],
    unique_id="{query}",
)


@pytest.fixture(scope="module")
def app_config(app_config, events_config):
    customers = [{"customer_id": "campus", "name": "Campus", "ranges": ["192.0.2.0/24"]}]
    return {
        **app_config,
        "STATS_EVENTS": {**events_config, **SEARCH_EVENTS, **OWN.events},
        "STATS_COUNTER_CUSTOMERS": customers,
        "STATS_COUNTER_TDM": lambda asked: "mining" in asked.args,
    }


@pytest.fixture(scope="module")
def base_app(base_app):
    """The application with a search page."""

    @base_app.route("/search")
    def search():
        pages = {"search_page": request.args["page"]} if "page" in request.args else {}
        search_executed.send(current_app._get_current_object(), **pages)
        current_stats.get_event_emitter("search-made")(current_app._get_current_object())
        return "results", int(request.args.get("status", 200))

    return base_app


@pytest.fixture
def stored(base_app, queues, put_templates, refresh, search_client, index_prefix):
    """Return a function that asks for pages, and returns the events of searches that are stored then."""

    def ask(*paths, agent=BROWSER):
        for path in paths:
            environ = {"REMOTE_ADDR": "192.0.2.1"}
            base_app.test_client().get(path, headers={"User-Agent": agent}, environ_base=environ)
        process_events(["search", "search-made"])
        refresh()
        hits = search_client.search(index=f"{index_prefix}events-stats-search", ignore_unavailable=True)["hits"]["hits"]
        return [hit["_source"] for hit in hits]

    return ask


def test_a_search_is_stored_without_its_query(stored):
    (event,) = stored("/search?q=my+illness")
    assert event["search_page"] == "search"
    assert event["unique_id"] == event["event_id"]
    assert (event["institution"], event["country"], event["agent_class"]) == ("campus", None, "browser")
    assert "item_id" not in event
    assert "illness" not in str(event)


def test_two_searches_in_one_second_are_two(stored):
    """Nor is any of them a double click."""
    events = stored("/search?q=bees", "/search?q=bees", "/search?q=bees&page=communities")
    assert sorted(event["search_page"] for event in events) == ["communities", "search", "search"]


def test_a_search_that_was_published_twice_is_one(stored):
    moment = datetime.now(timezone.utc).isoformat()
    event = {"timestamp": moment, "search_page": "search", "event_id": "of a log"}
    current_stats.publish("search", [dict(event), dict(event)])
    (found,) = stored()
    assert found["unique_id"] == "of a log"


def test_a_search_that_failed_is_none(stored):
    assert stored("/search?status=500") == []


def test_a_robots_search_is_flagged_and_that_of_a_miner_has_its_method(stored):
    (event,) = stored("/search?mining=1", agent="curl/8.5.0")
    assert (event["is_robot"], event["is_machine"], event["access_method"]) == (True, True, "TDM")


def test_a_type_whose_name_begins_alike_is_not_mixed_in(stored, search_client, index_prefix):
    assert len(stored("/search")) == 1
    assert search_client.count(index=f"{index_prefix}events-stats-search-made")["count"] == 1
