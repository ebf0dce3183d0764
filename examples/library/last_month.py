"""Make some use of the month before, as if a log had been imported: breakdowns are for whole months only."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from itertools import product
from typing import Any

VISITORS = {"DE": 12, "FR": 8, None: 6, "LU": 3, "IS": 2}
"""Visitors of each day by country; None: not known."""
HOSTS = ("www.example.org", "search.example.com", None)
DAYS = (5, 12)
VIEWED = 3
"""Records that are used: the first ones."""


def make_last_month(records: list[dict[str, Any]], today: date) -> Iterator[dict[str, Any]]:
    """Yield views and downloads of the month before; each has its thing, visitor, time, country and host."""
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    for day, (country, visitors) in product(DAYS, VISITORS.items()):
        for number in range(visitors):
            visitor = f"{month:%Y-%m}-{day}-{country}-{number}"
            moment = datetime.combine(month.replace(day=day), time(10, number), timezone.utc)
            about = {"visitor": visitor, "agency": "people", "time": moment.timestamp(), "country": country}
            about["host"] = HOSTS[number % len(HOSTS)]
            record = records[number % VIEWED]
            yield {**about, "thing": ["record", record["id"]]}
            if number % 2:
                yield {**about, "thing": ["file", record["bucket"], record["files"][0]["key"]]}
