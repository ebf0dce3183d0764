"""Measure what broker and engine of this machine can do without any implementation in between."""

import json
import random
import struct
import time
from datetime import datetime, timezone
from typing import Any

from kombu import Connection, Exchange, Producer, Queue

from comparison.engine import Engine, Line, bulk_bodies
from comparison.measuring import Measure, Meter, quantile, serve
from comparison.workload import TYPES, events_of

meter = Meter()
engine = Engine()
_urls: dict[str, str] = {}


def open_(urls: dict[str, str], pids: dict[str, int], prefix: str) -> None:
    """Use these services."""
    meter.servers = pids
    _urls.update(urls)
    engine.open(urls["search"], prefix)


def broker(path: str, count: int) -> Measure:
    """Publish: messages one by one over a kept channel, confirmed each, then all at once as bare frames."""
    bodies = [json.dumps(event.raw).encode() for event in events_of(path, count)]
    exchange = Exchange(f"{engine.prefix}limits", type="direct", durable=True)
    queue = Queue(f"{engine.prefix}limits", exchange=exchange, routing_key="limits")
    one_by_one = bodies[:1000]
    with Connection(_urls["broker"], transport_options={"confirm_publish": True}) as connection:
        queue(connection.default_channel).declare()
        producer = Producer(connection.channel(), exchange=exchange, auto_declare=False)
        with meter(len(one_by_one)) as confirmed:
            for body in one_by_one:
                producer.publish(body, routing_key="limits", delivery_mode=2, content_type="application/json")
        queue(connection.default_channel).purge()
    with Connection(_urls["broker"]) as connection, Connection(_urls["broker"]) as watching:
        seen = queue(watching.default_channel)
        channel = connection.channel()
        frames = b"".join(_frames(exchange.name, "limits", body, channel.channel_id) for body in bodies)
        with meter(count) as bare:
            connection.connection.transport.sock.sendall(frames)
            while seen.queue_declare(passive=True).message_count < count:
                time.sleep(0.001)
        seen.delete()
    return {"each confirmed, over a kept channel": confirmed, "bare frames at once": bare}


def store(prefix: str, count: int) -> Measure:
    """Create the documents that so many events became once more, by ready-made bulk requests of 2,000, two at once."""
    lines: list[Line] = []
    for kind in TYPES:
        index = f"{engine.prefix}bulk-{kind}"
        engine.make(index, f"events-{kind}")
        lines += [(index, hit["_id"], hit["_source"]) for hit in engine.all_of(f"{prefix}events-stats-{kind}-*")]
    bodies = bulk_bodies(lines, verb="create")
    with meter(count) as measure:
        engine.send(bodies)
    for kind in TYPES:
        engine.drop(f"{engine.prefix}bulk-{kind}")
    return measure


def aggregate(prefix: str, count: int) -> Measure:
    """Read one composite aggregation of each type, counts with them, and write its groups in bulk."""
    with meter(count) as measure:
        groups = 0
        for kind in TYPES:
            index = f"{engine.prefix}totals-{kind}"
            engine.make(index, kind)
            found = _groups(prefix, kind)
            groups += len(found)
            engine.send(bulk_bodies([(index, *_total(kind, total)) for total in found]))
    for kind in TYPES:
        engine.drop(f"{engine.prefix}totals-{kind}")
    return {**measure, "groups": groups}


def nothing(prefix: str) -> Measure:
    """Ask once for each type whether anything changed."""
    now = datetime.now(timezone.utc).isoformat()
    body = {"size": 0, "query": {"range": {"updated_timestamp": {"gte": now}}}}
    with meter() as measure:
        for kind in TYPES:
            engine.ask("POST", f"/{prefix}events-stats-{kind}/_search", body)
    return measure


def ask(path: str, prefix: str, count: int, seed: int) -> Measure:
    """Ask four questions in one multi-search."""
    raw = [event.raw for event in events_of(path, 20_000)]
    downloads = [event["bucket_id"] for event in raw if "bucket_id" in event]
    views = [event for event in raw if "record_id" in event]
    choose = random.Random(seed)
    times = []
    for _ in range(count):
        view, bucket = choose.choice(views), choose.choice(downloads)
        asked = [
            ("record-view", {"pid_value": view["pid_value"]}),
            ("record-view", {"record_id": view["record_id"]}),
            *[("file-download", {"bucket_id": bucket})] * 2,
        ]
        body = "".join(f"{json.dumps(line)}\n" for kind, term in asked for line in _totals_of(prefix, kind, term))
        start = time.perf_counter()
        engine.ask("POST", "/_msearch", body.encode())
        times.append(time.perf_counter() - start)
    return {"wall": quantile(times, 0.5)}


def _totals_of(prefix: str, kind: str, term: dict[str, str]) -> list[dict[str, Any]]:
    aggs = {name: {"sum": {"field": name}} for name in ("count", "unique_count")}
    query = {"bool": {"filter": [{"term": term}]}}
    return [{"index": f"{prefix}stats-{kind}"}, {"size": 0, "query": query, "aggs": aggs}]


def _groups(prefix: str, kind: str) -> list[dict[str, Any]]:
    metrics: dict[str, Any] = {"unique_count": {"cardinality": {"field": "unique_session_id"}}}
    if kind == "file-download":
        metrics["volume"] = {"sum": {"field": "size"}}
    day = {"date_histogram": {"field": "timestamp", "calendar_interval": "day", "format": "yyyy-MM-dd"}}
    composite: dict[str, Any] = {
        "size": 10_000,
        "sources": [{"day": day}, {"key": {"terms": {"field": "unique_id"}}}],
    }
    groups: list[dict[str, Any]] = []
    while True:
        body = {
            "size": 0,
            "track_total_hits": False,
            "query": {"term": {"is_robot": False}},
            "aggs": {"groups": {"composite": composite, "aggs": metrics}},
        }
        answer = engine.ask("POST", f"/{prefix}events-stats-{kind}/_search?request_cache=false", body)
        found = answer["aggregations"]["groups"]
        groups += found["buckets"]
        if len(found["buckets"]) < composite["size"]:
            return groups
        composite["after"] = found["after_key"]


def _total(kind: str, group: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    day, key = group["key"]["day"], group["key"]["key"]
    names = ("bucket_id", "file_id", "file_key") if kind == "file-download" else ("record_id", "pid_type", "pid_value")
    total = {
        "timestamp": f"{day}T00:00:00",
        "unique_id": key,
        "count": group["doc_count"],
        "unique_count": group["unique_count"]["value"],
        **dict.fromkeys(names, key[:36]),
        "updated_timestamp": datetime.now(timezone.utc).isoformat(),
    }
    if "volume" in group:
        total["volume"] = group["volume"]["value"]
    return f"{key}-{day}", total


def _frames(exchange: str, key: str, body: bytes, channel: int) -> bytes:
    """Return one message as AMQP frames: method, header with a persistent delivery mode, body."""
    method = struct.pack(">HHH", 60, 40, 0) + _short(exchange) + _short(key) + b"\x00"
    header = struct.pack(">HHQH", 60, 0, len(body), 0x1000) + b"\x02"
    return b"".join(
        struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"
        for kind, payload in ((1, method), (2, header), (3, body))
    )


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


COMMANDS = {
    "open": open_,
    "broker": broker,
    "store": store,
    "load": engine.load,
    "clone": engine.clone,
    "arrive": engine.arrive,
    "forget": engine.forget,
    "aggregate": aggregate,
    "nothing": nothing,
    "ask": ask,
}

if __name__ == "__main__":
    serve(COMMANDS)
