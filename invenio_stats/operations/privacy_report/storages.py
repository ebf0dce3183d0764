"""Look at samples of what is kept, and report what looks like personal data: by field and kind, never itself."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from celery.exceptions import SoftTimeLimitExceeded
from invenio_queues.queue import Queue
from invenio_search.utils import prefix_index

from invenio_stats.broker import queue_depth
from invenio_stats.broker.dead_letters import dead_name
from invenio_stats.broker.messages import events_in
from invenio_stats.broker.outbox import outbox
from invenio_stats.broker.transports.outgoing import Outgoing
from invenio_stats.core import names
from invenio_stats.core.personal_patterns import Kind, count_findings, names_of_fields
from invenio_stats.operations.inventory import Index, indices
from invenio_stats.proxies import current_stats
from invenio_stats.search.client import SearchRequest, search

DOCUMENTS_PER_INDEX = 50
"""Oldest and newest documents that are looked at in each index."""
INDICES_PER_KIND = 10
"""Indices of one kind and event type that are looked at, from the oldest to the newest at equal distances."""
MESSAGES = 25
"""Oldest messages of a queue or spool that are looked at; some brokers count how often a message was."""

_ALLOWED: Mapping[str, Kind] = {"agent": "user_agent"}
"""The user-agent catalog has reduced texts of agents in this field."""


class Storage(NamedTuple):
    """What was found in one storage."""

    storage: str
    looked_at: int
    """Number of documents or messages."""
    fields: list[str]
    """Names of all fields that these have."""
    found: list[dict[str, Any]]
    """Dicts with `field`, `kind` and `number` of the documents."""
    problem: str = ""
    """Why nothing could be looked at: the type of an error, `transport`, or `closed`."""
    oldest: str | None = None
    """When the oldest dead letter was rejected, as far as the broker shows it."""


def look_everywhere(client: Any) -> list[Storage]:
    """Return what was found in all storages; one that cannot be read is told as such."""
    catalog = current_stats.agents_queue.routing_key
    return [
        *_look_at_indices(client),
        *_look_at_queues(),
        _try("spool", partial(_read_spool, lambda queue: queue != catalog)),
        _try(f"spool: {names.AGENTS}", partial(_read_spool, lambda queue: queue == catalog), is_catalog=True),
    ]


def _look_at_indices(client: Any) -> Iterator[Storage]:
    groups: dict[str, list[Index]] = {}
    for index in indices(client):
        groups.setdefault(f"{index.kind} {index.event_type}" if index.event_type else index.kind, []).append(index)
    agents = prefix_index(names.AGENTS)
    closed = _find_closed(client)
    for name, listed in groups.items():
        members = [index for index in listed if index.name not in closed]
        if len(members) < len(listed):
            yield Storage(f"closed indices: {name}", 0, [], [], "closed")
        if not members:
            continue
        is_catalog = any(member.name == agents for member in members)
        yield _try(f"indices: {name}", partial(_read_indices, client, _choose(members)), is_catalog)


def _choose(members: Sequence[Index]) -> list[Index]:
    """Return the oldest index, the newest, and some between: what went wrong for some months is not at the ends."""
    last = len(members) - 1
    numbers = {round(part * last / (INDICES_PER_KIND - 1)) for part in range(INDICES_PER_KIND)}
    return [members[number] for number in sorted(numbers)]


def _find_closed(client: Any) -> set[str]:
    """Return the names of all closed indices of the instance."""
    return set(client.indices.get_alias(index=f"{prefix_index('')}*", expand_wildcards="closed"))


def _read_indices(client: Any, members: Iterable[Index]) -> list[Any]:
    documents = {}
    for index in members:
        for order in ("asc", "desc"):
            by_time = [{"timestamp": {"order": order, "unmapped_type": "date"}}]
            body = {"size": DOCUMENTS_PER_INDEX, "sort": by_time, "query": {"match_all": {}}}
            found = search(SearchRequest(client, index.name, body))
            documents |= {(index.name, hit["_id"]): hit["_source"] for hit in found["hits"]["hits"]}
    return list(documents.values())


def _look_at_queues() -> Iterator[Storage]:
    queues = {event_type: event.queue for event_type, event in current_stats.events.items()}
    for event_type, queue in {**queues, names.AGENTS: current_stats.agents_queue}.items():
        is_catalog = event_type == names.AGENTS
        for storage, name in (("queue", queue.routing_key), ("dead letters", dead_name(queue))):
            if not (is_catalog and storage == "dead letters"):
                found = _try(f"{storage}: {event_type}", partial(_read_queue, queue, name), is_catalog)
                is_dated = storage == "dead letters" and not found.problem
                yield found._replace(oldest=queue_depth.oldest_dead(queue, MESSAGES)) if is_dated else found


def _read_queue(queue: Queue, name: str) -> list[Any] | None:
    payloads = queue_depth.peek(queue, name, MESSAGES)
    return None if payloads is None else [event for payload in payloads for event in events_in(payload)]


def _read_spool(is_wanted: Callable[[str], bool]) -> list[Any]:
    found = (_decode(text) for text in outbox().spool.look(MESSAGES))
    return [event for queue, events in found if is_wanted(queue) for event in events]


def _decode(text: str) -> tuple[str, list[Any]]:
    """Return the queue and the events of a message in the spool; no queue, and a text that is none as it is."""
    try:
        message = Outgoing.from_json(text)
        return message.queue, events_in(json.loads(message.body))
    except (ValueError, TypeError):
        return "", [text]


def _try(storage: str, read: Callable[[], list[Any] | None], is_catalog: bool = False) -> Storage:
    try:
        documents = read()
        findings = count_findings(documents or [], _ALLOWED if is_catalog else {})
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # each client fails in its own way, and a document may be nested too deeply
        return Storage(storage, 0, [], [], type(error).__name__)
    if documents is None:
        return Storage(storage, 0, [], [], "transport")
    fields = sorted({name for document in documents for name in names_of_fields(document)})
    found = [{"field": field, "kind": kind, "number": number} for (field, kind), number in sorted(findings.items())]
    return Storage(storage, len(documents), fields, found)
