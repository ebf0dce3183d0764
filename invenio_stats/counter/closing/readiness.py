"""Find everything that stands in the way of closing a month, each with its cure."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from flask_babel import gettext as _

from invenio_stats.broker import dead_letters
from invenio_stats.broker.outbox import outbox
from invenio_stats.completeness.bookmarks import bookmark_in, bookmark_ref
from invenio_stats.completeness.configured import aggregations_of, event_types_of
from invenio_stats.core import names
from invenio_stats.core.counter_closing import Obstacle, is_share_too_large
from invenio_stats.core.counter_months import Edges, edges_of, format_month
from invenio_stats.core.moments import iso, parse
from invenio_stats.counter.closing.raw_days import REQUESTS, SEARCHES, TOTAL, RawDays, compare_days
from invenio_stats.counter.closing.sources import Sources
from invenio_stats.operations.keyless_events import REASON as WITHOUT_ITEM
from invenio_stats.operations.monitoring import ingest_counters, last_runs
from invenio_stats.proxies import current_stats
from invenio_stats.search.aliases import oldest, with_prefix
from invenio_stats.search.multi_get import read
from invenio_stats.totals.leases import quarantined_totals

MARGIN = timedelta(hours=1)
"""How long after the end of a month its last events may arrive: for clocks that differ, and requests that take long."""

EXPIRED = "expired"
"""How the reason of a dead letter begins that came too late to be counted: its month is closed or its events gone."""


class Readiness(NamedTuple):
    """What was found out about a month."""

    obstacles: list[Obstacle]
    gone: list[date]
    """Days whose raw events are gone; their totals are taken as they are."""
    days: RawDays


class ReadinessCheck:
    """Checks months; what is the same for all of them is read once."""

    def __init__(self, client: Any, sources: Sources, now: datetime):
        """Nothing is read yet."""
        self._client = client
        self._sources = sources
        self._now = now
        self._dead: Counter[tuple[str, str]] | None = None

    def check(self, month: str) -> Readiness:
        """Return all obstacles of a month."""
        edges = edges_of(month)
        limit = edges.end + MARGIN
        items = compare_days(self._sources.items, edges, self._now, (TOTAL, REQUESTS))
        obstacles = [
            *self._check_queues(limit),
            *_check_spool(limit),
            *self._check_aggregations(edges, limit),
            *self._check_dead_letters(month),
            *_explain_days(self._sources.items.aggregation, items),
            *self._check_missing_items(edges, items),
        ]
        if self._sources.searches is not None:
            searches = compare_days(self._sources.searches, edges, self._now, (SEARCHES,))
            obstacles += _explain_days(self._sources.searches.aggregation, searches)
        return Readiness(obstacles, items.gone, items)

    def _check_queues(self, limit: datetime) -> Iterator[Obstacle]:
        for event_type in self._sources.event_types:
            emptied = last_runs.recall_emptied(event_type)
            if emptied is None or emptied < limit:
                yield Obstacle(
                    "queue",
                    1,
                    _(
                        "No run since %(limit)s has found the queue of %(name)s empty.",
                        limit=iso(limit),
                        name=event_type,
                    ),
                    _("Run `invenio stats events process %(name)s`.", name=event_type),
                )

    def _check_aggregations(self, edges: Edges, limit: datetime) -> Iterator[Obstacle]:
        aggregations = sorted({name for known in self._sources.event_types for name in aggregations_of(known)})
        bookmarks = map(bookmark_in, read(self._client, map(bookmark_ref, aggregations)))
        for name, bookmark in zip(aggregations, bookmarks, strict=True):
            cure = _("Run `invenio stats aggregations process %(name)s`; the log says why a run fails.", name=name)
            succeeded = last_runs.recall_success("aggregations", name)
            if succeeded is None or succeeded < limit:
                message = _("%(name)s had no successful run since %(limit)s.", name=name, limit=iso(limit))
                yield Obstacle("aggregation", 1, message, cure)
            elif bookmark < limit if bookmark is not None else _has_events(self._client, name):
                message = _("%(name)s has not counted everything up to %(limit)s.", name=name, limit=iso(limit))
                yield Obstacle("bookmark", 1, message, cure)
            failed = [total for total in quarantined_totals(self._client, name) if _is_within(total.start, edges)]
            if failed:
                yield Obstacle(
                    "quarantined",
                    len(failed),
                    _("%(count)s totals of %(name)s could not be counted.", count=len(failed), name=name),
                    _("Each run tries them again; `invenio stats status` and the log say why they fail."),
                )

    def _check_dead_letters(self, month: str) -> Iterator[Obstacle]:
        if self._dead is None:
            self._dead = _count_dead_letters(self._sources.event_types)
        for event_type in self._sources.event_types:
            count = self._dead[event_type, month]
            if count:
                yield Obstacle(
                    "dead_letters",
                    count,
                    _("%(count)s events of %(name)s are dead letters.", count=count, name=event_type),
                    _("Correct the cause and run `invenio stats dead-letters replay %(name)s`.", name=event_type),
                )

    def _check_missing_items(self, edges: Edges, days: RawDays) -> Iterator[Obstacle]:
        last = (edges.end - timedelta(days=1)).date()
        lines = ingest_counters.lines(self._client, edges.start.date(), last, self._sources.items.event_types)
        counted = sum(numbers[TOTAL] for numbers in days.sums.values())
        # The counters also know days whose raw events are gone.
        missing = max(days.keyless, sum(line.count for line in lines if line.reason == WITHOUT_ITEM))
        if is_share_too_large(missing, counted):
            yield Obstacle(
                "missing_items",
                missing,
                _("%(missing)s of %(all)s events have no item.", missing=missing, all=missing + counted),
                _(
                    "Set STATS_ITEM_RESOLVER so that events get their item; see docs/counter. If events have it only "
                    "some day of this month, and no month is closed yet, set STATS_COUNTER_FIRST_MONTH to the next one."
                ),
            )


def _has_events(client: Any, aggregation: str) -> bool:
    """Return False if there is no event at all that an aggregation counts, so that it has nothing to bookmark."""
    events = (with_prefix(names.events_alias(event_type)) for event_type in event_types_of(aggregation))
    return any(oldest(client, alias) is not None for alias in events)


def _check_spool(limit: datetime) -> Iterator[Obstacle]:
    try:
        since = outbox().spool.oldest()
    except (OSError, sqlite3.Error) as error:
        message = _("The spool of this host cannot be read (%(error)s).", error=type(error).__name__)
        yield Obstacle("spool", 1, message, _("Run the command as the user of the web processes."))
        return
    if since is not None and since < limit:
        message = _("The spool of this host holds events from before %(limit)s.", limit=iso(limit))
        yield Obstacle("spool", 1, message, _("Run `invenio stats spool send` on this host."))


def _count_dead_letters(event_types: list[str]) -> Counter[tuple[str, str]]:
    """Return the number of dead letters by event type and month of the event."""
    counts: Counter[tuple[str, str]] = Counter()
    for event_type in event_types:
        for dead_letter in dead_letters.look(current_stats.events[event_type].queue):
            month = _month_of(dead_letter)
            if month is not None and not dead_letter.reason.startswith(EXPIRED):
                counts[event_type, month] += 1
    return counts


def _month_of(dead_letter: dead_letters.DeadLetter) -> str | None:
    """Return the month of an event, by its timestamp; of one that has none the month in which it was rejected."""
    event = dead_letter.event if isinstance(dead_letter.event, dict) else {}
    for moment in (event.get("timestamp"), dead_letter.rejected):
        try:
            return format_month(parse(moment))
        except (ValueError, TypeError):
            continue
    return None


def _explain_days(aggregation: str, days: RawDays) -> Iterator[Obstacle]:
    if days.unreadable:
        yield Obstacle(
            "raw_unreadable",
            len(days.unreadable),
            _("The raw events of %(days)s cannot be read.", days=_list(days.unreadable, str)),
            _("Open or restore their indices; `invenio stats doctor` says which."),
        )
    if days.closed_totals:
        yield Obstacle(
            "totals_unreadable",
            len(days.closed_totals),
            _("Indices of the totals of %(name)s are closed: ", name=aggregation) + _list(days.closed_totals, str),
            _("Open these indices."),
        )
        return  # what differs is told when they can be read
    different = sorted({difference.day for difference in days.differences})
    if different:
        facts = {"name": aggregation, "first": different[0], "last": different[-1]}
        yield Obstacle(
            "totals_differ",
            len(different),
            _("%(name)s differs from the raw events: ", name=aggregation)
            + _list(days.differences, lambda found: f"{found.day} {found.field} {found.totals} / {found.events}"),
            _("Run `invenio stats aggregations process %(name)s --from %(first)s --to %(last)s`.", **facts),
        )


_MOST_LISTED = 5


def _list(values: list[Any], text: Callable[[Any], str]) -> str:
    more = ", ..." if len(values) > _MOST_LISTED else ""
    return ", ".join(map(text, values[:_MOST_LISTED])) + more


def _is_within(moment: datetime, edges: Edges) -> bool:
    return edges.start <= moment < edges.end
