"""Find the gaps of event types, and keep them for whoever asks how complete an answer is."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.completeness.bookmarks import bookmark_in, bookmark_ref
from invenio_stats.completeness.configured import aggregations_of, totals_of
from invenio_stats.completeness.index import document_ref, ensure_index
from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core import names
from invenio_stats.core.gaps import Gap, Reason, incomplete_days, join, read_gap, silent_days
from invenio_stats.core.intervals import floor
from invenio_stats.core.moments import iso_zoned, parse, to_second
from invenio_stats.search import clauses
from invenio_stats.search.client import SearchRequest, multi_search
from invenio_stats.search.multi_get import Found, read

Missing = Mapping[Reason, Mapping[date, int]]
"""Numbers of events that are missing from totals, by reason and day."""


def gaps_ref(event_type: str) -> dict[str, str]:
    """Return index and id of the document that holds the gaps of an event type."""
    return document_ref(f"gaps:{event_type}")


def gaps_in(found: Found) -> list[Gap]:
    """Return the gaps in a document that was read at `gaps_ref`."""
    return [read_gap(gap) for gap in found.get("_source", {}).get("gaps", ())]


def found_at(found: Found) -> datetime | None:
    """Return when the gaps in a document were found; None if nobody has looked for any."""
    value = found.get("_source", {}).get("found")
    return None if value is None else parse(value)


def find_gaps(client: Any, event_type: str, missing: Missing, now: datetime) -> list[Gap]:
    """Find the gaps of all finished days anew, store them, and return them.

    So a gap goes when its events have been stored. A day without raw events that has totals is none: its events were
    deleted. Days that an aggregation has not reached are left out: their answers are incomplete by its bookmark.
    """
    stored, *bookmarks = read(client, [gaps_ref(event_type), *map(bookmark_ref, aggregations_of(event_type))])
    dates = [moment for moment in map(bookmark_in, bookmarks) if moment is not None]
    events = _events_by_day(client, event_type)
    gaps: list[Gap] = []
    if dates:
        last = floor(min([now, *dates]), "day").date() - timedelta(days=1)
        gaps += join(silent_days(events, last), event_type, "silent")
    for reason, days in missing.items():
        gaps += join(incomplete_days(events, days), event_type, reason)
    gaps = sorted(gap for gap in gaps if gap.first < now.date())
    _store(client, event_type, gaps, now)
    if gaps != gaps_in(stored):
        raise_revision(client, has_index=True)
    return gaps


def _store(client: Any, event_type: str, gaps: list[Gap], now: datetime) -> None:
    ensure_index(client)
    ref = gaps_ref(event_type)
    source = {"gaps": [gap.as_dict() for gap in gaps], "found": iso_zoned(to_second(now))}
    client.index(index=ref["_index"], id=ref["_id"], body=source)


def _events_by_day(client: Any, event_type: str) -> Counter[date]:
    """Return the number of events by day: of raw events or, where these were deleted, as totals count them."""
    totals = [alias for alias, interval in totals_of(event_type).items() if interval in ("hour", "day")]
    indices = [prefix_index(names.events_alias(event_type)), *totals]
    days = {"field": "timestamp", "calendar_interval": "day", "min_doc_count": 1, "format": "uuuu-MM-dd"}
    counted = {"counted": {"sum": {"field": "count"}}}
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": clauses.between(),
        "aggs": {"days": {"date_histogram": days, "aggs": counted}},
    }
    requests = [SearchRequest(client, index, body) for index in indices]
    events: Counter[date] = Counter()
    for searcher, request in zip(multi_search(requests), requests, strict=True):
        for bucket in searcher(request).get("aggregations", {}).get("days", {}).get("buckets", ()):
            number = max(bucket["doc_count"], int(bucket["counted"]["value"]))
            events |= Counter({date.fromisoformat(bucket["key_as_string"]): number})  # the larger number of each day
    return events
