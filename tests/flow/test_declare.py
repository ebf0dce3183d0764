"""A declared event type goes the whole way, without a template or a mapping written by hand."""

from contextvars import Context

import pytest
from blinker import Namespace

from invenio_stats.declare import event_type, stamp, sum_of, unique
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import aggregate_events, process_events
from tests.flow.test_processors import BROWSER

search_made = Namespace().signal("search-made")


def search_event_builder(event, sender_app, query=None, hits=0, **kwargs):
    """Describe one search."""
    event.update(query=query, hits=hits, **stamp())
    return event


SEARCHES = event_type(
    "search-made",
    signal=search_made,
    builders=[search_event_builder],
    unique_id="{query}",
    keep=["query"],
    metrics={"hits": sum_of("hits"), "different_hits": unique("hits")},
)


@pytest.fixture(scope="module")
def app_config(app_config):
    return {
        **app_config,
        "STATS_EVENTS": SEARCHES.events,
        "STATS_AGGREGATIONS": SEARCHES.aggregations,
        "STATS_QUERIES": SEARCHES.queries,
    }


@pytest.fixture
def searched(app, queues, search_client, refresh):
    """Three searches by two people, sent, stored and counted."""
    for address, query, hits in (("192.0.2.1", "bees", 3), ("192.0.2.2", "bees", 4), ("192.0.2.1", "x" * 9000, 1)):
        with app.test_request_context("/", environ_base={"REMOTE_ADDR": address, "HTTP_USER_AGENT": BROWSER}):
            search_made.send(app, query=query, hits=hits)
    assert process_events(["search-made"]) == [("search-made", (3, 0))]
    refresh()
    (intervals,) = aggregate_events(["search-made-agg"])
    assert [failed for _, failed in intervals] == [0]
    refresh()


def test_its_totals_answer_its_queries(searched):
    answer = current_stats.get_query("search-made-total").run()
    (bees,) = (bucket for bucket in answer["buckets"] if bucket["key"] == "bees")
    assert (bees["count"], bees["unique_count"], bees["hits"], bees["different_hits"]) == (2, 2, 7, 2)

    (bees_only,) = current_stats.get_query("search-made-total").run(query="bees")["buckets"]
    assert bees_only == bees

    answer = current_stats.get_query("search-made-histogram").run(unique_id="bees", interval="year")
    assert [(bucket["count"], bucket["hits"]) for bucket in answer["buckets"]] == [(2, 7)]


def test_what_a_job_publishes_without_a_request_counts_and_is_no_unique_visitor(app, queues, search_client, refresh):
    """`stamp()` gives no visitor then; nobody is not a robot for having no agent."""

    def job():
        with app.app_context():
            current_stats.publish("search-made", [search_event_builder({}, app, "ants", 2) for _ in range(5)])

    Context().run(job)  # pytest-flask has pushed a request in the current one
    assert process_events(["search-made"]) == [("search-made", (5, 0))]
    refresh()
    aggregate_events(["search-made-agg"])
    refresh()
    (ants,) = current_stats.get_query("search-made-total").run()["buckets"]
    assert (ants["key"], ants["count"], ants["unique_count"], ants["hits"]) == ("ants", 5, 0, 10)


def test_its_indices_are_mapped_as_declared(searched, search_client, index_prefix):
    for alias, fields in (
        ("events-stats-search-made", {"query": "keyword", "hits": "double", "superseded": "boolean"}),
        ("stats-search-made", {"query": "keyword", "hits": "double", "unique_count": "integer"}),
    ):
        (body,) = search_client.indices.get(index=f"{index_prefix}{alias}").values()
        types = {name: field["type"] for name, field in body["mappings"]["properties"].items()}
        assert fields.items() <= types.items()
        assert body["mappings"]["dynamic"] in (False, "false")


def test_a_long_value_does_not_stop_its_total(searched, search_client, index_prefix):
    """Document ids and keywords have a greatest length in the engine."""
    assert search_client.count(index=f"{index_prefix}stats-search-made")["count"] == 2
