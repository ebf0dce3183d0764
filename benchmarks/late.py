"""How long a run takes for late events, by how many there are already: `python benchmarks/late.py SEARCH_URL [OLD...]`.

Stores that many downloads of a year, aggregates them, then stores some late ones, spread over the year, and prints the
time of the run that counts these, and of one that finds nothing. Its indices have a prefix of their own, and go at the
end.
"""

import argparse
import random
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from invenio_search.engine import search
from small_app import make_app

from invenio_stats.core.month_indices import is_closed
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.proxies import current_stats

EVENT, AGGREGATION = "file-download", "file-download-agg"
DAYS, FILES = 365, 20_000
END = datetime(2026, 11, 1, tzinfo=timezone.utc)
_REFRESHED = 10.0
"""Seconds in which the engine makes events searchable by itself, as it does every five; runs come less often."""


def events(alias: str, first: int, number: int) -> Iterator[dict]:
    """Yield downloads as they are stored: a few files are popular, most are not."""
    chance = random.Random(first)
    for serial in range(first, first + number):
        day = END - timedelta(days=chance.randrange(1, DAYS))
        file = int(FILES * chance.random() ** 3)
        yield {
            "_index": f"{alias}-{day:%Y-%m}" if is_closed(day, END) else f"{alias}-{day:%Y-%m-%d}",
            "_id": str(serial),
            "timestamp": f"{day:%Y-%m-%d}T{chance.randrange(24):02}:00:00",
            "unique_id": f"B_{file}",
            "file_id": f"F{file}",
            "bucket_id": "B",
            "file_key": "paper.pdf",
            "size": 1000,
            "visitor_id": f"v{serial}",
            "unique_session_id": f"s{chance.randrange(50)}",
            "is_robot": False,
            "is_machine": False,
            "updated_timestamp": datetime.now(timezone.utc).isoformat(),
        }


def aggregate() -> tuple[float, int]:
    """Run; return seconds and totals written."""
    definition = current_stats.aggregations[AGGREGATION]
    aggregator = definition.cls(name=AGGREGATION, **definition.params)
    start = time.monotonic()
    results = aggregator.run()
    return time.monotonic() - start, sum(written for written, _ in results or ())


def measure(client, prefix: str, old: int, late: int) -> tuple[float, float, float, int]:
    """Return the seconds of the first run, of that for late events and of one for none, and how many totals changed."""
    alias = f"{prefix}events-stats-{EVENT}"
    for day in range(1, DAYS + 1):
        ensure_events_index(client, alias, END - timedelta(days=day), now=END)
    search.helpers.bulk(client, events(alias, 0, old), chunk_size=10_000)
    first, _ = aggregate()
    search.helpers.bulk(client, events(alias, old, late), chunk_size=10_000)
    time.sleep(_REFRESHED)
    # The overlap of some minutes, and the minute that a bookmark goes back, would count the old ones with them.
    current_stats.aggregations[AGGREGATION].cls.overlap = timedelta(seconds=-60)
    seconds, written = aggregate()
    nothing, _ = aggregate()
    return first, seconds, nothing, written


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("search_url")
    parser.add_argument("old", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--late", type=int, default=1000, help="How many late ones.")
    arguments = parser.parse_args()
    print(f"{'old':>10}{'late':>7}{'totals':>8}{'everything s':>14}{'late s':>8}{'nothing s':>11}")
    for old in arguments.old:
        prefix = f"bench-{uuid.uuid4().hex[:8]}-"
        app = make_app(
            SEARCH_HOSTS=[arguments.search_url], SEARCH_INDEX_PREFIX=prefix, SEARCH_CLIENT_CONFIG={"timeout": 120}
        )
        with app.app_context():
            client = app.extensions["invenio-search"].client
            try:
                list(app.extensions["invenio-search"].put_templates())
                first, late, nothing, written = measure(client, prefix, old, arguments.late)
            finally:
                client.indices.delete(index=f"{prefix}*", ignore=[404])
                client.indices.delete_template(name=f"{prefix}*", ignore=[404])
        print(f"{old:>10}{arguments.late:>7}{written:>8}{first:>14.2f}{late:>8.2f}{nothing:>11.3f}", flush=True)


if __name__ == "__main__":
    main()
