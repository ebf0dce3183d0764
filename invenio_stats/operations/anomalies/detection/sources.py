"""Which totals unusual days are looked for in, and up to when they are counted."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from invenio_stats.bookmark import BookmarkAPI
from invenio_stats.core import names
from invenio_stats.core.moments import utc
from invenio_stats.proxies import current_stats
from invenio_stats.search.aliases import with_prefix
from invenio_stats.totals.breakdown_store import BreakdownStore


class Sources(NamedTuple):
    """The totals of this instance, as configured."""

    client: Any
    items: str
    """Alias of item usage, with the instance's prefix."""
    breakdowns: BreakdownStore | None
    """Usage by country and by referring host; None if it is not counted."""
    aggregations: tuple[str, ...]
    """The aggregations that have to be counted first."""

    def find_last_day(self, now: datetime) -> date | None:
        """Return the last finished day that all of them have counted; None if one has counted nothing yet."""
        bookmarks = [BookmarkAPI(self.client, name, "day").own_date() for name in self.aggregations]
        known = [utc(bookmark) for bookmark in bookmarks if bookmark is not None]
        return None if len(known) < len(bookmarks) else min([now, *known]).date() - timedelta(days=1)


def find_sources(client: Any) -> Sources | None:
    """Return the totals to look into; None if the usage of items is not counted, or not by day."""
    configured = {definition.totals_alias: definition for definition in current_stats.aggregations.values()}
    items, breakdowns = configured.get(names.ITEM_USAGE), configured.get(names.USAGE_BREAKDOWN)
    if items is None or items.interval not in ("hour", "day"):
        return None
    store = None if breakdowns is None else BreakdownStore(client, with_prefix(names.USAGE_BREAKDOWN), "year")
    counted = (items.name,) if breakdowns is None else (items.name, breakdowns.name)
    return Sources(client, with_prefix(names.ITEM_USAGE), store, counted)
