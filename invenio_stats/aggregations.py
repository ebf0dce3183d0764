"""Aggregate raw events into one total for each key and interval."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from invenio_stats.core.moments import parse_calendar, utc
from invenio_stats.search import aliases
from invenio_stats.search.multi_get import Found
from invenio_stats.totals import attributes, breakdowns, deletion
from invenio_stats.totals.counted_interval import count_interval
from invenio_stats.totals.leases import RunLease
from invenio_stats.totals.run import Run
from invenio_stats.totals.usage import Usage
from invenio_stats.totals.writing import Action

__all__ = (
    "ALLOWED_METRICS",
    "INTERVAL_DELTAS",
    "INTERVAL_ROUNDING",
    "SUPPORTED_INTERVALS",
    "BookmarkAPI",
    "StatAggregator",
    "UsageBreakdownAggregator",
    "filter_robots",
    "format_range_dt",
)

INTERVAL_ROUNDING = ROUNDING
"""The search engine's unit for rounding a date to each interval."""

INTERVAL_DELTAS = {interval: relativedelta(**{f"{interval}s": 1}) for interval in FORMATS}
"""The length of each interval, to be added to a date."""


def filter_robots(search: Any, **params: Any) -> Any:
    """Narrow a search to the events of people: exclude robots and machines."""
    return search.exclude("term", is_robot=True).exclude("term", is_machine=True)


class StatAggregator:
    """Keeps the totals of an event type equal to a recount of its raw events.

    A run finds the total keys that were touched since the bookmark, however old they are, and recounts
    them. A total is written only if it differs from the stored one. Concurrent runs divide the intervals among them.
    """

    # Defaults for subclasses that skip `super().__init__`; a subclass or its user may set any of them at any time.
    name: str
    event: str
    events: tuple[str, ...] | None = None
    """The event types, if there are several; `event` is then the first of them."""
    usage: Usage | None = None
    totals_name: str | None = None
    """Name of the alias of the totals, without the instance's prefix; None if it is named after the event type."""
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
    never_counted: Iterable[Mapping[str, Any]] = attributes.NEVER_COUNTED
    """Terms of events that no query modifier can bring back: superseded clicks, what a person has excluded, and text
    and data mining."""
    overlap = timedelta(minutes=2)
    """Events stored this long before the bookmark are read again: it covers bulk time-outs and differing clocks."""
    on_interval: Callable[[int, int], None] | None = None
    """Called after each interval with the number of intervals counted so far, and the number of all."""
    held = 0
    """Number of intervals that the last run left to concurrent runs, which were counting them."""
    counted: Sequence[datetime] = ()
    """Starts of the intervals that the last run has counted."""
    current_run: Run | None = None
    """The run that is being executed; None between runs."""

    def __init__(
        self,
        name: str,
        event: str | None = None,
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
        events: Sequence[str] | None = None,
        index: str | None = None,
        usage: Usage | None = None,
    ):
        """Aggregate the events behind the alias of `event`, or of several types; none need be a configured type.

        :param name: name of the aggregation, under which its bookmark is stored.
        :param field: key field: events with the same value belong to the same total.
        :param metric_fields: `{name: (metric, field of the events, options)}`.
        :param copy_fields: `{name: field of the newest event, or (event, total) -> value}`.
        :param query_modifiers: functions that narrow the search to the events that count; default: people only.
        :param interval: interval of a total: hour, day, month or year.
        :param index_interval: interval of an index of totals; not shorter than `interval`.
        :param max_bucket_size: totals in one response; it limits memory and does not change any count.
        :param fields: mappings of additional fields of the totals, for an event type without index templates.
        :param count_automated: also count robots, AI agents and machines, by class, in separate indices.
        :param events: several event types, in place of `event`, whose events make up one total; `index` is needed.
        :param index: alias of the totals, without the instance's prefix; default: `stats-<event>`.
        :param usage: how usage totals are counted, in place of `field` and `metric_fields`.
        """
        event_types = attributes.parse_event_types(name, event, events, index)
        self.name = name
        self.event = event_types[0]
        self.events = None if events is None else event_types
        self.usage = usage
        self.totals_name = index or names.totals_alias(self.event)
        self.client = current_search_client if client is None else client
        self.event_index = ",".join(prefix_index(names.events_alias(event_type)) for event_type in event_types)
        self.index = prefix_index(self.totals_name)
        self.field = field if usage is None else usage.key_fields[0]
        self.fields = fields
        self.count_automated = count_automated
        self.metric_fields = dict(metric_fields or {})
        self.copy_fields = dict(copy_fields or {})
        default = [filter_robots] if usage is None else []  # usage totals have rules of their own
        self.query_modifiers = default if query_modifiers is None else list(query_modifiers)
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
        """Update the totals; return (written, failed) for each interval, or None if there are no events.

        Without `start_date`, it recounts the total keys touched since the bookmark, however old they are; with it, all
        total keys of the intervals from that date to `end_date`. Intervals before the first complete day are not
        recounted. A total that cannot be built, or that the engine will never accept, is quarantined; each run tries
        it again. Then the bookmark moves to the start of this run, or of an earlier one that ran at the same time. It
        stays if anything else failed, or if a concurrent run is still counting some of the intervals.
        """
        run = Run.begin(self, _now)
        if run is None:
            return None
        self.current_run = run
        try:
            result = run.execute(start_date, end_date)
            self.held = run.result.held
            if update_bookmark:
                run.move_bookmark()
        finally:
            self.current_run = None
            self.counted = list(run.result.intervals)
            run.announce()
        return result and result.results

    @attributes.hook
    def agg_iter(self, dt: datetime, previous_bookmark: datetime | None) -> Iterator[Action]:
        """Yield the write operations for the interval that contains `dt`.

        It counts the total keys touched since the bookmark, or all of them if the bookmark is None. A total that
        equals the stored one is not written; a total without events is deleted.
        """
        counted = self.current_run and self.current_run.take(dt)
        yield from (counted or count_interval(self, dt, previous_bookmark, _now)).actions()

    def begin_lease(self, now: datetime | None = None, read: Found | None = None) -> RunLease:
        """Return a lease; anything that writes totals must first claim their intervals with one.

        `read` is the shared document of the runs, if the caller has just read it.
        """
        life = timedelta(seconds=current_app.config["STATS_LEASE_SECONDS"])
        return RunLease(self.client, self.name, life, now or _now(), _now, read)

    def list_bookmarks(self, start_date: Any = None, end_date: Any = None, limit: int | None = None) -> list[Any]:
        """Return the bookmarks between two dates: the current one, then those of older releases, newest first."""
        return self.bookmark_api.list_bookmarks(start_date, end_date, limit)

    def delete(self, start_date: Any = None, end_date: Any = None) -> int:
        """Delete the totals between two dates, both included; return how many. The next run recounts them."""
        return deletion.delete(self, start_date, end_date)

    @attributes.hook
    def _get_oldest_event_timestamp(self) -> datetime | None:
        """Return the time from which the first run counts, or None if there are no events."""
        # Including events that do not count: they may have counted when their total was written.
        return aliases.oldest(self.client, aliases.indices_of(self.client, attributes.events_alias_of(self)))

    @attributes.hook
    def _upper_limit(self, end_date: datetime | None) -> datetime:
        """Return the time up to which a run counts: `end_date`, but not later than now."""
        now = _now()
        return now if end_date is None else min(utc(end_date), now)

    @attributes.hook
    def _split_date_range(self, lower_limit: datetime, upper_limit: datetime) -> dict[str, datetime]:
        """Return the starts of the intervals between two limits, both included, by their labels."""
        return {label(start, self.interval): start for start in starts(lower_limit, upper_limit, self.interval)}


class UsageBreakdownAggregator(StatAggregator):
    """Keeps the breakdowns of usage: for each finished day, and folded for each finished month.

    A day with changes is recounted as a whole, and its month is folded anew. It reads the totals of item and record
    usage, so it counts the changes that these have counted before.
    """

    events_per_window = breakdowns.EVENTS_PER_WINDOW
    """Events whose visitors are told apart at the same time; it limits memory and does not change any count."""

    def run(
        self, start_date: Any = None, end_date: Any = None, update_bookmark: bool = True
    ) -> list[tuple[int, int]] | None:
        """Recount and fold; return (written, failed) for each day, or None if there is nothing to count yet.

        Without dates it recounts the finished days that were touched since the bookmark, and moves that; with dates,
        all finished days between them.
        """
        edges = (None if edge is None else parse_calendar(edge) for edge in (start_date, end_date))
        return breakdowns.run(self, _now, *edges, update_bookmark, self.events_per_window)

    def agg_iter(self, dt: datetime, previous_bookmark: datetime | None) -> Iterator[Action]:
        """Yield nothing: a day is counted and written as a whole, by `run`."""
        yield from ()


def breakdowns_among(definitions: Mapping[str, Any]) -> list[str]:
    """Return the names of those aggregations that the daily task runs, and no other needs to."""
    return [name for name, definition in definitions.items() if issubclass(definition.cls, UsageBreakdownAggregator)]


def _now() -> datetime:
    return utc(datetime.now(timezone.utc))
