"""Delete totals between two dates, or only count how many that would be."""

from datetime import datetime, timedelta, timezone
from typing import Any

from invenio_stats.completeness.revision import raise_revision
from invenio_stats.core.first_complete_day import NOTHING_MISSING
from invenio_stats.core.moments import parse_calendar
from invenio_stats.search.aliases import indices_of
from invenio_stats.totals.attributes import Aggregator, check_open, events_alias_of, rewind_bookmark, store_of
from invenio_stats.totals.complete_days import estimate_day, find_day


def delete(aggregator: Aggregator, start_date: Any, end_date: Any) -> int:
    """Delete the totals between two dates, both included; return how many were deleted.

    The bookmark is set back to the first date, so that the next run recounts the raw events that still exist.
    Concurrent runs lose their leases, since they would move the bookmark forward again.
    """
    first, last = _parse(start_date), _parse(end_date)
    # Stored before the totals go that show how far back events once reached.
    find_day(aggregator, datetime.now(timezone.utc))
    # Before and after: if the process is killed after the deletion, the next run still recounts these totals; and a
    # run that ends before its lease is revoked may have moved the bookmark.
    rewind_bookmark(aggregator, first)
    deleted = store_of(aggregator).delete(first, last)
    aggregator.begin_lease().revoke_others()
    rewind_bookmark(aggregator, first)
    raise_revision(aggregator.client)
    return deleted


def count(aggregator: Aggregator, start_date: Any, end_date: Any) -> int:
    """Return the number of totals between two dates, both included."""
    return store_of(aggregator).count(_parse(start_date), _parse(end_date))


def count_final(aggregator: Aggregator, start_date: Any, end_date: Any, now: datetime) -> tuple[int, datetime]:
    """Return the number of totals between two dates that cannot be recounted, and the first day that can be.

    ClosedIndexError if a closed index hides raw events.
    """
    first, last = _parse(start_date), _parse(end_date)
    store = store_of(aggregator)
    if indices_of(aggregator.client, events_alias_of(aggregator)):
        check_open(aggregator)
    aggregator.client.indices.refresh(index=store.alias, ignore_unavailable=True)
    day = estimate_day(aggregator, now)
    last = min(filter(None, (last, day - timedelta(seconds=1))))
    return (0 if day == NOTHING_MISSING else store.count(first, last)), day


def _parse(edge: Any) -> datetime | None:
    return None if edge is None else parse_calendar(edge)
