"""Decide whether a day of an item, a class of agents, a country or a referring host is worth a person's look."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from statistics import median
from typing import Literal, NamedTuple

from invenio_stats.core.weekdays import WEEKS, same_weekdays

What = Literal["item", "agent_class", "country", "referrer", "repository", "customer"]
"""What a number is about. Of the repository and of customers months are judged, of the others days."""

FACTOR = 10
"""A day is unusual from so many times the median of its eight same weekdays before on,"""
ADDEND = 100
"""if it is also so many more."""

MIN_WEEKS = 4
"""Weeks of history without which a day is not judged: the first weeks of a new record are no rule for the next."""
LAUNCH = timedelta(weeks=MIN_WEEKS)
"""How long after its first use an item is new."""
HISTORY = timedelta(weeks=WEEKS)


class Series(NamedTuple):
    """The uses of something on a day, and before."""

    what: What
    value: str
    """An item, a class of agents, a country or a host; "" if the country or host is not known."""
    number: int
    """Uses on the day."""
    before: Mapping[date, int]
    """Uses on earlier days, at least on the eight same weekdays before; a day that is absent had none."""
    first: date | None
    """When it was first used, or any day at least `HISTORY` before the day; None if not before the day."""
    untold: Collection[date] = ()
    """Days of which nobody can say how many uses there were: no zeros, although usage was counted."""


def find_usual(series: Series, day: date, counted: Collection[date]) -> float | None:
    """Return the median of the eight same weekdays before; None if there are fewer than four to compare with.

    Of the eight, those count on which usage was counted at all (`counted`), and that lie after the first use, except
    for those that are `untold`.
    """
    if series.first is None or is_new(series.first, day):
        return None
    told = [before for before in same_weekdays(day) if before in counted and before not in series.untold]
    known = [before for before in told if before >= series.first]
    return median(series.before.get(before, 0) for before in known) if len(known) >= MIN_WEEKS else None


def judge(
    series: Series, day: date, counted: Collection[date], count_new_uses: Callable[[Series], int]
) -> float | None:
    """Return what is usual if the day is unusual; else None.

    `count_new_uses` returns how many of the uses of a country, a host or a class of agents are of new items. If the day
    is usual without them, it is the launch of a record.
    """
    usual = find_usual(series, day, counted)
    if usual is None or not is_unusual(series.number, usual):
        return None
    if series.what == "item" or is_unusual(series.number - count_new_uses(series), usual):
        return usual
    return None


def is_new(first: date, day: date) -> bool:
    """Return True if something that was first used on one day is too new on another one to be judged."""
    return first > day - LAUNCH


def is_unusual(number: int, usual: float) -> bool:
    """Return True for at least ten times what is usual, and at least 100 more."""
    return number >= FACTOR * usual and number >= usual + ADDEND


def may_be_unusual(series: Series, day: date) -> bool:
    """Return False if the day cannot be unusual, whenever the first use was, and whatever days were counted."""
    return is_unusual(series.number, median(series.before.get(before, 0) for before in same_weekdays(day)))
