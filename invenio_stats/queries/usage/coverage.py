"""Tell how complete the days of an answer are counted, and since when there are totals."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from invenio_stats.completeness.answers import answer_state, keep_while_unchanged, known_first_day
from invenio_stats.core import names
from invenio_stats.core.moments import parse
from invenio_stats.core.periods import Days
from invenio_stats.proxies import current_stats
from invenio_stats.queries.usage.sources import DOWNLOADS, ITEM_USAGE, RECORD_USAGE, VIEWS, Source
from invenio_stats.search import aliases
from invenio_stats.search.client import SearchRequest
from invenio_stats.search.steps import Steps, fetch_all

BREAKDOWN_AGGREGATION = "usage-breakdown-agg"
_ITEM_USAGE_AGGREGATION = "item-usage-agg"

_USUAL = {
    RECORD_USAGE: "record-usage-agg",
    ITEM_USAGE: _ITEM_USAGE_AGGREGATION,
    names.USAGE_BREAKDOWN: BREAKDOWN_AGGREGATION,
    VIEWS: "record-view-agg",
    DOWNLOADS: "file-download-agg",
}
"""The aggregations of totals that no configured aggregation is known to write."""


class Coverage(NamedTuple):
    """How far one can trust the numbers of a range."""

    updated: datetime | None
    """The oldest bookmark that the answer stands on; None if an aggregation has none."""
    counted_before: date
    """The first day that is not wholly counted."""
    complete: bool
    """False if a finished day of the range lies in a gap or behind the bookmark."""
    gaps: list[dict[str, str | None]]


def find_first_day(client: Any) -> date | None:
    """Return the day from which there is item usage; None if it was never counted."""
    alias = aliases.with_prefix(ITEM_USAGE)
    day = known_first_day(_ITEM_USAGE_AGGREGATION) or keep_while_unchanged(
        ("oldest total", alias), lambda: aliases.oldest(client, alias)
    )
    return None if day is None else day.date()


def find_coverage(sources: Sequence[Source], first_day: date | None, now: datetime) -> Coverage:
    """Return how complete the sources of an answer are; `first_day` is that of item usage."""
    gaps, bookmarks = set(), []
    for alias, days in sorted({(source.alias, source.days) for source in sources}):
        state = answer_state(_aggregations_of(alias), days.first, days.last, now)
        # Totals of 7.x are older than the first day of their aggregation.
        gaps |= {gap for gap in state.gaps if gap.reason != "before_first_day"}
        if first_day is None or days.last >= first_day:  # others were counted long ago, by a release without bookmarks
            bookmarks.append(state.updated)
    updated = None if None in bookmarks else min(filter(None, bookmarks), default=None)
    counted_before = date.max if not bookmarks else updated.date() if updated else date.min
    finished = min(max((source.days.last for source in sources), default=date.min), now.date() - timedelta(days=1))
    is_complete = not gaps and (finished < counted_before or all(source.days.first > finished for source in sources))
    return Coverage(updated, counted_before, is_complete, [gap.as_dict() for gap in sorted(gaps)])


def _aggregations_of(alias: str) -> list[str]:
    found = [name for name, definition in current_stats.aggregations.items() if definition.totals_alias == alias]
    return found or [_USUAL[alias]]


def find_oldest(client: Any, sources: Sequence[Source]) -> Steps[date | None]:
    """Return the day of the oldest total in the sources, in one step; None if there is none."""
    # Sorted by a date, the engine reads few documents; the smallest date of an aggregation takes it all of them.
    first = {"size": 1, "track_total_hits": False, "sort": [{"timestamp": {"order": "asc", "unmapped_type": "date"}}]}
    requests = [
        SearchRequest(client, source.target, {**first, "_source": ["timestamp"], "query": source.query})
        for source in sources
    ]
    responses = yield from fetch_all(requests)
    hits = [hit for response in responses for hit in response["hits"]["hits"]]
    return min((parse(hit["_source"]["timestamp"]).date() for hit in hits), default=None)


def find_state(days: Days, coverage: Coverage, began: date | None, today: date) -> str:
    """Return the state of one point of a series: running, before, gap or whole."""
    if days.last >= today:
        return "running"
    if began is None or days.last < began:
        return "before"
    if days.last >= coverage.counted_before or any(_overlaps(gap, days) for gap in coverage.gaps):
        return "gap"
    return "whole"


def _overlaps(gap: Mapping[str, Any], days: Days) -> bool:
    return bool(gap["from"] <= days.last.isoformat() and days.first.isoformat() <= gap["to"])
