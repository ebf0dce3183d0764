"""The user-agent catalog holds each user agent once; events of robots and machines are automated traffic."""

import pytest

from invenio_stats.broker import queue_depth
from invenio_stats.privacy.user_agents import cache
from invenio_stats.proxies import current_stats
from invenio_stats.tasks import aggregate_events, process_events
from tests.flow.test_processors import BROWSER, download

ROBOT = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"
AI = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"
CURL = "curl/8.5.0"


@pytest.fixture
def new_process(app, queues, monkeypatch):
    """Begin as a process that has met no agent yet, with no entries waiting to be sent to the catalog."""
    if queue_depth.depth(current_stats.agents_queue):
        assert list(current_stats.agents_queue.consume())
    monkeypatch.setattr(cache, "_noted", {})
    monkeypatch.setattr(cache, "_waiting", {})


@pytest.fixture
def entries(search_client, refresh, index_prefix):
    """Return the documents of the catalog by id."""

    def search():
        refresh()
        hits = search_client.search(index=f"{index_prefix}stats-agents", ignore_unavailable=True)["hits"]["hits"]
        return {hit["_id"]: hit["_source"] for hit in hits}

    return search


def test_an_agent_is_sent_once_and_alone(app, queues, put_templates, new_process, entries, stored_events):
    for _ in range(3):
        current_stats.publish("file-download", [download(), download(file_id="G", user_agent=CURL)])
    assert sum(1 for _ in current_stats.agents_queue.consume()) == 2, "one message for each agent"
    cache._noted.clear()
    current_stats.publish("file-download", [download()])
    process_events(["file-download"])
    ((agent_id, entry),) = entries().items()
    assert entry == {
        **entry,
        "agent_class": "browser",
        "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:126) Gecko/20100101 Firefox/126",
    }
    assert set(entry) == {"agent", "agent_class", "lists_version", "last_seen"}
    assert agent_id in {event["agent_id"] for event in stored_events()}


def test_a_catalog_that_is_not_available_costs_nothing(app, queues, new_process, monkeypatch, caplog):
    def away(*args, **kwargs):
        raise ConnectionError("amqp://user:secret@example.org")

    monkeypatch.setattr("invenio_stats.privacy.user_agents.catalog.publish", away)
    current_stats.publish("file-download", [download()])
    assert "User agents could not be sent to the catalog" in caplog.text
    assert "secret" not in caplog.text
    assert len(list(current_stats.consume("file-download"))) == 1
    assert cache.take_noted(), "it is sent with the next event"


@pytest.fixture
def stored_events(search_client, refresh, index_prefix):
    def search():
        refresh()
        hits = search_client.search(index=f"{index_prefix}events-stats-file-download", body={"size": 100})["hits"][
            "hits"
        ]
        return [hit["_source"] for hit in hits]

    return search


def test_robots_ai_and_machines_are_counted_as_automated_traffic(
    app, queues, put_templates, search_client, refresh, index_prefix
):
    agents = [BROWSER, ROBOT, ROBOT, AI, CURL]
    current_stats.publish("file-download", [download(file_id=str(n), user_agent=a) for n, a in enumerate(agents)])
    process_events(["file-download"])
    refresh()
    aggregate_events(["file-download-agg"])
    refresh()

    def totals(alias, key):
        hits = search_client.search(index=f"{index_prefix}{alias}")["hits"]["hits"]
        return {hit["_source"][key]: hit["_source"]["count"] for hit in hits}

    assert totals("stats-automated-file-download", "agent_class") == {"robot": 2, "ai": 1, "machine": 1}
    assert totals("stats-file-download", "unique_id") == {"B_0": 1}, "people's totals know nothing of it"
    (index,) = search_client.indices.get(index=f"{index_prefix}stats-automated-file-download")
    aliases = search_client.indices.get_alias(index=index)[index]["aliases"]
    assert list(aliases) == [f"{index_prefix}stats-automated-file-download"]
