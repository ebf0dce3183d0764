"""What another program has put on the queue of the user-agent catalog stops no user agent, and is not kept."""

import pytest
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.privacy.user_agents import catalog
from invenio_stats.proxies import current_stats
from tests.fixtures.services import empty

GOOD = {
    "agent_id": "0" * 32,
    "agent": "Firefox/126",
    "agent_class": "browser",
    "lists_version": "v",
    "last_seen": "2026-01-31",
}


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("text", id="text"),
        pytest.param(["text"], id="list"),
        pytest.param(None, id="null"),
        pytest.param({}, id="empty"),
        pytest.param({**GOOD, "agent_id": None}, id="no id"),
        pytest.param({**GOOD, "agent_id": "x" * 600}, id="long id"),
        pytest.param({**GOOD, "agent": "x" * 100_000}, id="long text"),
        pytest.param({**GOOD, "agent": "\ud800"}, id="half a character"),
        pytest.param({**GOOD, "agent": {"a": "b"}}, id="object"),
        pytest.param({**GOOD, "last_seen": "2026-02-30"}, id="no day"),
        pytest.param({**GOOD, "ip_address": "192.0.2.1"}, id="another field"),
        pytest.param({name: value for name, value in GOOD.items() if name != "agent"}, id="missing field"),
    ],
)
def test_what_is_no_entry_stops_nothing(queues, broker_url, search_client, entry):
    empty(broker_url, [current_stats.agents_queue])  # which also declares it
    current_stats.agents_queue.publish([entry, GOOD])
    assert catalog.keep(current_stats.agents_queue, search_client) == 1
    index = prefix_index(names.AGENTS)
    search_client.indices.refresh(index=index)
    assert [hit["_id"] for hit in search_client.search(index=index)["hits"]["hits"]] == [GOOD["agent_id"]]
