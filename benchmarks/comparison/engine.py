"""Send plain requests to the search engine, and prepare the events for the aggregations."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from typing import Any, NamedTuple

import urllib3

from comparison.measuring import Measure
from comparison.workload import Logged, events_of, today

_PACKAGES = {
    "events-file-download": "invenio_stats.contrib.file_download",
    "events-record-view": "invenio_stats.contrib.record_view",
    "file-download": "invenio_stats.contrib.aggregations.aggr_file_download",
    "record-view": "invenio_stats.contrib.aggregations.aggr_record_view",
}

Line = tuple[str, str, dict[str, Any]]
"""Index, id and document."""

_AT_ONCE = 4_000


class PreparedQuery(NamedTuple):
    """One event as it is stored."""

    kind: str
    month: str
    document_id: str
    document: dict[str, Any]


class Engine:
    """The search engine, asked with as little between as can be."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(maxsize=8)
        self._url = ""
        self.prefix = ""
        self._last_day: dict[str, list[PreparedQuery]] = {}
        self._sources: dict[str, dict[tuple[str, str], str]] = {}

    def open(self, url: str, prefix: str) -> None:
        """Use the engine at an address, under a prefix of its own."""
        self._url, self.prefix = url, prefix

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request, its body as it is where it is bytes; RuntimeError for any error."""
        kind = "application/x-ndjson" if "_bulk" in path or "_msearch" in path else "application/json"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer = self._pool.request(method, self._url + path, body=data, headers={"content-type": kind}, timeout=300)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path.partition('?')[0]}: {answer.status} {answer.data[:300]!r}")
        return json.loads(answer.data)

    def make(self, index: str, package: str, settings: dict[str, Any] | None = None) -> None:
        """Make an index with the mappings that this package ships."""
        folder = files(_PACKAGES[package]) / "os-v2"
        template = next(path for path in folder.iterdir() if path.name.endswith(".json"))
        body = json.loads(template.read_text(encoding="utf-8"))
        self.ask("PUT", f"/{index}", {"mappings": body["mappings"], "settings": settings or {"refresh_interval": "5s"}})

    def all_of(self, index: str) -> Iterator[dict[str, Any]]:
        """Yield all documents, as the engine gives them."""
        self.ask("POST", f"/{index}/_refresh")
        answer = self.ask("POST", f"/{index}/_search?scroll=1m", {"size": 5000, "sort": ["_doc"]})
        while hits := answer["hits"]["hits"]:
            yield from hits
            answer = self.ask("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": answer["_scroll_id"]})
        self.ask("DELETE", "/_search/scroll", {"scroll_id": answer["_scroll_id"]})

    def drop(self, index: str) -> None:
        """Delete an index."""
        self.ask("DELETE", f"/{index}")

    def send(self, bodies: Iterable[bytes], threads: int = 2) -> None:
        """Send bulk bodies, some at once."""
        with ThreadPoolExecutor(threads) as pool:
            for answer in pool.map(lambda body: self.ask("POST", "/_bulk?filter_path=errors", body), bodies):
                if answer["errors"]:
                    raise RuntimeError("The search engine refused a document.")

    def load(self, path: str, key: str) -> Measure:
        """Store the events of a log but for its last day, in indices to be cloned."""
        day = today().date().isoformat()
        self._sources[key] = {}
        self._last_day[key] = []
        waiting: list[Line] = []
        count = 0
        for event in map(prepare, events_of(path)):
            if event.document["timestamp"][:10] == day:
                self._last_day[key].append(event)
                continue
            waiting.append((self._source(key, event), event.document_id, event.document))
            count += 1
            if len(waiting) == _AT_ONCE:
                self.send(bulk_bodies(waiting))
                waiting = []
        self.send(bulk_bodies(waiting))
        for index in self._sources[key].values():
            self.ask("POST", f"/{index}/_refresh")
            self.ask("POST", f"/{index}/_flush")
            self.ask("PUT", f"/{index}/_settings", {"index.blocks.write": True})
        return {"n": count, "months": sorted({month for _, month in self._sources[key]})}

    def _source(self, key: str, query: PreparedQuery) -> str:
        """Return the index of an event, made where it is not there."""
        index = self._sources[key].get((query.kind, query.month))
        if index is None:
            index = self._sources[key][query.kind, query.month] = (
                f"{self.prefix}source-{key}-{query.kind}-{query.month}"
            )
            self.make(index, f"events-{query.kind}", {"refresh_interval": "-1", "number_of_replicas": 0})
        return index

    def clone(self, key: str, prefix: str) -> None:
        """Give an implementation the same events, segment for segment."""
        for (kind, month), source in self._sources[key].items():
            target = f"{prefix}events-stats-{kind}-{month}"
            self.drop(target)
            settings = {"index.blocks.write": None, "refresh_interval": "5s", "index.number_of_replicas": 0}
            aliases: dict[str, Any] = {f"{prefix}events-stats-{kind}": {}}
            self.ask("POST", f"/{source}/_clone/{target}", {"settings": settings, "aliases": aliases})
        self.ask("GET", f"/_cluster/health/{prefix}*?wait_for_status=yellow")

    def arrive(self, key: str, prefix: str, most: int | None = None) -> Measure:
        """Let the last day's events arrive, stored an hour ago."""
        now = datetime.now(timezone.utc)
        stamp = max(now.replace(hour=0, minute=0, second=1, microsecond=0), now - timedelta(hours=1)).isoformat()
        last = self._last_day[key][:most]
        start = f"{prefix}events-stats"
        lines = [
            (f"{start}-{event.kind}-{event.month}", event.document_id, {**event.document, "updated_timestamp": stamp})
            for event in last
        ]
        self.send(bulk_bodies(lines))
        self.ask("POST", f"/{prefix}events-stats-*/_refresh")
        return {"n": len(lines)}

    def forget(self, key: str) -> None:
        """Delete the source of the clones."""
        for index in self._sources.pop(key).values():
            self.drop(index)
        del self._last_day[key]


def bulk_bodies(lines: Sequence[Line], size: int = 2000, verb: str = "index") -> list[bytes]:
    """Return the bodies of bulk requests."""
    bodies = []
    for first in range(0, len(lines), size):
        parts = [
            f'{{"{verb}":{{"_index":"{index}","_id":"{document_id}"}}}}\n{json.dumps(document)}\n'
            for index, document_id, document in lines[first : first + size]
        ]
        bodies.append("".join(parts).encode())
    return bodies


def prepare(event: Logged) -> PreparedQuery:
    """Return an event as an indexer would have stored it, a second after it happened."""
    raw, moment = event.raw, event.raw["timestamp"]
    person = ("ip_address", "user_agent", "user_id", "session_id")
    document = {name: value for name, value in raw.items() if name not in person}
    who = raw["user_id"] or f"{raw['ip_address']}|{raw['user_agent']}"
    visitor = _hash(f"{moment[:10]}{who}")
    thing = (raw["bucket_id"], raw["file_id"]) if event.kind == "file-download" else (raw["pid_type"], raw["pid_value"])
    unique_id = "_".join(thing)
    document.update(
        unique_id=unique_id,
        visitor_id=visitor,
        unique_session_id=_hash(f"{moment[:13]}{who}"),
        country=None,
        is_robot=event.category != "human",
        is_machine=event.category == "machine",
        updated_timestamp=f"{moment}.500000+00:00",
    )
    cell = f"{moment[:18]}0"
    identity = hashlib.sha1(f"{unique_id}{visitor}".encode(), usedforsecurity=False).hexdigest()
    return PreparedQuery(event.kind, moment[:7], f"{cell}-{identity}", document)


def _hash(text: str) -> str:
    return hashlib.sha224(text.encode()).hexdigest()
