"""Maintain the user-agent catalog, an index of the user agents behind the ids in events, without links to events.

A later reclassification of events needs it. Entries are sent in separate messages, once a day for each user agent and
process.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from flask import current_app
from invenio_queues.queue import Queue
from invenio_search.utils import prefix_index

from invenio_stats.broker.publish import publish
from invenio_stats.core import mappings, names
from invenio_stats.core.mappings import INDEX_SETTINGS, KEYWORD, Body
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.privacy.user_agents.cache import Agent, put_back, take_noted
from invenio_stats.search.bulk import Action, Stored, store

logger = logging.getLogger(__name__)

_ADDED = {"seen_again": mappings.FLAG, "whole_class": mappings.STORED, "reduced_class": mappings.STORED}
"""Fields that the index of an older release lacks."""

_FIELDS = {"agent_id", "agent", "agent_class", "lists_version", "last_seen"}
_MORE_FIELDS = {"whole_class", "reduced_class"}
"""Both, or none of them."""
_LONGEST_ID_BYTES, _MOST_BYTES = 64, 4_000
"""Of an entry: its id has 32 characters, and its text at most 300."""

_DAYS_OF_GRACE = 30
"""Days after which an agent that was seen on one day only makes room for others, if the catalog is full."""

BODY: Body = {
    "settings": INDEX_SETTINGS,
    "mappings": mappings.mappings(
        {
            "agent": {"type": "keyword", "ignore_above": 1000},
            "agent_class": KEYWORD,
            "lists_version": KEYWORD,
            "last_seen": {"type": "date", "format": "strict_date"},
            **_ADDED,
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
            entries = [dict(entry) for entry in inbox.consume() if _is_entry(entry)]
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
    texts = {document["_id"]: document["_source"].get("agent") for document in found if document.get("found")}
    return {agent_id: text for agent_id, text in texts.items() if isinstance(text, str)}


def _entry(agent: Agent, today: str) -> dict[str, str]:
    entry = {
        "agent_id": agent.agent_id,
        "agent": agent.text,
        "agent_class": agent.agent_class,
        "lists_version": agent.lists_version,
        "last_seen": today,
    }
    if agent.reduced_class is not None:
        entry |= {"whole_class": agent.agent_class, "reduced_class": agent.reduced_class}
    return entry


def _is_entry(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry has the form of ours: what another program has put there must stop no other."""
    texts = list(entry.values())
    has_form = entry.keys() in (_FIELDS, _FIELDS | _MORE_FIELDS) and all(isinstance(text, str) for text in texts)
    if not has_form:
        return False
    try:
        date.fromisoformat(entry["last_seen"])
        return len(entry["agent_id"].encode()) <= _LONGEST_ID_BYTES and len("".join(texts).encode()) <= _MOST_BYTES
    except ValueError:  # no day, or text that has no UTF-8
        return False


def purge(client: Any, before: date) -> int:
    """Delete the user agents that were last seen before a day; return how many."""
    return _delete(client, _last_seen(before))


def count_unseen(client: Any, before: date) -> int:
    """Return the number of user agents that were last seen before a day."""
    found = client.count(index=prefix_index(names.AGENTS), body={"query": _last_seen(before)}, ignore_unavailable=True)
    return int(found["count"])


def _last_seen(before: date) -> dict[str, Any]:
    return {"range": {"last_seen": {"lt": before.isoformat()}}}


def _store(client: Any, entries: list[dict[str, Any]]) -> None:
    from invenio_stats.search.indices import add_fields, create_index  # only workers need it

    if not entries:
        return
    index = prefix_index(names.AGENTS)
    if not create_index(client, index, BODY):
        add_fields(client, index, _ADDED)
    actions: list[Action] = [
        {"_op_type": "index", "_index": index, "_id": entry.pop("agent_id"), "_source": entry}
        for entry in _with_room(client, entries)
    ]
    result = store(client, actions) if actions else Stored(0, [], [])
    if result.blocked:
        raise EngineUnavailableError(f"The user-agent catalog refuses entries ({result.blocked[0].reason}).")
    for refused in result.refused:
        logger.error("A user agent cannot be stored", extra={"agent_id": refused.document_id, "reason": refused.reason})


def _with_room(client: Any, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries that are in the catalog already, and as many of the others as it has room for."""
    from invenio_stats.search.multi_get import read  # only workers need it

    index = prefix_index(names.AGENTS)
    by_id = {entry["agent_id"]: entry for entry in entries}
    found = {document["_id"]: document for document in read(client, [{"_index": index, "_id": id_} for id_ in by_id])}
    known = {id_: found[id_]["_source"] for id_ in by_id if found[id_].get("found")}
    for id_, source in known.items():
        if source.get("seen_again") or source.get("last_seen") != by_id[id_]["last_seen"]:
            by_id[id_]["seen_again"] = True
    new = [entry for id_, entry in by_id.items() if id_ not in known]
    room = _find_room(client) if new else 0
    if room < len(new):
        day = date.fromisoformat(new[0]["last_seen"]) - timedelta(days=_DAYS_OF_GRACE)
        seen_once = {"bool": {"must_not": [{"term": {"seen_again": True}}]}}
        room += _delete(client, {"bool": {"filter": [seen_once, {"range": {"last_seen": {"lt": day.isoformat()}}}]}})
    if room < len(new):
        logger.warning("The user-agent catalog is full", extra={"left_out": len(new) - room})
    return [by_id[id_] for id_ in known] + new[:room]


def _find_room(client: Any) -> int:
    """Return how many entries the catalog can take."""
    number = client.count(index=prefix_index(names.AGENTS), ignore_unavailable=True)["count"]
    return max(0, int(current_app.config["STATS_AGENTS_MAX"]) - int(number))


def _delete(client: Any, query: Mapping[str, Any]) -> int:
    answer = client.delete_by_query(
        index=prefix_index(names.AGENTS),
        body={"query": query},
        conflicts="proceed",  # an agent that was seen meanwhile stays
        refresh=True,
        ignore_unavailable=True,
    )
    return int(answer["deleted"])
