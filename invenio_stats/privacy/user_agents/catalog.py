"""Maintain the user-agent catalog, an index of the user agents behind the ids in events, without links to events.

A later reclassification of events needs it. Entries are sent in separate messages, once a day for each user agent and
process.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from invenio_queues.queue import Queue
from invenio_search.utils import prefix_index

from invenio_stats.broker.publish import publish
from invenio_stats.core import mappings, names
from invenio_stats.core.mappings import INDEX_SETTINGS, KEYWORD, Body
from invenio_stats.errors import EngineUnavailableError
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
"""The body of the index, which has one document for each user agent, stored under its id."""


def send(queue: Queue) -> None:
    """Send the user agents seen for the first time today; if that fails, they are sent with the next event."""
    agents = take_noted()
    if not agents:
        return
    today = datetime.now(timezone.utc).date().isoformat()
    try:
        publish(queue, [_entry(agent, today) for agent in agents])
    except Exception as error:  # the event itself is already published, so its request must not fail
        put_back(agents)
        logger.warning("User agents could not be sent to the catalog", extra={"error": type(error).__name__})


def keep(queue: Queue, client: Any) -> int:
    """Store the entries that are on the queue; return their number."""
    from invenio_stats.broker.consume import Inbox  # only workers need it; web processes do not import it

    inbox, stored = Inbox(queue), 0
    while True:
        try:
            entries = [dict(entry) for entry in inbox.consume()]
            _store(client, entries)
            inbox.acknowledge()
            stored += len(entries)
        finally:
            inbox.release()
        if not inbox.has_more:
            return stored


def read_texts(client: Any, agent_ids: Iterable[str]) -> dict[str, str]:
    """Return the reduced texts of those user agents that the catalog has, by id."""
    from invenio_stats.search.multi_get import read  # only administrators ask for it

    refs = [{"_index": prefix_index(names.AGENTS), "_id": agent_id} for agent_id in agent_ids]
    found = read(client, refs) if refs else []
    return {document["_id"]: document["_source"]["agent"] for document in found if document.get("found")}


def _entry(agent: Agent, today: str) -> dict[str, str]:
    return {
        "agent_id": agent.agent_id,
        "agent": agent.text,
        "agent_class": agent.agent_class,
        "lists_version": agent.lists_version,
        "last_seen": today,
    }


def _store(client: Any, entries: list[dict[str, Any]]) -> None:
    from invenio_stats.search.indices import create_index  # only workers need it

    if not entries:
        return
    index = prefix_index(names.AGENTS)
    create_index(client, index, BODY)
    actions: list[Action] = [
        {"_op_type": "index", "_index": index, "_id": entry.pop("agent_id"), "_source": entry} for entry in entries
    ]
    result = store(client, actions)
    if result.blocked:
        raise EngineUnavailableError(f"The user-agent catalog refuses entries ({result.blocked[0].reason}).")
    for entry in result.refused:
        logger.error("A user agent cannot be stored", extra={"agent_id": entry.document_id, "reason": entry.reason})
