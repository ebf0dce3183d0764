"""Count the events that were dropped, folded or rejected by day and reason, without data of any visitor."""

import random
import time
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.mappings import INDEX_SETTINGS, KEYWORD, Body
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.indices import create_index
from invenio_stats.search.scan import scan

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
"""The body of the index, with one document for each day, event type and reason (for refused events, also spool)."""

_MAX_ATTEMPTS = 20
_MAX_PAUSE_SECONDS = 0.05
"""Upper bound of the random pause before a retry, so that workers do not conflict again at once."""


class Line(NamedTuple):
    """The number of events of one day, event type and reason."""

    day: date
    event_type: str
    reason: str
    count: int


class _StoredCount(NamedTuple):
    """A stored counter with its version, which must be unchanged when the counter is written again."""

    count: int
    guard: Mapping[str, int]


class Counters:
    """The counters of one event type in one run: read when first needed, then written with one request for each batch.

    Several workers may count at the same time. The counters inform operators and are not part of any total.
    """

    def __init__(self, client: Any, event_type: str):
        """Take the client and the event type; nothing is read yet."""
        self._client = client
        self._event_type = event_type
        self._waiting: Counter[tuple[date, str]] = Counter()
        self._known: dict[tuple[date, str], _StoredCount | None] = {}

    def add(self, day: date, reasons: Mapping[str, int]) -> None:
        """Add to the counters of a day; no request is sent if there is nothing to add.

        EngineUnavailableError if every attempt conflicts with other workers or the engine is busy; the next call then
        writes the rest. After any other error it is unknown what was written, so the numbers are not written again.
        """
        self._waiting += Counter({(day, reason): number for reason, number in reasons.items()})  # only numbers above 0
        for attempt in range(_MAX_ATTEMPTS):
            if not self._waiting:
                return
            if attempt:
                time.sleep(random.uniform(0, _MAX_PAUSE_SECONDS))
            try:
                self._write()
            except Exception:
                self._waiting.clear()
                self._known.clear()
                raise
        if self._waiting:
            raise EngineUnavailableError(
                f"Other workers keep changing the counters of {self._event_type!r}; {len(self._waiting)} are unwritten."
            )

    def _write(self) -> None:
        """Write the increased counters; one that another worker has changed stays, and is read again."""
        self._read([key for key in self._waiting if key not in self._known])
        body: list[dict[str, Any]] = []
        counts = {key: self._count(key) + number for key, number in self._waiting.items()}
        for key, number in counts.items():
            known = self._known[key]
            target = {"_index": prefix_index(names.INGEST), "_id": self._id(key), **(known.guard if known else {})}
            source = _source(Line(key[0], self._event_type, key[1], number))
            body += [{"index" if known else "create": target}, source]
        items = [next(iter(item.values())) for item in self._client.bulk(body=body)["items"]]
        for (key, number), item in zip(counts.items(), items, strict=True):
            if item["status"] in (200, 201):
                self._known[key] = _StoredCount(number, _guard(item))
                del self._waiting[key]
            elif item["status"] == 409:
                del self._known[key]
            elif item["status"] != 429:
                raise search.exceptions.TransportError(item["status"], "ingest counters")

    def _read(self, keys: list[tuple[date, str]]) -> None:
        if not keys:
            return
        index = prefix_index(names.INGEST)
        documents = self._client.mget(body={"docs": [{"_index": index, "_id": self._id(key)} for key in keys]})["docs"]
        if any("error" in document for document in documents):
            create_index(self._client, index, BODY)  # any other error will also fail the next request
        for key, document in zip(keys, documents, strict=True):
            self._known[key] = (
                _StoredCount(document["_source"]["count"], _guard(document)) if document.get("found") else None
            )

    def _count(self, key: tuple[date, str]) -> int:
        known = self._known[key]
        return known.count if known else 0

    def _id(self, key: tuple[date, str]) -> str:
        return _id(key[0], self._event_type, key[1])


def _id(day: date, event_type: str, reason: str) -> str:
    return f"{day.isoformat()}:{event_type}:{reason}"


def _source(line: Line) -> dict[str, Any]:
    return {"date": line.day.isoformat(), "event_type": line.event_type, "reason": line.reason, "count": line.count}


def _guard(document: Mapping[str, Any]) -> dict[str, int]:
    return {"if_seq_no": document["_seq_no"], "if_primary_term": document["_primary_term"]}


def keep(client: Any, keeper: str, lines: Collection[Line]) -> None:
    """Write counters that their keeper only increases, each with its full value, so that a repeated write is harmless.

    Every keeper has its own documents. The larger number stays, in whatever order they are written.
    """
    create_index(client, prefix_index(names.INGEST), BODY)
    body: list[dict[str, Any]] = []
    for line in lines:
        target = {"_index": prefix_index(names.INGEST), "_id": f"{_id(*line[:3])}:{keeper}"}
        body.append({"index": {**target, "version": line.count, "version_type": "external_gte"}})
        body.append(_source(line))
    statuses = [item["index"]["status"] for item in client.bulk(body=body)["items"]]
    failed = [status for status in statuses if status not in (200, 201, 409)]
    if failed:
        raise search.exceptions.TransportError(failed[0], "ingest counters")


def lines(client: Any, first: date, last: date, event_types: Collection[str] | None = None) -> list[Line]:
    """Return the counters from one day to another, inclusive, in order; of all event types if `event_types` is None.

    Counters contain no personal data and are kept without limit.
    """
    index = prefix_index(names.INGEST)
    query: dict[str, Any] = {"bool": {"filter": [_days(first, last)]}}
    if event_types is not None:
        query["bool"]["filter"].append({"terms": {"event_type": sorted(event_types)}})
    try:
        client.indices.refresh(index=index)
        sources = [source for _id, source in scan(client, index, query)]
    except search.exceptions.NotFoundError:
        return []  # nothing has been counted yet
    counts: Counter[tuple[date, str, str]] = Counter()
    for source in sources:
        counts[date.fromisoformat(source["date"]), source["event_type"], source["reason"]] += source["count"]
    return sorted(Line(*target, number) for target, number in counts.items())


def read(client: Any, first: date, last: date) -> dict[str, dict[str, int]]:
    """Return the sums of the counters from one day to another, by event type and reason."""
    sums: dict[str, dict[str, int]] = {}
    for line in lines(client, first, last):
        reasons = sums.setdefault(line.event_type, {})
        reasons[line.reason] = reasons.get(line.reason, 0) + line.count
    return sums


def _days(first: date, last: date) -> dict[str, Any]:
    return {"range": {"date": {"gte": first.isoformat(), "lte": last.isoformat()}}}
