"""How many documents and bytes a month of use takes: `python benchmarks/disk.py SEARCH_URL [ITEMS]`.

Stores views and downloads of that many items on each day of a finished month, four of each item and day, in 100
communities, runs all shipped aggregations, merges each index to one segment, and prints documents and bytes. Its
indices have a prefix of their own, and go at the end.
"""

import argparse
import hashlib
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from invenio_search.engine import search
from small_app import make_app

from invenio_stats.contrib.config import AGGREGATIONS_CONFIG, EVENTS_CONFIG, USAGE_AGGREGATIONS
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.proxies import current_stats

TYPES = ("record-view", "file-download")
FIRST = datetime(2026, 10, 1, tzinfo=timezone.utc)
DAYS = 30
USES = 4
COMMUNITIES, COUNTRIES, HOSTS = 100, 60, 300
ALIASES = (
    *(f"events-stats-{event_type}" for event_type in TYPES),
    *(f"stats-{event_type}" for event_type in TYPES),
    "stats-item-usage",
    "stats-record-usage",
    "stats-usage-breakdown",
)


def _id(*parts: object) -> str:
    return str(uuid.UUID(hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest()))


def _key(*parts: object) -> str:
    return hashlib.sha224(repr(parts).encode()).hexdigest()


def uses(prefix: str, items: int) -> Iterator[dict]:
    """Yield the events of all days, as they are stored."""
    chance = random.Random(7)
    for number in range(DAYS * items * USES):
        day, item = FIRST + timedelta(days=number // (items * USES)), number % items
        moment = day + timedelta(seconds=chance.randrange(86_400))
        event_type = TYPES[chance.random() < 0.4]
        visitor = chance.randrange(items * 2)
        pid = f"{item:05x}-{_id(item)[:4]}"
        thing = (
            {"bucket_id": _id("bucket", item), "file_id": _id("file", item), "file_key": "paper.pdf", "size": 10**6}
            if event_type == "file-download"
            else {"record_id": _id("record", item), "pid_type": "recid", "pid_value": pid}
        )
        ids = [thing["bucket_id"], thing["file_id"]] if event_type == "file-download" else ["recid", pid]
        yield {
            "_index": f"{prefix}events-stats-{event_type}-{moment:%Y-%m-%d}",
            "_id": f"{moment:%Y-%m-%dT%H:%M:%S}-{_key('id', number)[:40]}",
            **thing,
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}",
            "unique_id": "_".join(ids),
            "item_id": pid,
            "parent_id": f"{item // 2:05x}-{_id(item // 2)[:4]}",
            "labels": [_id("community", item % COMMUNITIES)],
            "access_status": "open",
            "access_type": "Open",
            "visitor_id": _key(day, visitor),
            "unique_session_id": _key(moment.replace(minute=0, second=0), visitor),
            "country": f"{min(COUNTRIES - 1, int(chance.expovariate(0.15))):02}",
            "referrer": f"host{min(HOSTS - 1, int(chance.expovariate(0.03)))}.example",
            "agent_class": "browser",
            "agent_id": _key("agent", visitor % 500)[:32],
            "lists_version": "counter-2025.11+is-bot-0.3.7+own-1",
            "event_id": _key(number)[:32],
            "is_robot": False,
            "is_machine": False,
            "updated_timestamp": (moment + timedelta(minutes=20)).isoformat(),
        }


def measure(client, prefix: str, items: int) -> Iterator[tuple[str, int, int]]:
    """Store events, count all totals; yield alias, documents and bytes."""
    for event_type in TYPES:
        for day in range(DAYS):
            ensure_events_index(client, f"{prefix}events-stats-{event_type}", FIRST + timedelta(days=day), now=FIRST)
    search.helpers.bulk(client, uses(prefix, items), chunk_size=5_000)
    client.indices.refresh(index=f"{prefix}*")
    for name, definition in current_stats.aggregations.items():
        definition.cls(name=name, **definition.params).run()
    client.indices.forcemerge(index=f"{prefix}*", max_num_segments=1, flush=True, request_timeout=600)
    client.indices.refresh(index=f"{prefix}*")
    for alias in ALIASES:
        sizes = client.indices.stats(index=f"{prefix}{alias}", metric="store,docs")["_all"]["primaries"]
        yield alias, sizes["docs"]["count"], sizes["store"]["size_in_bytes"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("search_url")
    parser.add_argument("items", type=int, nargs="?", default=1000)
    arguments = parser.parse_args()
    prefix = f"bench-{uuid.uuid4().hex[:8]}-"
    app = make_app(
        SEARCH_HOSTS=[arguments.search_url],
        SEARCH_INDEX_PREFIX=prefix,
        SEARCH_CLIENT_CONFIG={"timeout": 120},
        STATS_EVENTS=EVENTS_CONFIG,
        STATS_AGGREGATIONS={
            **AGGREGATIONS_CONFIG,
            **{name: entry for name, entry in USAGE_AGGREGATIONS.items() if name != "search-agg"},
        },
    )
    with app.app_context():
        client = app.extensions["invenio-search"].client
        try:
            list(app.extensions["invenio-search"].put_templates())
            print(f"{'alias':<32}{'documents':>11}{'MB':>8}{'bytes each':>12}")
            for alias, documents, size in measure(client, prefix, arguments.items):
                print(f"{alias:<32}{documents:>11,}{size / 1e6:>8.1f}{size / documents:>12.0f}", flush=True)
        finally:
            client.indices.delete(index=f"{prefix}*", ignore=[404])
            client.indices.delete_template(name=f"{prefix}*", ignore=[404])


if __name__ == "__main__":
    main()
