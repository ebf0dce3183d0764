"""How fast the usage of items is counted: `python benchmarks/item_usage.py SEARCH_URL [EVENTS...]`.

Stores that many views and downloads of one day, of a tenth as many items, counts them from nothing, then touches some
items and counts these, then finds nothing new; prints the medians of the rounds, and the most memory that the process
has used. Its indices have a prefix of their own, and go at the end.
"""

import argparse
import random
import resource
import statistics
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from invenio_search.engine import search
from small_app import make_app

from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.proxies import current_stats

AGGREGATION = "item-usage-agg"
TYPES = ("record-view", "file-download")
DAY = datetime(2026, 11, 1, tzinfo=timezone.utc)
EVENTS_PER_ITEM = 10


class Times(NamedTuple):
    """Seconds of the runs, and the totals that the second one has written."""

    everything: float
    touched: float
    nothing: float
    written: int


def use(prefix: str, serial: int, item: int) -> dict:
    """Return a view or a download as it is stored: some items are popular, sessions have three uses each."""
    chance = random.Random(serial)
    event_type = TYPES[serial % 2]
    session = f"{serial // 3:056}"
    return {
        "_index": f"{prefix}events-stats-{event_type}-{DAY:%Y-%m-%d}",
        "_id": uuid.UUID(int=serial).hex,
        "timestamp": f"{DAY:%Y-%m-%d}T{chance.randrange(24):02}:{chance.randrange(60):02}:00",
        "unique_id": f"recid_{item}",
        "item_id": f"{item:06}",
        "parent_id": f"{item // 2:06}",
        "labels": [str(uuid.UUID(int=item % 300))],
        "access_status": "open",
        "access_type": "Open",
        "visitor_id": session,
        "unique_session_id": session,
        "country": chance.choice(["CH", "DE", "FR", "US"]),
        "agent_class": "browser",
        "is_robot": False,
        "is_machine": False,
        "updated_timestamp": datetime.now(timezone.utc).isoformat(),
        **({"size": 1000, "bucket_id": str(uuid.UUID(int=item)), "file_key": "paper.pdf"} if serial % 2 else {}),
    }


def uses(prefix: str, first: int, number: int, items: int) -> Iterator[dict]:
    """Yield views and downloads; each item has at least one."""
    chance = random.Random(first)
    for serial in range(first, first + number):
        yield use(prefix, serial, serial % items if serial < items else int(items * chance.random() ** 2))


def aggregate() -> tuple[float, int]:
    """Run; return seconds and totals written."""
    definition = current_stats.aggregations[AGGREGATION]
    aggregator = definition.cls(name=AGGREGATION, **definition.params)
    # Otherwise the overlap of some minutes, and the minute that a bookmark goes back, would count all events again.
    aggregator.overlap = timedelta(seconds=-60)
    start = time.monotonic()
    results = aggregator.run()
    return time.monotonic() - start, sum(written for written, _ in results or ())


def measure(client, prefix: str, events: int, touched: int) -> Times:
    """Store events and measure the three runs."""
    items = max(1, events // EVENTS_PER_ITEM)
    for event_type in TYPES:
        ensure_events_index(client, f"{prefix}events-stats-{event_type}", DAY, now=DAY)
    search.helpers.bulk(client, uses(prefix, 0, events, items), chunk_size=10_000)
    client.indices.refresh(index=f"{prefix}*")
    everything, _ = aggregate()
    step = max(1, items // touched)
    late = (use(prefix, events + number, number * step % items) for number in range(touched))
    search.helpers.bulk(client, late, chunk_size=10_000)
    client.indices.refresh(index=f"{prefix}*")
    seconds, written = aggregate()
    nothing, _ = aggregate()
    return Times(everything, seconds, nothing, written)


def measure_alone(url: str, events: int, touched: int) -> Times:
    """Measure under a prefix that goes at the end."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}-"
    app = make_app(
        SEARCH_HOSTS=[url],
        SEARCH_INDEX_PREFIX=prefix,
        SEARCH_CLIENT_CONFIG={"timeout": 120},
        STATS_AGGREGATIONS=USAGE_AGGREGATIONS,
    )
    with app.app_context():
        client = app.extensions["invenio-search"].client
        try:
            list(app.extensions["invenio-search"].put_templates())
            return measure(client, prefix, events, touched)
        finally:
            client.indices.delete(index=f"{prefix}*", ignore=[404])
            client.indices.delete_template(name=f"{prefix}*", ignore=[404])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("search_url")
    parser.add_argument("events", type=int, nargs="*", default=[200_000, 600_000])
    parser.add_argument("--touched", type=int, default=1000, help="How many items get one more event.")
    parser.add_argument("--rounds", type=int, default=3, help="How often each is measured.")
    arguments = parser.parse_args()
    print(f"{'events':>10}{'events/s':>10}{'totals':>8}{'touched s':>11}{'nothing s':>11}{'MiB':>6}")
    for events in arguments.events:
        rounds = [
            measure_alone(arguments.search_url, events, min(arguments.touched, events // EVENTS_PER_ITEM))
            for _ in range(arguments.rounds)
        ]
        everything, touched, nothing, written = map(statistics.median, zip(*rounds, strict=True))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        speed = events / everything
        print(f"{events:>10}{speed:>10.0f}{written:>8.0f}{touched:>11.2f}{nothing:>11.3f}{memory:>6}", flush=True)


if __name__ == "__main__":
    main()
