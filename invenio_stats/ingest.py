"""Ingest counters: how many events a day were dropped, folded or buried, and why; nothing of any visitor."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.mappings import INDEX_SETTINGS, KEYWORD, Body
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.indices import create_index

BODY: Body = {
    "settings": INDEX_SETTINGS,
    "mappings": mappings.mappings(
        {
            "date": {"type": "date", "format": "strict_date"},
            "event_type": KEYWORD,
            "reason": KEYWORD,
            "count": {"type": "long"},
        }
    ),
}
"""The index: one document for each day, event type and reason."""

_ATTEMPTS = 20
_MOST = 10_000


def count(client: Any, event_type: str, day: date, reasons: Mapping[str, int]) -> None:
    """Add to the counters of a day; several workers may do so at once.

    A run that dies between storing and counting is not in them: they tell an operator what happens to events, and are
    no part of any total. EngineUnavailableError when others are quicker again and again.
    """
    waiting = {reason: number for reason, number in reasons.items() if number}
    if not waiting:
        return
    index = prefix_index(names.INGEST)
    create_index(client, index, BODY)
    for _attempt in range(_ATTEMPTS):
        waiting = _add(client, index, event_type, day, waiting)
        if not waiting:
            return
    raise EngineUnavailableError(
        f"The counters of {event_type!r} are in use by others; {len(waiting)} are not written."
    )


def read(client: Any, first: date, last: date) -> dict[str, dict[str, int]]:
    """Return how many events there were from one day to another, by event type and reason."""
    body = {"size": _MOST, "query": {"range": {"date": {"gte": first.isoformat(), "lte": last.isoformat()}}}}
    index = prefix_index(names.INGEST)
    client.indices.refresh(index=index, ignore_unavailable=True)
    found: dict[str, dict[str, int]] = {}
    for hit in client.search(index=index, body=body, ignore_unavailable=True)["hits"]["hits"]:
        one = hit["_source"]
        reasons = found.setdefault(one["event_type"], {})
        reasons[one["reason"]] = reasons.get(one["reason"], 0) + one["count"]
    return found


def _add(client: Any, index: str, event_type: str, day: date, reasons: Mapping[str, int]) -> dict[str, int]:
    """Write the counters as they were a moment ago, and more; return those that somebody else has written meanwhile."""
    ids = {reason: f"{day.isoformat()}:{event_type}:{reason}" for reason in reasons}
    places = [{"_index": index, "_id": document_id} for document_id in ids.values()]
    documents = client.mget(body={"docs": places})["docs"]
    lines: list[dict[str, Any]] = []
    for (reason, document_id), document in zip(ids.items(), documents, strict=True):
        place: dict[str, Any] = {"_index": index, "_id": document_id}
        before = 0
        if document.get("found"):
            before = document["_source"]["count"]
            place |= {"if_seq_no": document["_seq_no"], "if_primary_term": document["_primary_term"]}
        source = {"date": day.isoformat(), "event_type": event_type, "reason": reason}
        lines += [{"index" if before else "create": place}, {**source, "count": before + reasons[reason]}]
    items = client.bulk(body=lines)["items"]
    outcomes = [next(iter(item.values()))["status"] for item in items]
    broken = [status for status in outcomes if status not in (200, 201, 409)]
    if broken:
        raise search.exceptions.TransportError(broken[0], "ingest counters")
    return {reason: reasons[reason] for reason, status in zip(ids, outcomes, strict=True) if status == 409}
