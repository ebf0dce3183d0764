"""Count the events that were stored, dropped, folded or rejected by day, without data of any visitor."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.mappings import INDEX_SETTINGS, KEYWORD, Body
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.client import SearchRequest
from invenio_stats.search.client import search as send
from invenio_stats.search.failures import CONFLICT, classify_item, is_busy
from invenio_stats.search.indices import create_index
from invenio_stats.search.scan import scan
from invenio_stats.search.versions import Version, build_guard, choose_operation, retry_conflicts

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

STORED = "stored"
"""Reason of the events that are stored and no double clicks; each other one is why events do not count."""

_MAX_ATTEMPTS = 20
_MAX_PAUSE_SECONDS = 0.05
"""Upper bound of the random pause before a retry, so that workers do not conflict again at once."""
_MAX_BUCKETS = 1_000
_HAS_REASON = {"exists": {"field": "reason"}}
"""Of the documents in the index, those that are counters: see `excluded_agents`."""


_Key = tuple[date, str]
"""Day and reason."""


class Line(NamedTuple):
    """The number of events of one day, event type and reason."""

    day: date
    event_type: str
    reason: str
    count: int


class _StoredCount(NamedTuple):
    """A stored counter with its version, which must be unchanged when the counter is written again."""

    count: int
    version: Version


class Counters:
    """The counters of one event type in one run: read when first needed, then written with one request for each batch.

    Several workers may count at the same time. The counters inform operators and are not part of any total.
    """

    def __init__(self, client: Any, event_type: str):
        """Take the client and the event type; nothing is read yet."""
        self._client = client
        self._event_type = event_type
        self._waiting: Counter[_Key] = Counter()
        self._known: dict[_Key, _StoredCount | None] = {}

    def add(self, day: date, reasons: Mapping[str, int]) -> None:
        """Add to the counters of a day, and write them; no request is sent if there is nothing to add.

        EngineUnavailableError if every attempt conflicts with other workers or the engine is busy; the next call then
        writes the rest. After any other error it is unknown what was written, so the numbers are not written again.
        """
        self.hold(day, reasons)
        try:
            waiting = retry_conflicts(self._waiting, self._write, _MAX_ATTEMPTS, _MAX_PAUSE_SECONDS)
        except Exception:
            self._waiting.clear()
            self._known.clear()
            raise
        if waiting:
            raise EngineUnavailableError(
                f"Other workers keep changing the counters of {self._event_type!r}; {len(waiting)} are not written."
            )

    def hold(self, day: date, reasons: Mapping[str, int]) -> None:
        """Add to the counters of a day, and have the next `add` write them."""
        self._waiting += Counter({(day, reason): number for reason, number in reasons.items()})  # above 0 only

    @property
    def held(self) -> int:
        """Number of events that are not written yet."""
        return self._waiting.total()

    def _write(self, waiting: Counter[_Key]) -> Counter[_Key]:
        """Write the increased counters; return those that another worker has changed, to be read again."""
        self._read([key for key in waiting if key not in self._known])
        body: list[dict[str, Any]] = []
        counts = {key: self._count(key) + number for key, number in waiting.items()}
        for key, number in counts.items():
            known = self._known[key]
            version = known.version if known else None
            target = {"_index": prefix_index(names.INGEST), "_id": self._id(key), **build_guard(version)}
            source = _source(Line(key[0], self._event_type, key[1], number))
            body += [{choose_operation(version): target}, source]
        items = [next(iter(item.values())) for item in self._client.bulk(body=body)["items"]]
        for (key, number), item in zip(counts.items(), items, strict=True):
            failure = classify_item(item)
            if failure is None:
                self._known[key] = _StoredCount(number, Version.of(item))
                del waiting[key]
            elif failure is CONFLICT:
                del self._known[key]
            elif not is_busy(item):
                raise search.exceptions.TransportError(item["status"], "ingest counters")
        return waiting

    def _read(self, keys: list[_Key]) -> None:
        if not keys:
            return
        index = prefix_index(names.INGEST)
        documents = self._client.mget(body={"docs": [{"_index": index, "_id": self._id(key)} for key in keys]})["docs"]
        if any("error" in document for document in documents):
            create_index(self._client, index, BODY)  # any other error will also fail the next request
        for key, document in zip(keys, documents, strict=True):
            self._known[key] = (
                _StoredCount(document["_source"]["count"], Version.of(document)) if document.get("found") else None
            )

    def _count(self, key: _Key) -> int:
        known = self._known[key]
        return known.count if known else 0

    def _id(self, key: _Key) -> str:
        return _id(key[0], self._event_type, key[1])


def _id(day: date, event_type: str, reason: str) -> str:
    return f"{day.isoformat()}:{event_type}:{reason}"


def _source(line: Line) -> dict[str, Any]:
    return {"date": line.day.isoformat(), "event_type": line.event_type, "reason": line.reason, "count": line.count}


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
    items = [item["index"] for item in client.bulk(body=body)["items"]]
    broken = [item for item in items if classify_item(item) not in (None, CONFLICT)]
    if broken:
        raise search.exceptions.TransportError(broken[0]["status"], "ingest counters")


def lines(client: Any, first: date, last: date, event_types: Collection[str] | None = None) -> list[Line]:
    """Return the counters of events that do not count from one day to another, inclusive, in order.

    They are those of some event types, or of all if `event_types` is None.
    Counters contain no personal data and are kept without limit.
    """
    index = prefix_index(names.INGEST)
    query: dict[str, Any] = {
        "bool": {"filter": [_days(first, last), _HAS_REASON], "must_not": [{"term": {"reason": STORED}}]}
    }
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


def count_outcomes(client: Any) -> dict[str, dict[str, int]]:
    """Return how many events of each type had which outcome, ever: `stored`, or the reason why they do not count.

    The numbers never fall. Those of the last five seconds may be missing.
    """
    reasons = {"terms": {"field": "reason", "size": _MAX_BUCKETS}, "aggs": {"events": {"sum": {"field": "count"}}}}
    types = {"terms": {"field": "event_type", "size": _MAX_BUCKETS}, "aggs": {"reasons": reasons}}
    body = {"size": 0, "query": {"bool": {"filter": [_HAS_REASON]}}, "aggs": {"types": types}}
    answer = send(SearchRequest(client, prefix_index(names.INGEST), body))
    return {
        by_type["key"]: {found["key"]: int(found["events"]["value"]) for found in _buckets(by_type, "reasons")}
        for by_type in _buckets(answer.get("aggregations", {}), "types")
    }


def _buckets(level: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = level.get(name, {}).get("buckets", [])
    return found


def _days(first: date, last: date) -> dict[str, Any]:
    return {"range": {"date": {"gte": first.isoformat(), "lte": last.isoformat()}}}
