"""Calculate with ranges of whole days in UTC: periods, intervals of a series, and the period to compare with."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

PERIODS = ("30d", "12m", "year", "all")
"""Names of periods; all but `all` are a range without further knowledge."""

INTERVALS = ("day", "week", "month", "quarter", "year")
"""The steps of a series, shortest first."""

_LONGEST = (("day", 31), ("week", 26 * 7), ("month", 36 * 31), ("quarter", 10 * 366))
"""Each interval with the greatest number of days for which it is the usual one."""

FIRST_DAY = date(1970, 1, 1)
"""No repository has numbers from before; it bounds the number of intervals in an answer."""

_DAY = timedelta(days=1)


class Days(NamedTuple):
    """A range of days; both ends belong to it."""

    first: date
    last: date

    @property
    def end(self) -> date:
        """The day after the last."""
        return self.last + _DAY

    @property
    def length(self) -> int:
        """The number of days."""
        return (self.end - self.first).days

    @property
    def months(self) -> int | None:
        """The number of months; None if the range is not one of whole months."""
        if self.first.day != 1 or self.end.day != 1:
            return None
        return (self.end.year - self.first.year) * 12 + self.end.month - self.first.month

    def within(self, first: date | None = None, last: date | None = None) -> "Days | None":
        """Return the part of the range from `first` to `last`; None if it has none."""
        part = Days(max(self.first, first or self.first), min(self.last, last or self.last))
        return part if part.first <= part.last else None


def parse_days(text: str) -> Days:
    """Return the days of '2026', '2026-05' or '2026-05-31'; a ValueError for any other text."""
    match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", text)
    if match is None:
        raise ValueError(f"{text!r} is not a year, month or day.")
    year, month, day = match.groups()
    if year == "9999":
        raise ValueError(f"{text!r} has no day after it.")
    first = date(int(year), int(month or 1), int(day or 1))
    if day:
        return Days(first, first)
    following = add_months(first, 1 if month else 12)
    return Days(first, following - _DAY)


def find_period(name: str, today: date) -> Days:
    """Return the range of `30d`, `12m` or `year`: the first two end before today's day or month, the last ends now."""
    if name == "30d":
        return Days(today - 30 * _DAY, today - _DAY)
    if name == "12m":
        this_month = today.replace(day=1)
        return Days(add_months(this_month, -12), this_month - _DAY)
    return Days(today.replace(month=1, day=1), today)


def add_months(day: date, count: int) -> date:
    """Return the day so many months later, the last of a shorter month; a ValueError beyond the calendar."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def choose_interval(days: Days) -> str:
    """Return the usual interval of a range of this length."""
    months = days.months
    if months is not None and months <= 36 and days.length > 26 * 7:
        return "month"
    return next((interval for interval, longest in _LONGEST if days.length <= longest), "year")


def floor(day: date, interval: str) -> date:
    """Return the first day of the interval that contains the day; weeks begin on Monday."""
    if interval == "week":
        return day - day.weekday() * _DAY
    if interval == "day":
        return day
    month = {"month": day.month, "quarter": day.month - (day.month - 1) % 3, "year": 1}[interval]
    return date(day.year, month, 1)


def split(days: Days, interval: str) -> Iterator[Days]:
    """Yield the intervals of a range in order; the first and the last are cut to it."""
    first = days.first
    while first <= days.last:
        last = min(_next(first, interval) - _DAY, days.last)
        yield Days(first, last)
        first = last + _DAY


def _next(day: date, interval: str) -> date:
    """Return the first day of the next interval."""
    start = floor(day, interval)
    if interval in ("day", "week"):
        return start + (7 if interval == "week" else 1) * _DAY
    return add_months(start, {"month": 1, "quarter": 3, "year": 12}[interval])


Shift = Callable[[date], date]
"""Returns the day to compare a day with; order is kept, so that intervals stay intervals."""


def find_shift(days: Days, compare: str) -> Shift | None:
    """Return how days move to the period to compare with: `before`, `year`, or None for `none`.

    `before` is the same number of months before a range of whole months, otherwise the same number of days.
    """
    if compare == "year":
        return _year_before
    if compare != "before":
        return None
    months, length = days.months, days.length
    if months is not None:
        return lambda day: _months_before(day, months)
    return lambda day: day - length * _DAY


def _year_before(day: date) -> date:
    return _months_before(day, 12)


def _months_before(day: date, count: int) -> date:
    """Return the same day of a month before; the first day of the month after it, if it is shorter.

    The first day after the longer month moves there too, so that the days in between are compared with nothing.
    """
    moved = add_months(day, -count)
    return moved if moved.day == day.day else moved + _DAY


def shift_days(days: Days, shift: Shift) -> Days | None:
    """Return the range moved by a shift; None if nothing is left of it, or it leaves the calendar."""
    try:
        moved = Days(shift(days.first), shift(days.end) - _DAY)
    except (OverflowError, ValueError):
        return None
    return moved if moved.first <= moved.last else None
