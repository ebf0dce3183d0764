"""Ingest counters: how many events a day were dropped, folded or buried, and why; nothing of any visitor."""

import random
import time
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.mappings import INDEX_SETTINGS, KEYWORD, Body
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.indices import create_index
from invenio_stats.search.scanning import scan

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
_LONGEST_PAUSE = 0.05
"""Seconds, so that workers which count at the same time do not meet again at once."""


class Line(NamedTuple):
    """One counter."""

    day: date
    event_type: str
    reason: str
    count: int


def count(client: Any, event_type: str, day: date, reasons: Mapping[str, int]) -> None:
    """Add to the counters of a day; several workers may do so at once.

    A run that dies between storing and counting is not in them: they tell an operator what happens to events, and are
    no part of any total. EngineUnavailableError when others are quicker again and again.
    """
    waiting = {reason: number for reason, number in reasons.items() if number}
    if not waiting:
        return
    for _attempt in range(_ATTEMPTS):
        waiting = _add(client, event_type, day, waiting)
        if not waiting:
            return
        time.sleep(random.uniform(0, _LONGEST_PAUSE))
    raise EngineUnavailableError(
        f"The counters of {event_type!r} are in use by others; {len(waiting)} are not written."
    )


def lines(client: Any, first: date, last: date, event_types: Collection[str] | None = None) -> list[Line]:
    """Return the counters from one day to another, both included, in order; of all event types unless some are named.

    Old ones too: they hold nothing of anybody, and are kept.
    """
    index = prefix_index(names.INGEST)
    query: dict[str, Any] = {"bool": {"filter": [_days(first, last)]}}
    if event_types is not None:
        query["bool"]["filter"].append({"terms": {"event_type": sorted(event_types)}})
    try:
        client.indices.refresh(index=index)
        found = [source for _id, source in scan(client, index, query)]
    except search.exceptions.NotFoundError:
        return []  # nothing was ever counted
    return sorted(
        Line(date.fromisoformat(one["date"]), one["event_type"], one["reason"], one["count"]) for one in found
    )


def read(client: Any, first: date, last: date) -> dict[str, dict[str, int]]:
    """Return how many events there were from one day to another, by event type and reason."""
    found: dict[str, dict[str, int]] = {}
    for line in lines(client, first, last):
        reasons = found.setdefault(line.event_type, {})
        reasons[line.reason] = reasons.get(line.reason, 0) + line.count
    return found


def _days(first: date, last: date) -> dict[str, Any]:
    return {"range": {"date": {"gte": first.isoformat(), "lte": last.isoformat()}}}


def _add(client: Any, event_type: str, day: date, reasons: Mapping[str, int]) -> dict[str, int]:
    """Write the counters as they were a moment ago, and more; return those that somebody else has written meanwhile."""
    index = prefix_index(names.INGEST)
    ids = {reason: f"{day.isoformat()}:{event_type}:{reason}" for reason in reasons}
    places = [{"_index": index, "_id": document_id} for document_id in ids.values()]
    documents = client.mget(body={"docs": places})["docs"]
    if any("error" in document for document in documents):
        create_index(client, index, BODY)  # what else is wrong, the next request says
    body: list[dict[str, Any]] = []
    for (reason, document_id), document in zip(ids.items(), documents, strict=True):
        source = {"date": day.isoformat(), "event_type": event_type, "reason": reason, "count": reasons[reason]}
        place: dict[str, Any] = {"_index": index, "_id": document_id}
        if document.get("found"):
            place |= {"if_seq_no": document["_seq_no"], "if_primary_term": document["_primary_term"]}
            source["count"] += document["_source"]["count"]
        body += [{"index" if document.get("found") else "create": place}, source]
    items = client.bulk(body=body)["items"]
    outcomes = [next(iter(item.values()))["status"] for item in items]
    broken = [status for status in outcomes if status not in (200, 201, 409, 429)]
    if broken:
        raise search.exceptions.TransportError(broken[0], "ingest counters")
    return {reason: reasons[reason] for reason, status in zip(ids, outcomes, strict=True) if status in (409, 429)}
