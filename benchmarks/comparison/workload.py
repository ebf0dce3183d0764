"""Generate a seeded usage log of a repository, as raw events roughly in the order of arrival.

A few records and visitors are popular and most are not; four of five requests come from people; one in thirteen is
followed by a double click.
"""

import json
import os
import random
import uuid
from bisect import bisect
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NamedTuple

from comparison import agents

TYPES = ("file-download", "record-view")

_KEPT_SECONDS = 7200
_BY_HOUR = (2, 2, 2, 2, 2, 3, 4, 6, 9, 11, 12, 12, 11, 12, 12, 12, 11, 9, 8, 7, 7, 6, 4, 3)
_FIRST_OCTETS = (8, 12, 24, 31, 46, 62, 77, 81, 84, 91, 93, 109, 128, 130, 137, 141, 151, 176, 185, 193, 202, 217)


class Logged(NamedTuple):
    """One request that counts as an event."""

    kind: str
    raw: dict[str, Any]
    """What an event builder makes of it."""
    category: str
    """human, robot or machine."""


class Log(NamedTuple):
    """How much, over how many days, and the last of them, of which only so many seconds have passed."""

    events: int
    records: int
    days: int
    last_day: datetime
    """Midnight, naive UTC."""
    seconds: float = 86400.0
    seed: int = 7


def today() -> datetime:
    """Return the last midnight, naive UTC."""
    return datetime.now(timezone.utc).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)


def up_to_now(events: int, records: int, days: int, seed: int) -> Log:
    """Describe a log that ends at this hour."""
    hours = max(2, datetime.now(timezone.utc).hour)
    return Log(events, records, days, today(), hours * 3600.0, seed)


def of_yesterday(events: int, records: int, seed: int) -> Log:
    """Describe a log of one whole day."""
    return Log(events, records, 1, today() - timedelta(days=1), seed=seed)


def kept(folder: Path, log: Log) -> str:
    """Return the path of a log, written once: JSON lines, the catalogue first. Those of other hours are deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(timezone.utc).timestamp()
    for old in folder.glob("log-*"):
        if now - old.stat().st_mtime > _KEPT_SECONDS:
            old.unlink(missing_ok=True)
    shape = f"{log.events}-{log.records}-{log.days}-{log.last_day:%Y%m%d}-{log.seconds:.0f}-{log.seed}"
    path = folder / f"log-{shape}.jsonl"
    if not path.exists():
        half = path.with_suffix(f".{os.getpid()}")
        choose = random.Random(shape)
        catalogue = _catalogue(choose, log.records)
        with half.open("w", encoding="utf-8") as file:
            file.write(json.dumps(catalogue) + "\n")
            file.writelines(json.dumps(event) + "\n" for event in _events(choose, catalogue, log))
        half.replace(path)
    return str(path)


def catalogue_of(path: str) -> list[dict[str, Any]]:
    """Return the records of a log, each with its files."""
    with open(path, encoding="utf-8") as file:
        records: list[dict[str, Any]] = json.loads(next(file))
        return records


def events_of(path: str, most: int | None = None) -> Iterator[Logged]:
    """Yield the events of a log."""
    with open(path, encoding="utf-8") as file:
        next(file)
        for line in islice(file, most):
            yield Logged(*json.loads(line))


def by_type(path: str, most: int | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return the raw events of a log by their type."""
    return sorted_by_type(events_of(path, most))


def sorted_by_type(events: Iterable[Logged]) -> dict[str, list[dict[str, Any]]]:
    """Return raw events by their type."""
    raw: dict[str, list[dict[str, Any]]] = {kind: [] for kind in TYPES}
    for event in events:
        raw[event.kind].append(event.raw)
    return raw


def _catalogue(choose: random.Random, records: int) -> list[dict[str, Any]]:
    names = ["paper", "data", "dataset", "supplement", "README", "thesis"]
    endings = [".pdf", ".zip", ".csv", ".tar.gz", ".md"]
    return [
        {
            "record_id": _uuid(choose),
            "pid_type": "recid",
            "pid_value": f"{choose.getrandbits(40):010x}-{number:x}",
            "bucket_id": _uuid(choose),
            "files": [
                {
                    "file_id": _uuid(choose),
                    "file_key": f"{choose.choice(names)}-{number}{choose.choice(endings)}",
                    "size": int(10 ** choose.uniform(3, 9)),
                }
                for number in range(min(8, 1 + int(choose.expovariate(0.7))))
            ],
        }
        for number in range(records)
    ]


def _uuid(choose: random.Random) -> str:
    return str(uuid.UUID(int=choose.getrandbits(128), version=4))


class _Visitors:
    """Those of one category; the first ones come most often."""

    def __init__(self, choose: random.Random, category: str, count: int, texts: list[str]):
        self._choose = choose
        weights = _falling(len(texts), 0.6)
        self._all = [self._visitor(category, choose.choices(texts, cum_weights=weights)[0]) for _ in range(count)]
        self._weights = _falling(count, 0.6)

    def any(self) -> dict[str, Any]:
        return self._all[bisect(self._weights, self._choose.random() * self._weights[-1])]

    def _visitor(self, category: str, agent: str) -> dict[str, Any]:
        choose = self._choose
        visitor = {"ip_address": _address(choose), "user_agent": agent, "user_id": None, "session_id": None}
        if category == "human" and choose.random() < 0.04:
            visitor["user_id"] = str(choose.randrange(1, 5000))
            visitor["session_id"] = f"{choose.getrandbits(64):016x}"
        return visitor


def _events(choose: random.Random, catalogue: list[dict[str, Any]], log: Log) -> Iterator[Logged]:
    """Yield the events hour by hour, in each in the order of their arrival."""
    count = max(50, log.events // 6)
    browsers = [agents.browser(choose) for _ in range(max(500, log.events // 10))]
    visitors = {
        "human": _Visitors(choose, "human", max(20, int(count * 0.85)), browsers),
        "robot": _Visitors(choose, "robot", max(10, int(count * 0.10)), list(agents.ROBOTS)),
        "machine": _Visitors(choose, "machine", max(5, int(count * 0.05)), list(agents.MACHINES)),
    }
    popular = _falling(len(catalogue), 1.0)

    def at(when: datetime) -> Logged:
        category = choose.choices(["human", "robot", "machine"], [80, 15, 5])[0]
        record = choose.choices(catalogue, cum_weights=popular)[0]
        return _event(choose, category, visitors[category].any(), record, when)

    for start, seconds, wanted in _hours(log):
        arrived: list[tuple[datetime, Logged]] = []
        while len(arrived) < wanted:
            when = start + timedelta(seconds=choose.random() * seconds)
            event = at(when)
            arrived.append((when + timedelta(seconds=choose.expovariate(1.0)), event))
            if choose.random() < 0.08:
                again = when + timedelta(seconds=choose.uniform(0.3, 30))
                arrived.append((again + timedelta(seconds=choose.expovariate(1.0)), _at(event, again)))
        yield from (event for _, event in sorted(arrived[:wanted], key=lambda arrival: arrival[0]))


def _hours(log: Log) -> Iterator[tuple[datetime, float, int]]:
    """Yield the start of each hour, its length in seconds, and how many events it has; the last day's are shorter."""
    hours = []
    for day in range(log.days):
        start = log.last_day - timedelta(days=log.days - 1 - day)
        length = 3600.0 if day < log.days - 1 else log.seconds / 24
        busy = 0.6 if start.weekday() >= 5 else 1.0
        hours += [(start + timedelta(seconds=hour * length), length, busy * _BY_HOUR[hour]) for hour in range(24)]
    whole = sum(weight for _, _, weight in hours)
    passed, given = 0.0, 0
    for start, length, weight in hours:
        passed += weight
        due = round(log.events * passed / whole)
        yield start, length, due - given
        given = due


def _event(
    choose: random.Random, category: str, visitor: dict[str, Any], record: dict[str, Any], when: datetime
) -> Logged:
    came_from = choose.random()
    referrer = "https://www.example.org/search?q=bees" if came_from < 0.7 else None
    if choose.random() < 0.4:
        thing = {"bucket_id": record["bucket_id"], **choose.choice(record["files"])}
        return _at(Logged("file-download", {**thing, "referrer": referrer, **visitor}, category), when)
    thing = {name: record[name] for name in ("record_id", "pid_type", "pid_value")}
    return _at(Logged("record-view", {**thing, "referrer": referrer, **visitor}, category), when)


def _at(event: Logged, when: datetime) -> Logged:
    return event._replace(raw={**event.raw, "timestamp": when.isoformat(timespec="seconds")})


def _address(choose: random.Random) -> str:
    if choose.random() < 0.06:
        parts = (choose.randrange(0x200, 0xFFF), choose.randrange(1, 0xFFFF), choose.randrange(1, 0xFFFF))
        return "2001:{:x}:{:x}::{:x}".format(*parts)
    numbers = (choose.choice(_FIRST_OCTETS), choose.randrange(1, 255), choose.randrange(255), choose.randrange(1, 255))
    return ".".join(map(str, numbers))


def _falling(count: int, steepness: float) -> list[float]:
    """Return cumulative weights that fall with the rank, as popularity does."""
    return list(accumulate(1.0 / (rank + 1) ** steepness for rank in range(count)))
