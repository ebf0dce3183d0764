"""The bookmarks of aggregations, as whoever reads totals needs them: up to when these are counted."""

from datetime import datetime

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.moments import parse_calendar
from invenio_stats.search.multi_get import Found


def bookmark_ref(aggregation: str) -> dict[str, str]:
    """Return index and id of an aggregation's bookmark; those of releases 7.x are not found by it."""
    return {"_index": prefix_index(names.BOOKMARKS), "_id": aggregation}


def bookmark_in(found: Found) -> datetime | None:
    """Return the date of a bookmark that was read; None if there is none."""
    return parse_calendar(found["_source"]["date"]) if found.get("found") else None
