"""Decide for each finished day whether it is counted, counted in part, or not counted."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from invenio_stats.core.gaps import Gap, Reason
from invenio_stats.core.intervals import floor

DayState = Literal["counted", "in_part", "not_counted"]

NOTHING_THERE: tuple[Reason, ...] = ("silent", "before_first_day")
"""Reasons of gaps in which no event of a type is counted; in the others some are missing."""


class Counted(NamedTuple):
    """What is known about an event type."""

    updated: datetime | None
    """Up to then it is counted; None if nothing is."""
    gaps: Collection[Gap]


def days_between(first: date, last: date) -> list[date]:
    """Return the days of a range, both ends included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def judge_days(first: date, last: date, counted: Mapping[str, Counted]) -> dict[date, DayState]:
    """Return the state of each day from the first to the last, both included, of all event types together.

    A day is not counted if no type is, and counted if every type wholly is.
    """
    return {day: _judge([_judge_type(day, found) for found in counted.values()]) for day in days_between(first, last)}


def _judge(states: list[DayState]) -> DayState:
    known = set(states)
    return known.pop() if len(known) == 1 else "in_part" if known else "not_counted"


def _judge_type(day: date, counted: Counted) -> DayState:
    if counted.updated is None or floor(counted.updated, "day").date() < day:
        return "not_counted"
    reasons = {gap.reason for gap in counted.gaps if gap.first <= day <= gap.last}
    if reasons & {*NOTHING_THERE}:
        return "not_counted"
    is_whole = not reasons and floor(counted.updated, "day").date() > day
    return "counted" if is_whole else "in_part"
