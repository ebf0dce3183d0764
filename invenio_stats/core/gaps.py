"""Decide which finished days are gaps: their numbers are too low, because events of them are missing."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from statistics import median
from typing import Any, Literal, NamedTuple

from invenio_stats.core.weekdays import WEEKS, same_weekdays

Reason = Literal["silent", "refused", "lost", "without_item", "before_first_day", "closed"]

MISSING_REASONS: tuple[Reason, ...] = ("refused", "lost", "without_item")
"""Reasons of the counters of events that are missing from totals."""

_MIN_EVENTS = 20
"""Events of a usual day. On a day of fewer, none may be chance."""

_MAX_MISSING = 0.01
"""Share of a day's events."""

_DAY, _WEEK = timedelta(days=1), timedelta(weeks=1)


class Gap(NamedTuple):
    """A range of days, both included, in which events of a type are missing."""

    first: date
    last: date
    event_type: str
    reason: Reason

    def as_dict(self) -> dict[str, str]:
        """Return the gap for JSON."""
        edges = {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return {**edges, "event_type": self.event_type, "reason": self.reason}


def read_gap(value: Mapping[str, Any]) -> Gap:
    """Return the gap that `as_dict` has written."""
    first, last = date.fromisoformat(value["from"]), date.fromisoformat(value["to"])
    return Gap(first, last, value["event_type"], value["reason"])


def silent_days(events: Mapping[date, int], last: date) -> list[date]:
    """Return the days up to the last without any event, where the eight same weekdays before have a median of 20.

    `events` are the numbers of events by day. After a month of silence there are no such days any more.
    """
    near = {day + week * _WEEK for day, number in events.items() if number for week in range(1, WEEKS + 1)}
    return sorted(day for day in near if day <= last and not events.get(day) and _usual(events, day) >= _MIN_EVENTS)


def incomplete_days(events: Mapping[date, int], missing: Mapping[date, int]) -> list[date]:
    """Return the days of which more than one event in a hundred is missing; `events` are those that are there."""
    return sorted(day for day, number in missing.items() if number > _MAX_MISSING * (events.get(day, 0) + number))


def join(days: Iterable[date], event_type: str, reason: Reason) -> list[Gap]:
    """Return the gaps of some days, given in order; days that follow each other are one gap."""
    found: list[Gap] = []
    for day in days:
        if found and day - found[-1].last == _DAY:
            found[-1] = found[-1]._replace(last=day)
        else:
            found.append(Gap(day, day, event_type, reason))
    return found


def within(gaps: Iterable[Gap], first: date, last: date) -> list[Gap]:
    """Return the parts of gaps that lie in a range of days, both included."""
    cut = (gap._replace(first=max(gap.first, first), last=min(gap.last, last)) for gap in gaps)
    return [gap for gap in cut if gap.first <= gap.last]


def _usual(events: Mapping[date, int], day: date) -> float:
    return median(events.get(before, 0) for before in same_weekdays(day))
