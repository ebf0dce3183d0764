"""Keep the first complete day of each event type, from which on all raw events exist and totals can be recounted."""

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
"""The first complete day if no event was ever deleted: every interval can be recounted."""


def first_complete_day_of(event: str) -> str:
    """Return the name under which the day of an event type is stored."""
    return f"first-complete-day-{event}"


class FirstCompleteDay:
    """The first complete day of one event type. It is stored with the bookmarks, and never moves back.

    Totals of an interval that begins before it are never recounted: they would shrink.
    """

    def __init__(self, client: Any, event: str):
        """Name the event type."""
        self.client = client
        self._event = event
        self._kept = BookmarkAPI(client, first_complete_day_of(event), "day")

    def get(self) -> datetime | None:
        """Return the start of the day, or None if it has not been determined yet."""
        return self._kept.own_date()

    @property
    def document_ref(self) -> dict[str, str]:
        """Index and id of the document in which the day is stored."""
        return self._kept.document_ref

    def raise_to(self, day: datetime) -> None:
        """Record that events before a day may be gone; a day before the stored one changes nothing."""
        self._kept.set_bookmark(floor(day, "day"))

    def find(self, events: str, totals: str, interval: Interval, now: datetime, read: Found | None = None) -> datetime:
        """Return the start of the day; the first time, estimate it from the events and all totals, and store it.

        If the oldest total is before the interval of the oldest event, older events have been deleted: the first
        complete day is the day after the oldest event. If there are totals but no events, it is today.
        `read` is the document at `document_ref`, if the caller has just read it.
        """
        known = date_of(read) if read and read.get("found") else self.get()
        if known is not None:
            return known
        self.raise_to(self.estimate(events, totals, interval, now))
        return self.get() or NOTHING_MISSING

    def estimate(self, events: str, totals: str, interval: Interval, now: datetime) -> datetime:
        """Return the stored day, or an estimate from the oldest event and total. Does not save it.

        `totals` is the alias of the totals for an interval; those of the other aggregations of the event type are
        considered too, since they have the day in common.
        """
        known = self.get()
        if known is not None:
            return known
        others = _totals_of(self._event)
        interval = max((interval, *others.values()), key=INTERVALS.index)
        oldest_total = aliases.oldest(self.client, sorted({totals, *others}))
        # Including events that do not count: a day whose events were all excluded is still complete.
        oldest_event = aliases.oldest(self.client, aliases.indices_of(self.client, events))
        return _estimate(oldest_event, oldest_total, interval, now)


def first_complete_day_of_queue(client: Any, queue: str, events: str, now: datetime) -> datetime:
    """Return the first complete day of the event type of a queue; `events` is the alias of its events.

    NOTHING_MISSING if the queue belongs to no configured event type.
    """
    event = {names.queue(name): name for name in current_stats.events_config}.get(queue)
    if event is None:
        return NOTHING_MISSING
    totals = prefix_index(names.totals_alias(event))
    return FirstCompleteDay(client, event).find(events, totals, "day", now)


def _totals_of(event: str) -> dict[str, Interval]:
    """Return the aliases of the totals of an event type, each with the longest interval of its aggregations."""
    intervals: dict[str, Interval] = {}
    for name, definition in current_stats.aggregations.items():
        if definition.params.get("event") != event:
            continue
        with suppress(Exception):  # from the constructor of a custom class; a run of the aggregation reports it
            alias, interval = _alias_and_interval(name, definition)
            intervals[alias] = max(interval, intervals.get(alias, "hour"), key=INTERVALS.index)
    return intervals


def _alias_and_interval(name: str, definition: AggregationDefinition) -> tuple[str, Interval]:
    """Return alias and interval of an aggregation's totals; for a custom class, they are read from an instance."""
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
