"""The first complete day of an event type: what events and totals tell about it."""

from datetime import datetime, timedelta

from invenio_stats.core.intervals import Interval, floor
from invenio_stats.core.moments import BEGINNING

NOTHING_MISSING = BEGINNING
"""The first complete day if no event was ever deleted: nothing is too old."""


def has_risen(before: datetime | None, now: datetime | None) -> bool:
    """Return True if the oldest event is later than it was before, or gone; None means that there is no event.

    Within an hour it may rise although nothing was deleted: a double click takes the time of its last click.
    """
    return before is not None and (now is None or floor(now, "hour") > floor(before, "hour"))


def judge(
    before: datetime | None,
    oldest_event: datetime | None,
    oldest_total: datetime | None,
    interval: Interval,
    now: datetime,
    lost_whole_days: bool = False,
) -> datetime:
    """Return the first complete day that the oldest event and the oldest total suggest.

    Events have been deleted if the oldest one has risen since it was looked at `before`, or if totals reach further
    back than the interval of the oldest event. Then the day of the oldest event may have lost some, too: the day after
    it is the first that is complete, unless only whole days before it were lost. It is never later than today, whose
    events are still coming in. Without totals there is nothing that could shrink.
    """
    if oldest_total is None:
        return NOTHING_MISSING
    if oldest_event is None:
        return floor(now, "day")
    if not has_risen(before, oldest_event) and oldest_total >= floor(oldest_event, interval):
        return NOTHING_MISSING
    day = floor(oldest_event, "day")
    return min(day if lost_whole_days else day + timedelta(days=1), floor(now, "day"))
