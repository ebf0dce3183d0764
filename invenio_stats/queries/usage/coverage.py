"""Tell how complete the days of an answer are counted, and since when there are totals."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from invenio_stats.core.moments import parse
from invenio_stats.core.periods import Days
from invenio_stats.queries.usage.sources import ITEM_USAGE, Source
from invenio_stats.search import aliases
from invenio_stats.search.client import SearchRequest, search_all


class Gap(NamedTuple):
    """Days of which a part, or all, was not counted."""

    first: date
    last: date
    event_type: str | None
    reason: str


class Coverage(NamedTuple):
    """How far one can trust the numbers of a range."""

    updated: datetime | None
    """The oldest bookmark that the answer stands on; None if an aggregation has none."""
    complete: bool
    """False if a finished day of the range lies in a gap or behind the bookmark."""
    gaps: list[Gap]


def find_first_day(client: Any) -> date | None:
    """Return the day from which there is item usage; None if it was never counted."""
    oldest = aliases.oldest(client, aliases.with_prefix(ITEM_USAGE))
    return None if oldest is None else oldest.date()


def find_coverage(sources: Sequence[Source], now: datetime) -> Coverage:
    """Return how complete the sources of an answer are."""
    return Coverage(None, True, [])


def find_oldest(client: Any, sources: Sequence[Source]) -> date | None:
    """Return the day of the oldest total in the sources, in one request; None if there is none."""
    # Sorted by a date, the engine reads few documents; the smallest date of an aggregation takes it all of them.
    first = {"size": 1, "track_total_hits": False, "sort": [{"timestamp": {"order": "asc", "unmapped_type": "date"}}]}
    requests = [
        SearchRequest(client, source.target, {**first, "_source": ["timestamp"], "query": source.query})
        for source in sources
    ]
    hits = [hit for response in search_all(requests) for hit in response["hits"]["hits"]]
    return min((parse(hit["_source"]["timestamp"]).date() for hit in hits), default=None)


def find_state(days: Days, coverage: Coverage, began: date | None, today: date) -> str:
    """Return the state of one point of a series: running, before, gap or whole."""
    if days.last >= today:
        return "running"
    if began is None or days.last < began:
        return "before"
    is_behind = coverage.updated is not None and coverage.updated.date() <= days.last
    if is_behind or any(gap.first <= days.last and days.first <= gap.last for gap in coverage.gaps):
        return "gap"
    return "whole"
