"""Visits: which intervals a run of an aggregation goes through."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from invenio_stats.core.intervals import Interval, floor
from invenio_stats.core.moments import utc

Split = Callable[[datetime, datetime], Iterable[datetime]]
"""Gives a moment in each interval from one date to another."""


class Selection(NamedTuple):
    """Moments in the intervals to go through, in order, and touched intervals that are left to a later run."""

    moments: list[datetime]
    waiting: list[datetime]


def select_all(
    touched: list[datetime], split: Split, interval: Interval, since: datetime, upper: datetime
) -> Selection:
    """Visit what was touched and every interval from `since` on, touched or not."""
    found = _by_start(split(since, upper), interval)
    return Selection([found.get(start, start) for start in sorted({*touched, *found})], [])


def select_within(
    touched: list[datetime], split: Split, interval: Interval, since: datetime, upper: datetime, every: bool = False
) -> Selection:
    """Visit what was touched, as far as the split has it; with `every`, also what was not, from `since` on.

    What lies behind the split's end waits. Of what was touched before `since`, only what the split leaves out
    between its ends is passed by: waiting is no choice there.
    """
    start = floor(since, interval)
    late = [one for one in touched if one < start]
    found = _by_start(split(since, upper), interval)
    earlier = _by_start(split(late[0], since), interval) if late else {}
    moments = {one: earlier.get(one, one) for one in late if one in earlier or not earlier or one > max(earlier)}
    moments.update((one, moment) for one, moment in found.items() if every or one in touched)
    waiting = [one for one in touched if one >= start and (not found or one > max(found))]
    return Selection([moments[one] for one in sorted(moments)], waiting)


def _by_start(moments: Iterable[datetime], interval: Interval) -> dict[datetime, datetime]:
    return {floor(moment, interval): utc(moment) for moment in moments}
