"""Aggregate: from raw events to one total for each thing and interval."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from dateutil.relativedelta import relativedelta
from flask import current_app
from invenio_search import current_search_client
from invenio_search.utils import prefix_index

from invenio_stats.bookmark import SUPPORTED_INTERVALS, BookmarkAPI, format_range_dt
from invenio_stats.core import names
from invenio_stats.core.intervals import FORMATS, ROUNDING, Interval, label, starts
from invenio_stats.core.mappings import Field
from invenio_stats.core.metrics import ALLOWED_METRICS
from invenio_stats.core.moments import utc
from invenio_stats.search import aliases
from invenio_stats.search.multi_get import Found
from invenio_stats.totals import attributes, deletion
from invenio_stats.totals.counted_interval import count_interval
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.run import Run
from invenio_stats.totals.writing import Action

__all__ = (
    "ALLOWED_METRICS",
    "INTERVAL_DELTAS",
    "INTERVAL_ROUNDING",
    "SUPPORTED_INTERVALS",
    "BookmarkAPI",
    "StatAggregator",
    "filter_robots",
    "format_range_dt",
)

INTERVAL_ROUNDING = ROUNDING
"""The engine's unit for rounding a date to each interval."""

INTERVAL_DELTAS = {interval: relativedelta(**{f"{interval}s": 1}) for interval in FORMATS}
"""What brings a date one interval further."""


def filter_robots(search: Any, **params: Any) -> Any:
    """Narrow a search to the events of people: neither robots nor machines."""
    return search.exclude("term", is_robot=True).exclude("term", is_machine=True)


class StatAggregator:
    """Keeps the totals of an event type equal to a recount of its raw events.

    A run finds the pairs of interval and key that were touched since the bookmark, whatever their age, and counts
    each anew. A total is written only where it differs from what is stored. Several runs at once share the intervals.
    """

    # Defaults for subclasses that skip `super().__init__`; a subclass or its user may set any of them at any time.
    name: str
    event: str
    bookmark_api: Any
    client: Any = current_search_client
    event_index: str | None = None
    index: str | None = None
    field: str | None = None
    fields: Mapping[str, Field] | None = None
    metric_fields: Mapping[str, Any] | None = None
    copy_fields: Mapping[str, Any] | None = None
    query_modifiers: Iterable[Any] = (filter_robots,)
    interval: Interval = "day"
    index_interval: Interval = "month"
    doc_id_suffix: str | None = None
    index_name_suffix: str | None = None
    max_bucket_size: int = attributes.MAX_PAGE_SIZE
    count_automated: bool = False
    overlap = timedelta(minutes=2)
    """How far before the bookmark events are read again: time-out of a bulk request, and clocks that disagree."""
    on_interval: Callable[[int, int], None] | None = None
    """Is told of each interval of a run that is counted: how many they are, and of how many."""
    held = 0
    """How many intervals the last run left to runs beside it, which were working on them."""
    current_run: Run | None = None
    """The run that is at work; None between runs."""

    def __init__(
        self,
        name: str,
        event: str,
        client: Any = None,
        field: str | None = None,
        metric_fields: Mapping[str, Any] | None = None,
        copy_fields: Mapping[str, Any] | None = None,
        query_modifiers: Iterable[Any] | None = None,
        interval: Interval = "day",
        index_interval: Interval = "month",
        max_bucket_size: int = 10_000,
        fields: Mapping[str, Field] | None = None,
        count_automated: bool = False,
    ):
        """Aggregate the events behind the alias of `event`, which need not be a configured type.

        :param name: the aggregation's, under which its bookmark is kept.
        :param field: what makes events belong to the same total.
        :param metric_fields: `{name: (metric, field of the events, options)}`.
        :param copy_fields: `{name: field of the newest event, or (event, total) -> value}`.
        :param query_modifiers: functions that narrow the search for what counts; default: people only.
        :param interval: what a total covers: hour, day, month or year.
        :param index_interval: what an index of totals covers; not shorter than `interval`.
        :param max_bucket_size: totals that are read at once; it bounds memory, never a number.
        :param fields: mappings of the totals' own fields, for a type without index templates.
        :param count_automated: count robots, AI agents and machines too, by class, in indices of their own.
        """
        self.name = name
        self.event = event
        self.client = current_search_client if client is None else client
        self.event_index = prefix_index(names.events_alias(event))
        self.index = prefix_index(names.totals_alias(event))
        self.field = field
        self.fields = fields
        self.count_automated = count_automated
        self.metric_fields = dict(metric_fields or {})
        self.copy_fields = dict(copy_fields or {})
        self.query_modifiers = [filter_robots] if query_modifiers is None else list(query_modifiers)
        self.interval = interval
        self.index_interval = index_interval
        self.max_bucket_size = max_bucket_size
        attributes.check_attributes(self)
        self.doc_id_suffix = FORMATS[interval]
        self.index_name_suffix = FORMATS[index_interval]
        self.bookmark_api = BookmarkAPI(self.client, name, interval)

    def run(
        self, start_date: Any = None, end_date: Any = None, update_bookmark: bool = True
    ) -> list[tuple[int, int]] | None:
        """Bring totals up to date; return (written, failed) for each interval, or None when there are no events.

        Without `start_date` every pair that was touched since the bookmark, whatever its age; with it every pair
        from there to `end_date`, with its interval. Intervals that begin before the first complete day are left as
        they are. A total that cannot be built, or that the engine will never take, is quarantined, and tried again by
        each run. Once the others are written the bookmark moves to the moment that the run began, or that another
        did which was at work meanwhile; where anything else failed, or another run still works on it, it stays.
        """
        run = Run.begin(self, _now)
        if run is None:
            return None
        self.current_run = run
        try:
            result = run.execute(start_date, end_date)
        finally:
            self.current_run = None
        self.held = run.result.held
        if update_bookmark:
            run.move_bookmark()
        return result and result.results

    @attributes.hook
    def agg_iter(self, dt: datetime, previous_bookmark: datetime | None) -> Iterator[Action]:
        """Yield what is to be written for the interval that holds `dt`.

        It counts the pairs that were touched since the bookmark, or all of them where that is None. A total that
        is stored as it should be is not written; one that has no events any more is deleted.
        """
        counted = self.current_run and self.current_run.take(dt)
        yield from (counted or count_interval(self, dt, previous_bookmark, _now)).actions()

    def begin_lease(self, now: datetime | None = None, read: Found | None = None) -> RunLease:
        """Begin to work on intervals beside other runs: whoever writes totals claims their intervals.

        `read` is the document that they share, where it has just been read.
        """
        life = timedelta(seconds=current_app.config["STATS_LEASE_SECONDS"])
        return RunLease(self.client, self.name, life, now or _now(), _now, read)

    def list_bookmarks(self, start_date: Any = None, end_date: Any = None, limit: int | None = None) -> list[Any]:
        """Return the bookmarks between two dates: ours, then those of older releases, newest first."""
        return self.bookmark_api.list_bookmarks(start_date, end_date, limit)

    def delete(self, start_date: Any = None, end_date: Any = None) -> int:
        """Delete the totals between two dates, both included; return how many. The next run counts them again."""
        return deletion.delete(self, start_date, end_date)

    @attributes.hook
    def _get_oldest_event_timestamp(self) -> datetime | None:
        """Return where the first run starts, or None where there are no events."""
        # Also among those that do not count: a total may have been made before they stopped to.
        return aliases.oldest(self.client, aliases.indices_of(self.client, attributes.events_alias_of(self)))

    @attributes.hook
    def _upper_limit(self, end_date: datetime | None) -> datetime:
        """Return where a run ends: now, or `end_date` where that is earlier."""
        now = _now()
        return now if end_date is None else min(utc(end_date), now)

    @attributes.hook
    def _split_date_range(self, lower_limit: datetime, upper_limit: datetime) -> dict[str, datetime]:
        """Return the start of each interval from one limit to the other by its label, both limits included."""
        return {label(start, self.interval): start for start in starts(lower_limit, upper_limit, self.interval)}


def _now() -> datetime:
    return utc(datetime.now(timezone.utc))
