"""Find the same weekdays of the weeks before: usage has the rhythm of a week."""

from datetime import date, timedelta

WEEKS = 8
"""Weeks before that a day is compared with."""


def same_weekdays(day: date) -> list[date]:
    """Return the same weekdays of the eight weeks before a day, the newest first."""
    return [day - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
