"""First complete day: from it on the raw events of an event type are all there, and totals can be counted anew."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.bookmark import BookmarkAPI, date_of
from invenio_stats.core import names
from invenio_stats.core.definitions import AggregationDefinition
from invenio_stats.core.intervals import INTERVALS, Interval, floor
from invenio_stats.core.moments import BEGINNING
from invenio_stats.proxies import current_stats
from invenio_stats.search import aliases
from invenio_stats.search.multi_get import Found

NOTHING_MISSING = BEGINNING
"""The first complete day where no event was ever deleted: nothing is too old."""


def first_complete_day_of(event: str) -> str:
    """Return the name under which the day of an event type is kept."""
    return f"first-complete-day-{event}"


class FirstCompleteDay:
    """The first complete day of one event type; it is kept beside the bookmarks, and only ever rises.

    Totals of an interval that begins before it are never counted anew: they would shrink.
    """

    def __init__(self, client: Any, event: str):
        """Name the event type."""
        self.client = client
        self._event = event
        self._kept = BookmarkAPI(client, first_complete_day_of(event), "day")

    def get(self) -> datetime | None:
        """Return the start of the day, or None where nobody has looked yet."""
        return self._kept.own_date()

    @property
    def document_ref(self) -> dict[str, str]:
        """Where the document is that holds the day."""
        return self._kept.document_ref

    def raise_to(self, day: datetime) -> None:
        """Say that events before a day may be gone; an earlier day than is known changes nothing."""
        self._kept.set_bookmark(floor(day, "day"))

    def find(self, events: str, totals: str, interval: Interval, now: datetime, read: Found | None = None) -> datetime:
        """Return the start of the day; the first time, judge by the events behind an alias and by all totals.

        Where totals reach further back than the interval of the oldest event, older events have been deleted: the
        day after that event's is the first that is whole. Where there is no event at all any more, it is today.
        `read` is the document at `document_ref`, where somebody has just read it.
        """
        known = date_of(read) if read and read.get("found") else self.get()
        if known is not None:
            return known
        self.raise_to(self.estimate(events, totals, interval, now))
        return self.get() or NOTHING_MISSING

    def estimate(self, events: str, totals: str, interval: Interval, now: datetime) -> datetime:
        """Return the start of the day as it is known, or as events and totals let one think; nothing is kept.

        The totals are those behind an alias for an interval, and those of the other aggregations of the event type:
        there is one day for all of them.
        """
        known = self.get()
        if known is not None:
            return known
        others = _totals_of(self._event)
        interval = max((interval, *others.values()), key=INTERVALS.index)
        oldest_total = aliases.oldest(self.client, sorted({totals, *others}))
        # Also among those that do not count: a day that is retracted is there.
        oldest_event = aliases.oldest(self.client, aliases.indices_of(self.client, events))
        return _estimate(oldest_event, oldest_total, interval, now)


def first_complete_day_of_queue(client: Any, queue: str, events: str, now: datetime) -> datetime:
    """Return the first complete day of the event type that a queue is for, with the alias of its events.

    Of a queue that is not one of ours nothing is known, so that nothing is too old.
    """
    event = {names.queue(name): name for name in current_stats.events_config}.get(queue)
    if event is None:
        return NOTHING_MISSING
    totals = prefix_index(names.totals_alias(event))
    return FirstCompleteDay(client, event).find(events, totals, "day", now)


def _totals_of(event: str) -> dict[str, Interval]:
    """Return the aliases of the totals of an event type, each with the longest interval that they are made for."""
    found: dict[str, Interval] = {}
    for name, definition in current_stats.aggregations.items():
        if definition.params.get("event") != event:
            continue
        with suppress(Exception):  # a class of somebody's own; its runs will say what is wrong
            alias, interval = _alias_and_interval(name, definition)
            found[alias] = max(interval, found.get(alias, "hour"), key=INTERVALS.index)
    return found


def _alias_and_interval(name: str, definition: AggregationDefinition) -> tuple[str, Interval]:
    """Return where the totals of an aggregation are, and what each covers; of a foreign class an object says it."""
    if definition.totals_alias is not None and definition.interval is not None:
        return aliases.with_prefix(definition.totals_alias), definition.interval
    aggregator = definition.cls(name=name, **definition.params)
    alias = getattr(aggregator, "index", None) or names.totals_alias(definition.params["event"])
    return aliases.with_prefix(alias), getattr(aggregator, "interval", "day")


def _estimate(
    oldest_event: datetime | None, oldest_total: datetime | None, interval: Interval, now: datetime
) -> datetime:
    if oldest_total is None:
        return NOTHING_MISSING
    if oldest_event is None:
        return floor(now, "day")
    is_whole = oldest_total >= floor(oldest_event, interval)
    return NOTHING_MISSING if is_whole else floor(oldest_event, "day") + timedelta(days=1)
