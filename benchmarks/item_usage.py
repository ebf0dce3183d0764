"""How fast the usage of items is counted: `python benchmarks/item_usage.py SEARCH_URL [--rows NAME...]`.

Stores views and downloads of one day, of a tenth as many items, from 200 countries and 5,000 referring hosts, in 300
communities. Counts them from nothing, then touches some items and counts these, then finds nothing new, then makes the
breakdowns of the day. Prints what was measured, the medians of the rounds, beside what should be reached, with the most
memory that the process has used meanwhile. Indices have a prefix of their own, and go at the end.

`--scale 0.01` is a trial with a hundredth of the events.
"""

import argparse
import random
import statistics
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from comparison.measuring import Meter
from invenio_search.engine import search
from small_app import make_app

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.contrib.config import USAGE_AGGREGATIONS
from invenio_stats.processing.event_indices import ensure_events_index
from invenio_stats.proxies import current_stats

TYPES = ("record-view", "file-download")
DAY = datetime(2026, 11, 1, tzinfo=timezone.utc)
EVENTS_PER_ITEM = 10
EVENTS, MANY_EVENTS = 200_000, 600_000
TOUCHED = 1_000
COUNTRIES, HOSTS, COMMUNITIES = 200, 5_000, 300

Measured = dict[str, float]
"""What was measured in one day or in several, by name."""


class Row(NamedTuple):
    """A row of the table."""

    name: str
    text: str
    measure: str
    """The name of what was measured."""
    unit: str
    reach: float
    is_least: bool = False
    """Whether more is better."""

    def line(self, measured: Mapping[str, float]) -> str:
        """Return the line of the table."""
        value = measured[self.measure]
        is_met = value >= self.reach if self.is_least else value < self.reach
        reach = f"{'>=' if self.is_least else '<'} {self.reach:,g} {self.unit}"
        return f"{self.name:<12}{self.text:<62}{reach:>18}{value:>12,.4g} {self.unit:<9}{'yes' if is_met else 'no'}"


ROWS = (
    Row("day", "200,000 events of 20,000 items, from nothing", "rate", "events/s", 10_000, is_least=True),
    Row("large-day", "600,000 events of 60,000 items, share of that rate", "share", "of it", 0.6, is_least=True),
    Row("touched", "1,000 items touched in a day of 600,000 events", "touched", "s", 5),
    Row("nothing", "nothing new", "nothing", "s", 0.5),
    Row("memory", "the most memory of the worker in all of these", "memory", "MiB", 300),
    Row("breakdowns", "600,000 events: 200 countries, 5,000 hosts, 300 communities", "breakdowns", "s", 90),
    Row("breakdowns", "the most memory of the worker meanwhile", "breakdowns_memory", "MiB", 300),
)
NAMES = tuple(dict.fromkeys(row.name for row in ROWS))


def use(prefix: str, serial: int, item: int) -> dict:
    """Return a view or a download as it is stored: some items are popular, sessions have three uses each."""
    chance = random.Random(serial)
    event_type = TYPES[serial % 2]
    session = f"{serial // 3:056}"
    country, host = int(COUNTRIES * chance.random() ** 3), int(HOSTS * chance.random() ** 3)
    return {
        "_index": f"{prefix}events-stats-{event_type}-{DAY:%Y-%m-%d}",
        "_id": uuid.UUID(int=serial).hex,
        "timestamp": f"{DAY:%Y-%m-%d}T{chance.randrange(24):02}:{chance.randrange(60):02}:00",
        "unique_id": f"recid_{item}",
        "item_id": f"{item:06}",
        "parent_id": f"{item // 2:06}",
        "labels": [str(uuid.UUID(int=item % COMMUNITIES))],
        "access_status": "open",
        "access_type": "Open",
        "visitor_id": session,
        "unique_session_id": session,
        "country": f"{chr(65 + country // 26)}{chr(65 + country % 26)}",
        "referrer": f"host-{host:04}.example.org",
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


def aggregate(name: str) -> None:
    """Run one aggregation."""
    definition = current_stats.aggregations[name]
    aggregator = definition.cls(name=name, **definition.params)
    # Otherwise the overlap of some minutes, and the minute that a bookmark goes back, would count all events again.
    aggregator.overlap = timedelta(seconds=-60)
    aggregator.run()


class Day:
    """The events of one day, and what is measured while they are counted."""

    def __init__(self, client, prefix: str, events: int):
        """Take the number of events that are stored at first."""
        self.client, self.prefix, self.events = client, prefix, events
        self.items = max(1, events // EVENTS_PER_ITEM)
        self.measured: Measured = {}

    def store(self) -> None:
        """Store the events."""
        for event_type in TYPES:
            ensure_events_index(self.client, f"{self.prefix}events-stats-{event_type}", DAY, now=DAY)
        self._store(uses(self.prefix, 0, self.events, self.items))

    def touch(self, number: int) -> None:
        """Store one more event of so many items."""
        step = max(1, self.items // number)
        self._store(use(self.prefix, self.events + count, count * step % self.items) for count in range(number))

    def count(self, name: str, aggregation: str = "item-usage-agg") -> None:
        """Run an aggregation; note its seconds under the name, and the most memory."""
        with Meter()() as measure:
            aggregate(aggregation)
        self.measured[name] = measure["wall"]
        memory = "breakdowns_memory" if name == "breakdowns" else "memory"
        self.measured[memory] = max(self.measured.get(memory, 0), measure["most_mb"])

    def break_down(self) -> None:
        """Make the breakdowns of the day, which wait until item and record usage are counted."""
        for aggregation in ("item-usage-agg", "record-usage-agg"):
            BookmarkAPI(self.client, aggregation, "day").set_bookmark(f"{DAY + timedelta(days=1):%Y-%m-%d}T01:00:00")
        self.count("breakdowns", "usage-breakdown-agg")

    def _store(self, events: Iterator[dict]) -> None:
        search.helpers.bulk(self.client, events, chunk_size=5_000)
        self.client.indices.refresh(index=f"{self.prefix}*")


def measure_day(day: Day, rows: Collection[str], touched: int) -> Measured:
    """Return what the rows want of a day."""
    day.store()
    if {*rows} - {"breakdowns"}:
        day.count("everything")
    if {*rows} & {"touched", "memory"}:
        day.touch(touched)
        day.count("touched")
    if {*rows} & {"nothing", "memory"}:
        day.count("nothing")
    if "breakdowns" in rows:
        day.break_down()
    return day.measured


def alone(url: str, measure: Callable[[object, str], Measured]) -> Measured:
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
            return measure(client, prefix)
        finally:
            client.indices.delete(index=f"{prefix}*", ignore=[404])
            client.indices.delete_template(name=f"{prefix}*", ignore=[404])


def measure(url: str, rows: Collection[str], scale: float) -> Measured:
    """Measure once what the rows want, each number of events under a prefix of its own."""
    found: Measured = {}
    if {"day", "large-day"} & {*rows}:
        events = int(EVENTS * scale)
        day = alone(url, lambda client, prefix: measure_day(Day(client, prefix, events), ["day"], 0))
        found |= {"rate": events / day["everything"], "memory": day["memory"]}
    if {*rows} - {"day"}:
        events, touched = int(MANY_EVENTS * scale), max(1, int(TOUCHED * scale))
        large = alone(url, lambda client, prefix: measure_day(Day(client, prefix, events), rows, touched))
        if "large-day" in rows:
            found["share"] = events / large["everything"] / found["rate"]
        found = {**large, **found, "memory": max(large.get("memory", 0), found.get("memory", 0))}
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search_url")
    parser.add_argument("--rows", nargs="+", choices=NAMES, default=NAMES, help="Only these rows.")
    parser.add_argument("--rounds", type=int, default=3, help="How often each is measured.")
    parser.add_argument("--scale", type=float, default=1, help="Share of the events and of the items touched.")
    arguments = parser.parse_args()
    start = time.monotonic()
    rounds = [measure(arguments.search_url, arguments.rows, arguments.scale) for _ in range(arguments.rounds)]
    measured = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    print(f"{'row':<12}{'what':<62}{'reach':>18}{'measured':>12} {'':<9}met")
    for row in ROWS:
        if row.name in arguments.rows:
            print(row.line(measured))
    print(f"{arguments.rounds} rounds in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
