"""Select the intervals that a run of an aggregation counts."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from invenio_stats.core.intervals import Interval, floor
from invenio_stats.core.moments import utc

Split = Callable[[datetime, datetime], Iterable[datetime]]
"""Returns a moment in each interval from one date to another."""


class Selection(NamedTuple):
    """Moments in the intervals to count, in order, and the touched intervals that are left to a later run."""

    moments: list[datetime]
    waiting: list[datetime]


def select_all(
    touched: list[datetime], split: Split, interval: Interval, since: datetime, upper: datetime
) -> Selection:
    """Select the touched intervals, and every interval from `since` to `upper` whether touched or not."""
    from_since = _by_start(split(since, upper), interval)
    return Selection([from_since.get(start, start) for start in sorted({*touched, *from_since})], [])


def select_within(
    touched: list[datetime], split: Split, interval: Interval, since: datetime, upper: datetime, every: bool = False
) -> Selection:
    """Select the touched intervals that the split contains; with `every`, also untouched ones from `since` on.

    Touched intervals after the end of the split wait for a later run. A touched interval before `since` is skipped, and
    does not wait, if the split has earlier and later intervals but not this one.
    """
    # Three groups: touched before `since` (late events), in the split, and after its end.
    first = floor(since, interval)
    late = [start for start in touched if start < first]
    from_since = _by_start(split(since, upper), interval)
    earlier = _by_start(split(late[0], since), interval) if late else {}
    moments = {
        start: earlier.get(start, start) for start in late if start in earlier or not earlier or start > max(earlier)
    }
    moments.update((start, moment) for start, moment in from_since.items() if every or start in touched)
    waiting = [start for start in touched if start >= first and (not from_since or start > max(from_since))]
    return Selection([moments[start] for start in sorted(moments)], waiting)


def _by_start(moments: Iterable[datetime], interval: Interval) -> dict[datetime, datetime]:
    return {floor(moment, interval): utc(moment) for moment in moments}
