"""Find the months that COUNTER reports still have to be made of: raw events stay until their month is closed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from invenio_stats.core import names
from invenio_stats.core.counter_months import first_month_kept, format_month, months_between, next_month, parse_month
from invenio_stats.core.moments import parse
from invenio_stats.core.retention import Limit
from invenio_stats.counter.closing.schedule import FirstMonth
from invenio_stats.counter.months import fetch_months
from invenio_stats.operations.retention.groups import Group
from invenio_stats.proxies import current_stats
from invenio_stats.search import aliases

_SOURCES = (names.ITEM_USAGE, names.SEARCHES)
"""Aliases of the totals that a closed month is made from."""


def find_counter_limits(client: Any, group: Group, until: datetime, now: datetime) -> Iterator[Limit]:
    """Yield the first month before a day that reports are offered of and that is not closed; none without reports."""
    platform = current_stats.counter_platform
    if platform is None or not _is_counted(group):
        return
    closed = fetch_months(client, now.date())
    kept = FirstMonth(client).kept
    first = kept or min(closed, default=platform.first_month or _oldest_month(client, group))
    if first is None:
        return
    last = next_month(format_month(until), -1)
    for month in months_between(max(first, first_month_kept(now.date())), last):
        if month not in closed:
            yield Limit(parse(parse_month(month)), "not_closed", month)
            return


def _is_counted(group: Group) -> bool:
    """Return True if COUNTER reports count events of a group."""
    counted = {
        event_type
        for definition in current_stats.aggregations.values()
        if definition.totals_alias in _SOURCES
        for event_type in definition.event_types
    }
    return not counted.isdisjoint(group.event_types)


def _oldest_month(client: Any, group: Group) -> str | None:
    moments = [aliases.oldest(client, source.alias) for source in group.sources]
    oldest = min((moment for moment in moments if moment is not None), default=None)
    return None if oldest is None else format_month(oldest.date())
