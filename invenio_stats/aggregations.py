"""Aggregate: from raw events to one total for each thing and interval."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from dateutil.relativedelta import relativedelta
from flask import current_app
from invenio_search import current_search_client
from invenio_search.utils import prefix_index

from invenio_stats.bookmark import SUPPORTED_INTERVALS, BookmarkAPI, format_range_dt
from invenio_stats.core import names
from invenio_stats.core.intervals import FORMATS, ROUNDING, Interval, after, floor, label, starts
from invenio_stats.core.mappings import KEYWORD, Field
from invenio_stats.core.metrics import ALLOWED_METRICS
from invenio_stats.core.moments import iso, parse_calendar, utc
from invenio_stats.errors import LeaseLostError, without_text
from invenio_stats.search import aliases, clauses
from invenio_stats.search.multi_get import Found, read
from invenio_stats.totals import search_bodies
from invenio_stats.totals.execution import Plan
from invenio_stats.totals.first_complete_day import ALL_THERE, FirstDay
from invenio_stats.totals.leases import RunLease, lease_document
from invenio_stats.totals.model import CountedTotal
from invenio_stats.totals.planning import RunPlanner
from invenio_stats.totals.stored import TotalsStore
from invenio_stats.totals.writing import Action, Failure

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

logger = logging.getLogger(__name__)


def filter_robots(search: Any, **params: Any) -> Any:
    """Narrow a search to the events of people: neither robots nor machines."""
    return search.exclude("term", is_robot=True).exclude("term", is_machine=True)


class StatAggregator(RunPlanner):
    """Keeps the totals of an event type equal to a recount of its raw events.

    A run finds the pairs of interval and key that were touched since the bookmark, whatever their age, and counts
    each anew. A total is written only where it differs from what is stored. Several runs at once share the intervals.
    """

    query_modifiers: Iterable[Any] = (filter_robots,)
    held = 0
    """How many intervals the last run left to runs beside it, which were working on them."""

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
        self._check()
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
        started = _now()
        recount = self._recount()
        if recount is None:
            return None
        self.client.indices.refresh(index=recount.alias, ignore_unavailable=True)
        upper = utc(self._upper_limit(None if end_date is None else parse_calendar(end_date)))
        shared, day, mark = self._read_places()
        lease = self.begin_lease(started, shared)
        if start_date is None:
            plan = self._plan_changes(recount, lease, upper, partial(self._resume, mark))
        else:
            plan = self._plan_range(recount, parse_calendar(start_date), upper)
        if plan is None:
            return None
        plan.is_guarded = not self._overrides("agg_iter")
        lease.set_since(plan.previous_bookmark)
        try:
            result = self.execute(self._without_incomplete(plan, day), lease)
        except LeaseLostError:
            self.bookmark_api.rewind(started)  # what it wrote at the last may have been older than what others did
            raise
        finally:
            self._prepared = self._unbuilt = None
        self.held = result.held
        is_done = not (result.undone or result.held or lease.is_overfull)
        if update_bookmark and plan.bookmark and is_done:
            self.bookmark_api.set_bookmark(iso(min(started, plan.bookmark, result.others_began or started)))
        return result.results

    def agg_iter(self, dt: datetime, previous_bookmark: datetime | None) -> Iterator[Action]:
        """Yield what is to be written for the interval that holds `dt`.

        It counts the pairs that were touched since the bookmark, or all of them where that is None. A total that
        is stored as it should be is not written; one that has no events any more is deleted.
        """
        start = floor(dt, self.interval)
        prepared, self._prepared = self._prepared, None
        if prepared is None or prepared[0] != start:
            prepared = start, *self._prepare(start, previous_bookmark)
        _, stored, counted = prepared
        for one in counted:
            try:
                action = stored.action(one, _now())
            except Exception as error:  # of a copy function: the other totals go on
                facts = {"aggregation": self.name, "interval": iso(start)}
                logger.error("Error building a total", exc_info=without_text(error), extra=facts)
                if self._unbuilt is not None:
                    self._unbuilt.append(Failure(start, one.total_key.key, type(error).__name__, "never"))
                continue
            if action is not None:
                yield action

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
        """Delete the totals between two dates, both included; return how many there were.

        The bookmark goes back to the first date, so that the next run counts again what raw events there are; runs
        that are at work are given up, for they would move it on.
        """
        first, last = (None if edge is None else parse_calendar(edge) for edge in (start_date, end_date))
        self.bookmark_api.rewind(first)  # before, too: whoever is killed here has deleted nothing for good
        deleted = self._stored().delete(first, last)
        self.begin_lease().revoke_others()
        self.bookmark_api.rewind(first)
        return deleted

    def count_final(self, start_date: Any = None, end_date: Any = None) -> tuple[int, datetime]:
        """Return how many totals between two dates nobody could count again, and from which day on one could."""
        first, last = (None if edge is None else parse_calendar(edge) for edge in (start_date, end_date))
        stored = self._stored()
        self.client.indices.refresh(index=stored.alias, ignore_unavailable=True)
        day = FirstDay(self.client, self.event).judge(self._events_alias(), stored.alias, self.interval, _now())
        last = min(filter(None, (last, day - timedelta(seconds=1))))
        return (0 if day == ALL_THERE else stored.count(first, last)), day

    def count_totals(self, start_date: Any = None, end_date: Any = None) -> int:
        """Return how many totals there are between two dates, both included: what `delete` would delete."""
        first, last = (None if edge is None else parse_calendar(edge) for edge in (start_date, end_date))
        return self._stored().count(first, last)

    def _get_oldest_event_timestamp(self) -> datetime | None:
        """Return where the first run starts, or None where there are no events."""
        # Also among those that do not count: a total may have been made before they stopped to.
        return aliases.oldest(self.client, aliases.indices_of(self.client, self._events_alias()))

    def _read_places(self) -> tuple[Found, Found, Found | None]:
        """Read what the runs share, the first complete day, and the bookmark, in one request.

        The bookmark is None where it is of another class than ours: that one reads it itself.
        """
        places = [lease_document(self.name), FirstDay(self.client, self.event).place]
        if type(self.bookmark_api) is BookmarkAPI:
            places.append(self.bookmark_api.place)
        shared, day, *mark = read(self.client, places)
        return shared, day, mark[0] if mark else None

    def _resume(self, mark: Found | None) -> datetime | None:
        return self.bookmark_api.get_bookmark() if mark is None else self.bookmark_api.resume(mark)

    def _upper_limit(self, end_date: datetime | None) -> datetime:
        """Return where a run ends: now, or `end_date` where that is earlier."""
        now = _now()
        return now if end_date is None else min(utc(end_date), now)

    def _split_date_range(self, lower_limit: datetime, upper_limit: datetime) -> dict[str, datetime]:
        """Return the start of each interval from one limit to the other by its label, both limits included."""
        return {label(start, self.interval): start for start in starts(lower_limit, upper_limit, self.interval)}

    def _without_incomplete(self, plan: Plan, read_day: Found) -> Plan:
        """Leave out the intervals whose raw events are not all there any more."""
        if not plan.moments:
            return plan
        kept = FirstDay(self.client, self.event)
        day = kept.find(self._events_alias(), plan.stored.alias, self.interval, _now(), read_day)
        moments = [moment for moment in plan.moments if floor(moment, self.interval) >= day]
        if len(moments) < len(plan.moments):
            facts = {"aggregation": self.name, "intervals": len(plan.moments) - len(moments), "first_day": iso(day)}
            logger.warning("Intervals before the first complete day are left as they are", extra=facts)
        return replace(plan, moments=moments)

    def _prepare(
        self, start: datetime, previous_bookmark: datetime | None
    ) -> tuple[TotalsStore, Iterator[CountedTotal]]:
        """Count the pairs of one interval, for whoever calls `agg_iter` without a run."""
        recount, stored = self._recount(), self._stored()
        if recount is None:
            return stored, iter(())
        since = None if previous_bookmark is None else utc(previous_bookmark)
        where = clauses.between(start, after(start, self.interval))
        if since is not None:
            where = clauses.all_of([search_bodies.changed_since(since, self.interval), where])
        return stored, self._count(recount, stored, where, since)

    def _overrides(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(StatAggregator, method)


def _now() -> datetime:
    return utc(datetime.now(timezone.utc))


CLASSES = ("robot", "ai", "machine")


def automated_traffic(aggregator: StatAggregator) -> StatAggregator:
    """Return the aggregation that counts what another leaves out: one total for each class and interval.

    Its totals are behind `stats-automated-<event>`, which the templates and aliases of people's totals do not match.
    Its bookmark is `<name>-automated`. Only classes that the chain of the event type keeps can be counted.
    """
    automated = StatAggregator(
        name=f"{aggregator.name}-automated",
        event=aggregator.event,
        client=aggregator.client,
        field="agent_class",
        metric_fields={"unique_count": ("cardinality", "unique_session_id", {})},
        query_modifiers=[only_automated],
        interval=aggregator.interval,
        index_interval=aggregator.index_interval,
        fields={"agent_class": KEYWORD},
    )
    automated.index = prefix_index(names.automated_alias(aggregator.event))
    return automated


def only_automated(search: Any) -> Any:
    """Narrow a search to the events that do not count as people's."""
    return search.filter("terms", agent_class=list(CLASSES))
