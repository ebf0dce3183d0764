"""Three nodes with one replica against one node with none: `python benchmarks/cluster.py`.

Checks what `benchmarks/plan.py` takes a replica to cost. Starts both clusters by itself (scripts/engine), has the
indexer store the same events on each and the aggregations count them, and prints what was measured on one node, what
the plan makes of that for three, and what was measured there. The last of some rounds counts: an engine takes several
times as long before it has compiled what it does.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from comparison.measuring import Meter
from comparison.workload import TYPES, Log, by_type, kept, today
from flask import Flask
from small_app import make_app

from invenio_stats import tasks
from invenio_stats.proxies import current_stats

ENGINE = Path(__file__).resolve().parents[1] / "scripts" / "engine" / "opensearch-node"
COPIES = 2
DAYS = 4
FIRST = 20
"""One event of so many makes the indices, before anything is measured."""


class Found(NamedTuple):
    """What one round found; seconds are those of all nodes together."""

    event_shards: int
    total_shards: int
    other_shards: int
    event_bytes: float
    total_bytes: float
    seconds_per_event: float
    seconds_per_total: float
    events_per_second: float
    by_node: dict[str, int]
    """How many shards each node has."""


@contextmanager
def nodes(count: int, port: int) -> Iterator[tuple[list[str], dict[str, int]]]:
    """Give the addresses of so many nodes and their process ids; stop them afterwards."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="invenio-stats-cluster-", dir=memory if memory.is_dir() else None
    ) as folder:
        environment = {**os.environ, "OPENSEARCH_NODE_DIR": folder}

        def node(*arguments: str) -> None:
            subprocess.run([ENGINE, *arguments], env=environment, check=True, stdout=sys.stderr)

        try:
            node("start", "--nodes", str(count), "--heap", "512m", "--no-quick", "--port", str(port))
            names = [f"n{number}" for number in range(1, count + 1)]
            pids = {name: int(Path(folder, name, "pid").read_text()) for name in names}
            yield [f"http://127.0.0.1:{port + number}" for number in range(count)], pids
        finally:
            node("stop", "--purge")


def measure(app: Flask, prefix: str, pids: dict[str, int], events: dict[str, list[dict]]) -> Found:
    """Store events and count them, in indices that are deleted afterwards."""
    client = app.extensions["invenio-search"].client
    meter = Meter()
    meter.servers = pids
    try:
        list(app.extensions["invenio-search"].put_templates())
        process({kind: some[::FIRST] for kind, some in events.items()})
        wait_for_replicas(client, prefix, len(pids))
        rest = {kind: [event for number, event in enumerate(some) if number % FIRST] for kind, some in events.items()}
        publish(rest)
        with meter(sum(map(len, rest.values()))) as stored:
            tasks.process_events(list(TYPES))
        client.indices.refresh(index=f"{prefix}*")
        with meter() as counted:
            tasks.aggregate_events([f"{kind}-agg" for kind in TYPES])
        wait_for_replicas(client, prefix, len(pids))
        return found(client, prefix, stored, counted, pids)
    finally:
        client.indices.delete(index=f"{prefix}*", ignore=[404])
        client.indices.delete_template(name=f"{prefix}*", ignore=[404])


def wait_for_replicas(client, prefix: str, count: int) -> None:
    """Return when every index has its copies, as far as so many nodes can have them."""
    status = "green" if count > 1 else "yellow"
    client.cluster.health(index=f"{prefix}*", wait_for_status=status, timeout="60s", request_timeout=90)


def process(events: dict[str, list[dict]]) -> None:
    """Publish and store."""
    publish(events)
    tasks.process_events(list(TYPES))


def publish(events: dict[str, list[dict]]) -> None:
    """Put events on the queue."""
    for kind, some in events.items():
        for first in range(0, len(some), 500):
            current_stats.publish(kind, [dict(event) for event in some[first : first + 500]])


def found(client, prefix: str, stored: dict, counted: dict, pids: dict[str, int]) -> Found:
    """Return what a round left in the engine, with what it cost."""
    client.indices.refresh(index=f"{prefix}*")
    client.indices.flush(index=f"{prefix}*")
    shards = [shard for shard in client.cat.shards(index=f"{prefix}*", format="json") if shard["state"] == "STARTED"]
    events, totals = f"{prefix}events-stats-*", ",".join(f"{prefix}stats-{kind}-*" for kind in TYPES)
    event_bytes, _ = _size(client, events)
    total_bytes, totals_written = _size(client, totals)
    of_events = sum(shard["index"].startswith(f"{prefix}events-stats-") for shard in shards)
    of_totals = sum(shard["index"].startswith(tuple(f"{prefix}stats-{kind}-" for kind in TYPES)) for shard in shards)
    return Found(
        of_events,
        of_totals,
        len(shards) - of_events - of_totals,
        event_bytes,
        total_bytes,
        sum(stored[f"cpu_{name}"] for name in pids) / stored["n"],
        sum(counted[f"cpu_{name}"] for name in pids) / totals_written,
        stored["rate"],
        dict(sorted(Counter(shard["node"] for shard in shards).items())),
    )


def _size(client, index: str) -> tuple[float, int]:
    """Return how many bytes each document takes with its replicas, and how many documents there are."""
    stats = client.indices.stats(index=index, metric="store,docs")["_all"]
    documents = stats["primaries"]["docs"]["count"]
    return stats["total"]["store"]["size_in_bytes"] / documents, documents


def rounds(count: int, port: int, events: dict[str, list[dict]], number: int) -> Found:
    """Return what the last of some rounds found on so many nodes."""
    with nodes(count, port) as (hosts, pids), tempfile.TemporaryDirectory() as folder:
        for _ in range(number):
            prefix = f"bench-{uuid.uuid4().hex[:8]}-"
            app = make_app(folder, SEARCH_HOSTS=hosts, SEARCH_INDEX_PREFIX=prefix, SEARCH_CLIENT_CONFIG={"timeout": 60})
            with app.app_context():
                last = measure(app, prefix, pids, events)
            print(f"{count} nodes: {last}", file=sys.stderr, flush=True)
    return last


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=9640, help="of the first node; those of the others follow")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Log(arguments.events, max(100, arguments.events // 5), DAYS, today() - timedelta(days=1))
        events = by_type(kept(Path(folder), log))
    single, three = (rounds(count, arguments.port, events, arguments.rounds) for count in (1, 3))
    months = len({raw["timestamp"][:7] for some in events.values() for raw in some})
    rows = {
        "shards of raw events": (single.event_shards, len(TYPES) * DAYS * COPIES, three.event_shards),
        "shards of totals": (single.total_shards, len(TYPES) * months * COPIES, three.total_shards),
        "shards of all else": (single.other_shards, single.other_shards * COPIES, three.other_shards),
        "bytes of a raw event": (single.event_bytes, single.event_bytes * COPIES, three.event_bytes),
        "bytes of a total": (single.total_bytes, single.total_bytes * COPIES, three.total_bytes),
        "engine, µs of an event": _doubled(single.seconds_per_event, three.seconds_per_event),
        "engine, µs of a total": _doubled(single.seconds_per_total, three.seconds_per_total),
        "stored events/s": (single.events_per_second, None, three.events_per_second),
    }
    print(f"{'':24}{'one node':>12}{'three, planned':>16}{'three, measured':>17}")
    for name, row in rows.items():
        print(
            f"{name:24}"
            + "".join(f"{_written(value):>{width}}" for value, width in zip(row, (12, 16, 17), strict=True))
        )
    print(f"shards by node: {', '.join(f'{node} {count}' for node, count in three.by_node.items())}")


def _doubled(single: float, three: float) -> tuple[float, float, float]:
    return single * 1e6, single * COPIES * 1e6, three * 1e6


def _written(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


if __name__ == "__main__":
    main()
