"""Calendar intervals in UTC for which totals are counted: hour, day, month and year."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from invenio_stats.core.moments import UTC, utc

Interval = Literal["hour", "day", "month", "year"]

FORMATS: dict[Interval, str] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
"""The date format of each interval in index names and ids of totals, shortest interval first."""

ROUNDING: dict[Interval, str] = {"hour": "h", "day": "d", "month": "M", "year": "y"}
"""The engine's unit for rounding a date to each interval."""

INTERVALS: tuple[Interval, ...] = tuple(FORMATS)


def check_interval(value: object) -> Interval:
    """Return the value as an interval; a ValueError for any other value lists the intervals."""
    if not isinstance(value, str) or value not in FORMATS:
        raise ValueError(f"{value!r} is not an interval. Use one of: {', '.join(INTERVALS)}.")
    return value


def check_index_interval(value: object) -> Interval:
    """Return the value as the interval of an index; a ValueError for any other value says what to write.

    The format of an hour has a capital T, which no index name may have.
    """
    if value == "hour":
        raise ValueError("'hour' cannot be in the name of an index. Use one of: day, month, year.")
    return check_interval(value)


def is_longer(interval: Interval, other: Interval) -> bool:
    """Return True if an interval is longer than the other."""
    return INTERVALS.index(interval) > INTERVALS.index(other)


def floor(moment: datetime, interval: Interval) -> datetime:
    """Return the start of the interval that contains the moment."""
    moment = utc(moment)
    if interval == "day":
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if interval == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    return datetime(moment.year, moment.month if interval == "month" else 1, 1, tzinfo=UTC)


def after(start: datetime, interval: Interval) -> datetime:
    """Return the start of the next interval; behind the last one of the calendar, the calendar's last moment."""
    try:
        return _after(floor(start, interval), interval)
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=UTC)


def _after(start: datetime, interval: Interval) -> datetime:
    if interval == "hour":
        return start + timedelta(hours=1)
    if interval == "day":
        return start + timedelta(days=1)
    if interval == "year" or start.month == 12:
        return start.replace(year=start.year + 1, month=1)
    return start.replace(month=start.month + 1)


def starts(first: datetime, last: datetime, interval: Interval) -> Iterator[datetime]:
    """Yield the start of each interval from the one that contains `first` to the one that contains `last`."""
    start, last = floor(first, interval), utc(last)
    while start <= last:
        yield start
        start = after(start, interval)


def label(moment: datetime, interval: Interval) -> str:
    """Format the interval that contains the moment: '2026-01' for a month."""
    return utc(moment).strftime(FORMATS[interval])
