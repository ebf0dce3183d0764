"""Find the first month of COUNTER reports, and the months that are due to be closed."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from flask import current_app
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.counter_months import (
    Month,
    edges_of,
    first_month_kept,
    format_month,
    last_month_due,
    months_between,
    next_month,
)
from invenio_stats.counter.closing.sources import Source
from invenio_stats.counter.months import BODY
from invenio_stats.proxies import current_stats
from invenio_stats.search import clauses
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.search.indices import create_index
from invenio_stats.search.versions import SharedDocument
from invenio_stats.totals.attributes import events_alias_of
from invenio_stats.totals.complete_days import estimate_day

_FIRST = "first"
"""Id and field of the document that holds the first month."""

_ATTEMPTS = 5


class FirstMonth:
    """The first month of COUNTER reports: as it was when the first month was closed, else as it would be."""

    def __init__(self, client: Any):
        """Read the document."""
        index = prefix_index(names.COUNTER_MONTHS)
        self._document = SharedDocument(client, index, _FIRST, partial(create_index, client, index, BODY))

    @property
    def kept(self) -> str | None:
        """The month that was kept; None before the first close."""
        month: str | None = self._document.source.get(_FIRST)
        return month

    def find(self, source: Source, now: datetime) -> str | None:
        """Return the month; None if there is no event with an item yet."""
        platform = current_stats.counter_platform
        configured = platform and platform.first_month
        return self.kept or configured or _first_month_of(source, now)

    def keep(self, month: str) -> None:
        """Keep the month, unless one is kept."""
        self._document.change(lambda source: None if source.get(_FIRST) else {_FIRST: month}, _ATTEMPTS)


def open_months(first: str | None, closed: Mapping[str, Month], now: datetime) -> list[str]:
    """Return the months that are over and not closed yet, oldest first; those that are no longer offered are left out.

    A month is over when STATS_COUNTER_CLOSE_AFTER_DAYS have passed since its end.
    """
    if first is None:
        return []
    last = last_month_due(now, current_app.config["STATS_COUNTER_CLOSE_AFTER_DAYS"])
    return [month for month in months_between(max(first, first_month_kept(now.date())), last) if month not in closed]


def _first_month_of(source: Source, now: datetime) -> str | None:
    """Return the month of the oldest event with an item, or the next if it began before the first complete day."""
    aggregator = source.aggregator
    fields = aggregator.usage.key_fields if aggregator.usage else (aggregator.field,)
    has_item = clauses.any_of([{"exists": {"field": field}} for field in fields])
    body = clauses.oldest(clauses.all_of([clauses.between(), has_item]))
    moment = clauses.read_oldest(search(SearchRequest(aggregator.client, events_alias_of(aggregator), body)))
    if moment is None:
        return None
    month = format_month(moment)
    return month if edges_of(month).start >= estimate_day(aggregator, now) else next_month(month)
