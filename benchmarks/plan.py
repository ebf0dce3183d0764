"""Plans an instance from what one event, total and message cost: `python benchmarks/plan.py MEASURED.json`.

The file is what `benchmarks/compare.py --json` writes, or its "constants" alone. Prints for each load how many workers
and aggregators it wants, shards, disk, cores of engine and web, memory of the broker, and which single thing is full
first. It multiplies and rounds up: a plan to start from, on machines like the one that was measured.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

_HOUR, _DAY, _YEAR = 3600, 86_400, 31_536_000
_GB = 1e9
_OPEN_DAYS = 62
"""Days with an index of their own: those of this month and of the one before."""
_OWN_INDICES = 4
"""Bookmarks, locks, agents, and what became of messages."""


@dataclass(frozen=True)
class Costs:
    """What was measured, in seconds of one core and in bytes."""

    web_seconds_per_event: float
    worker_events_per_second: float
    engine_seconds_per_event: float
    broker_seconds_per_event: float
    aggregator_seconds_per_total: float
    """Of a run, by total that is counted anew; the engine's part is in it."""
    aggregator_seconds_per_event: float
    """Of a run, by event of these totals."""
    engine_seconds_per_total: float
    totals_per_event: float
    event_bytes: float
    total_bytes: float
    message_bytes: float
    broker_bytes_per_message: float
    """Of memory, while messages wait."""

    @classmethod
    def read(cls, measured: Mapping[str, object]) -> "Costs":
        """Take them from a report of the comparison; ValueError names what is not there."""
        inner = measured.get("constants", measured)
        found: Mapping[str, float] = inner if isinstance(inner, Mapping) else {}
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if not isinstance(found.get(name), (int, float))]
        if missing:
            raise ValueError(
                f"The measured constants lack {', '.join(missing)}. "
                "Measure them with `benchmarks/compare.py --json`, without --quick and without --only."
            )
        return cls(**{name: float(found[name]) for name in names})


@dataclass(frozen=True)
class Wishes:
    """What an operator decides, and what a machine has."""

    retention_months: int = 13
    """How long raw events are kept; not fewer than two."""
    totals_years: int = 10
    replicas: int = 1
    event_types: int = 2
    things: int = 1_000_000
    """Records and files that may be seen on a day."""
    backlog_hours: float = 4
    """How long the search engine may be away before the broker is full."""
    busy: float = 0.5
    """How much of its time a worker, aggregator or core may be busy at the peak; the rest is for catching up."""
    shard_gb: float = 30
    node_shards: int = 1000
    node_cores: int = 8
    node_disk_gb: float = 1000
    broker_memory_gb: float = 4


class Load(NamedTuple):
    """So many events."""

    name: str
    per_second: float
    """On average."""
    peak_per_second: float
    """In the busiest hour."""


LOADS = (
    Load("10 events/s", 10, 10),
    Load("100 events/s", 100, 100),
    Load("1,000 events/s", 1000, 1000),
    Load("1 billion a year", 1e9 / _YEAR, 3e9 / _YEAR),
)
"""Three that are sustained, and one with its average and a peak of three times that."""


class Plan(NamedTuple):
    """What a load wants."""

    load: Load
    web_cores: float
    workers: int
    aggregators: int
    engine_cores: float
    nodes: int
    shards: int
    """With replicas."""
    raw_gb: float
    totals_gb: float
    broker_memory_gb: float
    broker_disk_gb: float
    full_first: str
    """What one machine of each kind has too little of first."""


def plan(load: Load, costs: Costs, wishes: Wishes) -> Plan:
    """Return what a load wants."""
    peak, copies = load.peak_per_second, 1 + wishes.replicas  # each of which costs the engine the same
    day = load.per_second * _DAY
    day_totals = min(wishes.things, day * costs.totals_per_event)
    raw = day * wishes.retention_months * 365 / 12 * costs.event_bytes * copies
    totals = day_totals * 365 * wishes.totals_years * costs.total_bytes * copies
    changed = min(wishes.things, peak * _HOUR * costs.totals_per_event)
    aggregating = changed * costs.aggregator_seconds_per_total + day * costs.aggregator_seconds_per_event
    engine = peak * costs.engine_seconds_per_event * copies + changed * costs.engine_seconds_per_total * copies / _HOUR
    waiting = peak * _HOUR * wishes.backlog_hours
    memory = waiting * costs.broker_bytes_per_message
    shards = _shards(load, costs, wishes, totals / copies) * copies
    shares = {
        "a worker": peak / costs.worker_events_per_second,
        "an aggregator": aggregating / _HOUR,
        "the cores of a node": engine / wishes.node_cores,
        "the disk of a node": (raw + totals) / copies / _GB / wishes.node_disk_gb,
        "the shards of a node": shards / copies / wishes.node_shards,
        "the broker's memory": memory / _GB / wishes.broker_memory_gb,
    }
    first = max(shares, key=lambda name: shares[name])
    return Plan(
        load=load,
        web_cores=peak * costs.web_seconds_per_event / wishes.busy,
        workers=_up(shares["a worker"] / wishes.busy),
        aggregators=_up(shares["an aggregator"] / wishes.busy),
        engine_cores=engine / wishes.busy,
        nodes=_nodes(engine, raw + totals, shards, wishes),
        shards=shards,
        raw_gb=raw / _GB,
        totals_gb=totals / _GB,
        broker_memory_gb=memory / _GB,
        broker_disk_gb=waiting * costs.message_bytes / _GB,
        full_first=f"{first} ({shares[first]:.0%})",
    )


def lines(plans: Sequence[Plan]) -> Iterator[str]:
    """Yield the table: a line for each thing, a column for each load."""
    rows = [("", *(planned.load.name for planned in plans))]
    rows += [(title, *(_written(getattr(planned, name)) for planned in plans)) for name, title in _TITLES.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        first, *others = row
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells)
        if number == 0:
            yield "-" * (sum(widths) + 2 * len(widths) - 2)


_TITLES = {
    "web_cores": "cores of web processes, for events alone",
    "workers": "workers that process",
    "aggregators": "aggregators, hourly",
    "engine_cores": "cores of the search engine",
    "nodes": "nodes of the search engine",
    "shards": "shards, replicas included",
    "raw_gb": "GB of raw events, replicas included",
    "totals_gb": "GB of totals, replicas included",
    "broker_memory_gb": "GB of the broker's memory, backlog",
    "broker_disk_gb": "GB of the broker's disk, backlog",
    "full_first": "one of each: full first is",
}


def _shards(load: Load, costs: Costs, wishes: Wishes, totals: float) -> int:
    """Return how many shards there are at most, without replicas.

    Of days, of months that were made one index, of months of totals and of automated traffic, and ours.
    """
    day = load.per_second * _DAY * costs.event_bytes / wishes.event_types
    months = wishes.totals_years * 12
    return _OWN_INDICES + wishes.event_types * (
        _OPEN_DAYS * _cut(day, wishes)
        + max(0, wishes.retention_months - 2) * _cut(day * 30.4, wishes)
        + months * _cut(totals / wishes.event_types / months, wishes)
        + months
    )


def _cut(size: float, wishes: Wishes) -> int:
    return _up(size / _GB / wishes.shard_gb)


def _nodes(engine: float, disk: float, shards: int, wishes: Wishes) -> int:
    """Return how many nodes it takes; more than one as soon as there are replicas."""
    needed = (
        1 + wishes.replicas,
        _up(engine / wishes.busy / wishes.node_cores),
        _up(disk / _GB / wishes.node_disk_gb),
        _up(shards / wishes.node_shards),
    )
    return max(needed)


def _up(share: float) -> int:
    return max(1, math.ceil(share))


def _written(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    return value if isinstance(value, str) else f"{value:,}"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path, help="what benchmarks/compare.py --json wrote")
    for field in fields(Wishes):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(
            option, type=type(field.default), default=field.default, help=f"{field.default} unless given"
        )
    arguments = vars(parser.parse_args())
    measured = arguments.pop("measured")
    try:
        costs = Costs.read(json.loads(measured.read_text(encoding="utf-8")))
    except ValueError as error:
        parser.error(f"{measured}: {error}")
    wishes = Wishes(**arguments)
    for line in lines([plan(load, costs, wishes) for load in LOADS]):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
