"""Make a year of use, as if logs had been imported: for the pages of statistics, with what they have to cope with.

There are weekends and growth, popular records and others, restricted and embargoed ones, a day without any event, and
one on which a robot asks for everything.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from itertools import accumulate
from typing import Any

Act = dict[str, Any]
"""Who used what: `visitor`, `agency` (people or robots), `time`, `country`, `host`, and the `thing`."""

MONTHS = 12
"""Whole months, before the one that has begun."""
VISITS = 32
"""On a working day in the middle of the time."""
WEEKEND = 0.6
GAP_DAYS_AGO = 33
"""About how long ago the day without events is; it is a Wednesday, as usual as can be."""
FLOOD_DAYS_AGO = 19
FLOOD = 2_000
FLOOD_STEP = 2.0
"""Seconds between its requests: it comes to no record twice within a double-click window."""

COUNTRIES = {"DE": 26, "US": 18, "FR": 14, "IN": 12, "GB": 10, "BR": 10, None: 10}
HOSTS = {"scholar.example.com": 30, None: 30, "www.example.org": 20, "search.example.com": 20}
RARE = (("MT", "blog.example.net"), ("LI", "wiki.example.net"))
"""Country and host of the first visitors of each day: too few to be shown."""


def make_history(records: list[dict[str, Any]], today: date, choice: random.Random) -> Iterator[Act]:
    """Yield the acts of use of the months before and of this one, until yesterday. No visitor uses a thing twice."""
    first, gap, flood = find_days(today)
    days = [first + timedelta(days=number) for number in range((today - first).days)]
    for number, day in enumerate(days):
        growth = 0.75 + number / len(days) / 2
        visits = round(VISITS * growth * (WEEKEND if day.weekday() > 4 else 1.0))
        if day != gap:
            yield from _day(records, day, visits, choice)
        if day == flood:
            yield from _flood(records, day)


def find_days(today: date) -> tuple[date, date, date]:
    """Return the first day, the day without events, and that of the robot."""
    months = today.year * 12 + today.month - 1 - MONTHS
    gap = today - timedelta(days=GAP_DAYS_AGO)
    return (
        date(months // 12, months % 12 + 1, 1),
        gap - timedelta(days=(gap.weekday() - 2) % 7),
        today - timedelta(days=FLOOD_DAYS_AGO),
    )


def _day(records: list[dict[str, Any]], day: date, visits: int, choice: random.Random) -> Iterator[Act]:
    published = [record for record in records if record["publication_date"] <= day.isoformat()]
    weights = list(accumulate(_popularity(record) for record in published))
    for number in range(visits):
        country, host = RARE[number] if number < len(RARE) else (_draw(COUNTRIES, choice), _draw(HOSTS, choice))
        about = {"visitor": f"{day}-{number}", "agency": "people", "country": country, "host": host}
        # An hour at most, so that each visitor is one session.
        start = _moment(day) + 3600 * choice.randint(6, 21) + choice.randint(0, 1800)
        (record,) = choice.choices(published, cum_weights=weights)
        yield {**about, "time": start, "thing": ["record", record["id"]]}
        files = [file for file in record["files"] if not file["missing"]]
        wanted = min(choice.choice((0, 1, 1, 1, 2)), len(files)) if record["access_status"] != "embargoed" else 0
        for position, file in enumerate(choice.sample(files, wanted), start=1):
            yield {**about, "time": start + 40 * position, "thing": ["file", record["bucket"], file["key"]]}


def _popularity(record: dict[str, Any]) -> float:
    """Return the weight of a record: some are far more popular, and restricted ones have few readers."""
    number = int(record["id"])
    return (0.3 if record["access_status"] == "restricted" else 1.0) / (1 + number * 7 % 40) ** 0.8


def _flood(records: list[dict[str, Any]], day: date) -> Iterator[Act]:
    about = {"visitor": f"{day}-flood", "agency": "robots", "country": None, "host": None}
    for number in range(FLOOD):
        moment = _moment(day) + 3600 * 2 + FLOOD_STEP * number
        yield {**about, "time": moment, "thing": ["record", records[number % len(records)]["id"]]}


def _moment(day: date) -> float:
    return datetime.combine(day, time(), timezone.utc).timestamp()


def _draw(shares: dict[str | None, int], choice: random.Random) -> str | None:
    return choice.choices(list(shares), list(shares.values()))[0]
