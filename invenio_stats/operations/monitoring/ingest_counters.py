"""Ingest counters: how many events a day were dropped, folded or rejected, and why; nothing of any visitor."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.mappings import INDEX_SETTINGS, KEYWORD, Body
from invenio_stats.errors import EngineUnavailableError
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
"""The index: one document for each day, event type and reason; of refused events one for each spool besides."""

_ATTEMPTS = 20
_LONGEST_PAUSE = 0.05
"""Seconds, so that workers which count at the same time do not meet again at once."""


_Key = tuple[date, str]
"""Day and reason."""


class Line(NamedTuple):
    """One counter."""

    day: date
    event_type: str
    reason: str
    count: int


class _StoredCount(NamedTuple):
    """A counter as it is stored, which nobody else may have changed when it is written again."""

    count: int
    version: Version


class Counters:
    """The counters of one event type, for one run: read when they are first needed, then one request for each batch.

    Several workers may count at once. They tell an operator what happens to events, and are no part of any total.
    """

    def __init__(self, client: Any, event_type: str):
        """Name the event type."""
        self._client = client
        self._event_type = event_type
        self._waiting: Counter[_Key] = Counter()
        self._known: dict[_Key, _StoredCount | None] = {}

    def add(self, day: date, reasons: Mapping[str, int]) -> None:
        """Add to the counters of a day; without anything to add, nobody is asked.

        EngineUnavailableError when others are quicker again and again, or the engine is busy: what is not written then
        is, together with what is added next. After other errors nobody knows what was written, so it is not again.
        """
        self._waiting += Counter({(day, reason): number for reason, number in reasons.items()})  # above 0 only
        try:
            waiting = retry_conflicts(self._waiting, self._write, _ATTEMPTS, _LONGEST_PAUSE)
        except Exception:
            self._waiting.clear()
            self._known.clear()
            raise
        if waiting:
            raise EngineUnavailableError(
                f"The counters of {self._event_type!r} are in use by others; {len(waiting)} are not written."
            )

    def _write(self, waiting: Counter[_Key]) -> Counter[_Key]:
        """Write the counters as they were a moment ago, and more; return those that somebody else has written."""
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
        found = self._client.mget(body={"docs": [{"_index": index, "_id": self._id(key)} for key in keys]})["docs"]
        if any("error" in document for document in found):
            create_index(self._client, index, BODY)  # what else is wrong, the next request says
        for key, document in zip(keys, found, strict=True):
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
    """Write counters that somebody keeps himself and only ever adds to, each as a whole: twice is as good as once.

    Every keeper has documents of its own. The larger number stays, whoever writes last.
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
    counts: Counter[tuple[date, str, str]] = Counter()
    for one in found:
        counts[date.fromisoformat(one["date"]), one["event_type"], one["reason"]] += one["count"]
    return sorted(Line(*target, number) for target, number in counts.items())


def read(client: Any, first: date, last: date) -> dict[str, dict[str, int]]:
    """Return how many events there were from one day to another, by event type and reason."""
    found: dict[str, dict[str, int]] = {}
    for line in lines(client, first, last):
        reasons = found.setdefault(line.event_type, {})
        reasons[line.reason] = reasons.get(line.reason, 0) + line.count
    return found


def _days(first: date, last: date) -> dict[str, Any]:
    return {"range": {"date": {"gte": first.isoformat(), "lte": last.isoformat()}}}
