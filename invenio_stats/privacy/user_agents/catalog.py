"""Agent dictionary: what an agent's id stands for, in an index of its own that leads to no event.

It is what a later reclassification works from. Entries travel alone, in messages of their own, once a day for each
agent and process.
"""

import logging
from datetime import datetime, timezone
from typing import Any

from invenio_queues.queue import Queue
from invenio_search.utils import prefix_index

from invenio_stats.broker.publish import publish
from invenio_stats.core import mappings, names
from invenio_stats.core.mappings import INDEX_SETTINGS, KEYWORD, Body
from invenio_stats.privacy.user_agents.cache import Agent, put_back, take_noted
from invenio_stats.search.bulk import Action, store

logger = logging.getLogger(__name__)

BODY: Body = {
    "settings": INDEX_SETTINGS,
    "mappings": mappings.mappings(
        {
            "agent": {"type": "keyword", "ignore_above": 1000},
            "agent_class": KEYWORD,
            "lists_version": KEYWORD,
            "last_seen": {"type": "date", "format": "strict_date"},
        }
    ),
}
"""The index: one document for each agent, under the agent's id."""


def send(queue: Queue) -> None:
    """Send the agents that were met for the first time today; what cannot be sent goes with the next event."""
    agents = take_noted()
    if not agents:
        return
    today = datetime.now(timezone.utc).date().isoformat()
    try:
        publish(queue, [_entry(agent, today) for agent in agents])
    except Exception as error:  # the event they came with is on its way; its request must not fail for them
        put_back(agents)
        logger.warning("Agents could not be sent to the dictionary", extra={"error": type(error).__name__})


def keep(queue: Queue, client: Any) -> int:
    """Store the entries that wait on the queue; return how many there were."""
    from invenio_stats.broker.consume import Inbox  # a worker's: no web process pays for it

    inbox, kept = Inbox(queue), 0
    while True:
        try:
            entries = [dict(entry) for entry in inbox.consume()]
            _store(client, entries)
            inbox.acknowledge()
            kept += len(entries)
        finally:
            inbox.release()
        if not inbox.has_more:
            return kept


def _entry(agent: Agent, today: str) -> dict[str, str]:
    return {
        "agent_id": agent.agent_id,
        "agent": agent.text,
        "agent_class": agent.agent_class,
        "lists_version": agent.lists_version,
        "last_seen": today,
    }


def _store(client: Any, entries: list[dict[str, Any]]) -> None:
    from invenio_stats.search.indices import create_index  # a worker's, too

    if not entries:
        return
    index = prefix_index(names.AGENTS)
    create_index(client, index, BODY)
    actions: list[Action] = [
        {"_op_type": "index", "_index": index, "_id": entry.pop("agent_id"), "_source": entry} for entry in entries
    ]
    _stored, refused = store(client, actions)
    for one in refused:
        logger.error("An agent cannot be kept", extra={"agent_id": one.document_id, "reason": one.reason})
