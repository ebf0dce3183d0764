"""Find what keeps old raw events from being deleted: something does not hold them yet, or works on them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from invenio_search.utils import prefix_index

from invenio_stats.aggregations import StatAggregator, UsageBreakdownAggregator
from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.completeness.first_complete_day import FirstCompleteDay
from invenio_stats.core import leases, names
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.intervals import Interval, floor
from invenio_stats.core.moments import BEGINNING, iso, parse_calendar, utc
from invenio_stats.core.month_indices import find_lease
from invenio_stats.core.quarantine import read_quarantined
from invenio_stats.core.retention import Limit, start_of
from invenio_stats.errors import StatsError
from invenio_stats.operations.anomalies.store import read_anomalies
from invenio_stats.operations.exclusions import Unfinished, find_unfinished
from invenio_stats.operations.reclassification.run import COMMAND as RECLASSIFY
from invenio_stats.operations.reclassification.state import read_state
from invenio_stats.operations.retention.counter_months import find_counter_limits
from invenio_stats.operations.retention.groups import Group
from invenio_stats.proxies import current_stats
from invenio_stats.search import clauses
from invenio_stats.search.aliases import closed_indices_of, indices_of, read_only_indices_of
from invenio_stats.search.client import OPTIONS, SearchRequest, search
from invenio_stats.search.failures import error_type
from invenio_stats.search.multi_get import Found, read
from invenio_stats.totals.attributes import events_alias_of
from invenio_stats.totals.closed_events import notes_document, read_notes
from invenio_stats.totals.complete_days import known_day
from invenio_stats.totals.leases import lease_document
from invenio_stats.totals.search_bodies import changed_since

_MAX_REBUILDS = 1_000
"""Interrupted rebuilds that are looked at."""


def find_limits(client: Any, group: Group, until: datetime, now: datetime) -> list[Limit]:
    """Return what keeps the events of a group before a day, except for runs of aggregations that are at work."""
    return [
        *_find_uncounted(client, group, until, now),
        *_find_rebuilds(client, group),
        *_find_corrections(client, group),
        *(limit for source in group.sources for limit in _find_untouchable(client, source.alias)),
        *find_counter_limits(client, group, until, now),
    ]


def find_runs(client: Any, group: Group, now: datetime) -> list[Limit]:
    """Return the intervals that runs and rebuilds are working on."""
    life = timedelta(seconds=current_app.config["STATS_LEASE_SECONDS"])
    found = []
    for aggregator, document in zip(group.aggregators, _read_shared(client, group.aggregators), strict=True):
        alive = leases.drop_dead(leases.read_leases(document.get("_source", {})), now, life)
        holds = [start for lease in alive if lease.is_active for start in lease.holds]
        if holds:
            found.append(Limit(floor(min(holds), unit_of(aggregator)), "being_counted", aggregator.name))
    return found


def unit_of(aggregator: Any) -> Interval:
    """Return the interval whose events an aggregation needs together: breakdowns of records are folded by month."""
    return "month" if isinstance(aggregator, UsageBreakdownAggregator) else getattr(aggregator, "interval", "day")


def _find_uncounted(client: Any, group: Group, until: datetime, now: datetime) -> Iterator[Limit]:
    """Yield for each aggregation how far its totals hold the events: by bookmark, changed events and quarantine.

    An aggregation that has never counted holds nothing back if there is nothing to count: an event type that is never
    used must not keep those that are counted together with it.
    """
    yield from _find_unread(client, group)
    marks: list[tuple[Any, datetime | None]] = []
    documents = _read_shared(client, group.aggregators)
    bookmarks = _read_bookmarks(client, group.aggregators)
    for aggregator, document, bookmark in zip(group.aggregators, documents, bookmarks, strict=True):
        if not isinstance(aggregator, StatAggregator):
            yield Limit(BEGINNING, "unknown_class", aggregator.name)
            continue
        for total in read_quarantined(document.get("_source", {})):
            yield Limit(floor(total.start, unit_of(aggregator)), "quarantined", aggregator.name)
        if bookmark is None or utc(bookmark) > now:  # from one in the future, everything is counted anew
            marks.append((aggregator, None))
            continue
        mark = utc(bookmark) - aggregator.overlap
        yield Limit(floor(mark, unit_of(aggregator)), "not_counted", aggregator.name)
        marks.append((aggregator, mark))
    for (aggregator, since), oldest in zip(marks, _find_changed(client, marks, until), strict=True):
        if oldest is not None and since is None:
            yield Limit(BEGINNING, "never_counted", aggregator.name)
        elif oldest is not None:
            yield Limit(floor(oldest, unit_of(aggregator)), "not_counted", aggregator.name)


def _find_unread(client: Any, group: Group) -> Iterator[Limit]:
    """Yield indices that were closed while they may have had events that are not counted: the next run counts them."""
    documents = [notes_document(aggregator) for aggregator in group.aggregators]
    for aggregator, found in zip(group.aggregators, read(client, documents) if documents else (), strict=True):
        for index in read_notes(found):
            starts = [start_of(source.alias, index) for source in group.sources]
            yield Limit(next(filter(None, starts), BEGINNING), "not_counted", aggregator.name)


def _read_shared(client: Any, aggregators: Sequence[Any]) -> list[Found]:
    return read(client, [lease_document(aggregator.name) for aggregator in aggregators]) if aggregators else []


def _read_bookmarks(client: Any, aggregators: Sequence[Any]) -> list[datetime | None]:
    """Return from where each aggregation would resume, by the same rule as its runs."""
    usual = [aggregator for aggregator in aggregators if type(_bookmark_api(aggregator)) is BookmarkAPI]
    found = read(client, [aggregator.bookmark_api.document_ref for aggregator in usual]) if usual else []
    documents = {id(aggregator): document for aggregator, document in zip(usual, found, strict=True)}
    return [_resume(aggregator, documents.get(id(aggregator))) for aggregator in aggregators]


def _resume(aggregator: Any, document: Found | None) -> datetime | None:
    api = _bookmark_api(aggregator)
    moment: datetime | None = None
    if api is not None:
        moment = api.get_bookmark() if document is None else api.resume(document)
    return moment


def _bookmark_api(aggregator: Any) -> Any:
    return getattr(aggregator, "bookmark_api", None)


def _find_changed(client: Any, marks: Iterable[tuple[Any, datetime | None]], until: datetime) -> list[datetime | None]:
    """Return for each aggregation the oldest event before a day that was stored or changed since its bookmark, if any.

    Also among those that do not count any more: their totals have to hear of it.
    """
    lines: list[Any] = []
    indices: dict[str, list[str]] = {}
    for aggregator, mark in marks:
        is_new = [] if mark is None else [changed_since(mark, aggregator.interval)]
        changed = clauses.all_of([*is_new, clauses.between(None, until)])
        names_of_events = events_alias_of(aggregator).split(",")
        for alias in names_of_events:
            if alias not in indices:
                indices[alias] = indices_of(client, alias)
        found = [index for alias in names_of_events for index in indices[alias]]
        lines += [{"index": found or names_of_events, **OPTIONS}, clauses.oldest(changed)]
    answers = client.msearch(body=lines)["responses"] if lines else []
    failed = next((answer for answer in answers if "error" in answer), None)
    if failed is not None:
        raise StatsError(f"The search engine cannot read raw events: {error_type(failed)}. Run the command again.")
    return [clauses.read_oldest(answer) for answer in answers]


def _find_rebuilds(client: Any, group: Group) -> Iterator[Limit]:
    """Yield rebuilds that were interrupted: their totals may be wrong from where they stopped.

    One that stopped before the first complete day cannot be continued, with or without its events.
    """
    body = {"size": _MAX_REBUILDS, "query": {"prefix": {"aggregation_type": names.REBUILD}}}
    found = search(SearchRequest(client, prefix_index(names.BOOKMARKS), body))
    for hit in found["hits"]["hits"]:
        name, date = hit["_source"]["aggregation_type"], hit["_source"]["date"]
        for aggregator in group.aggregators:
            if name.startswith(f"{names.REBUILD}{aggregator.name}-20"):
                stopped = parse_calendar(date)
                if stopped >= (known_day(aggregator) or NOTHING_MISSING):
                    yield Limit(floor(stopped, unit_of(aggregator)), "rebuild", aggregator.name)


def _find_corrections(client: Any, group: Group) -> Iterator[Limit]:
    """Yield corrections that were interrupted: without their events they could be neither completed nor taken back.

    Of days before the first complete day, nothing is completed with or without the events that are left.
    """
    reclassification, complete = read_state(client), _CompleteDays(client)
    for event_type, days in reclassification.days.items() if reclassification else ():
        due = [day for day in map(parse_calendar, days) if day >= complete.of(event_type)]
        if event_type in group.event_types and due:
            yield Limit(min(due), "reclassification", RECLASSIFY)
    unfinished = [exclusion for exclusion in find_unfinished(client) if _is_about(exclusion, group)]
    unfinished += [
        Unfinished(parse_calendar(found.period), None)
        for found in read_anomalies(client)
        if found.is_day and not found.is_done
    ]
    for day in sorted({found.day for found in unfinished if found.day >= complete.of(found.event_type)}):
        yield Limit(day, "exclusion", iso(day)[:10])


class _CompleteDays:
    """The first complete days, each read when it is first asked for."""

    def __init__(self, client: Any):
        self._client = client
        self._known: dict[str, datetime] = {}

    def of(self, event_type: str | None) -> datetime:
        """Return that of an event type; for None, the latest of all types."""
        types = list(current_stats.event_definitions) if event_type is None else [event_type]
        return max((self._of_type(name) for name in types), default=NOTHING_MISSING)

    def _of_type(self, event_type: str) -> datetime:
        if event_type not in self._known:
            self._known[event_type] = FirstCompleteDay(self._client, event_type).get() or NOTHING_MISSING
        return self._known[event_type]


def _is_about(exclusion: Unfinished, group: Group) -> bool:
    return exclusion.event_type is None or exclusion.event_type in group.event_types


def _find_untouchable(client: Any, alias: str) -> Iterator[Limit]:
    """Yield months that are being compacted, read-only indices, and closed ones, of which nobody can see the events.

    A single read-only index would let the whole deletion fail, each time.
    """
    for index, about in client.indices.get_alias(index=f"{alias}-*").items():
        start = start_of(alias, index)  # None for an index of an event type whose name begins in the same way
        if start is not None and find_lease(about["aliases"]):
            yield Limit(start, "compaction", index)
    for index in closed_indices_of(client, alias) if indices_of(client, alias) else ():
        yield Limit(start_of(alias, index) or BEGINNING, "closed_index", index)
    for index in read_only_indices_of(client, alias):
        yield Limit(start_of(alias, index) or BEGINNING, "read_only_index", index)
