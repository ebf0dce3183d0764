"""Tell the state of each month of COUNTER reports."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.counter_closing import correction_due
from invenio_stats.core.counter_months import (
    METRICS,
    SEARCHES,
    Month,
    edges_of,
    first_month_kept,
    format_month,
    months_between,
)
from invenio_stats.core.moments import parse
from invenio_stats.core.periods import parse_days
from invenio_stats.counter.closing.day_totals import find_changes, sum_days
from invenio_stats.counter.closing.schedule import FirstMonth
from invenio_stats.counter.closing.sources import Sources, find_sources
from invenio_stats.counter.customer_spikes import CustomerSpike, find_spikes
from invenio_stats.counter.months import fetch_months
from invenio_stats.search.aliases import fetch_closed

State = Literal["open", "closed", "restated"]


class Moved(NamedTuple):
    """How the day totals of a closed month differ from what its reports show."""

    sums: Mapping[str, int]
    """By metric, how much greater the day totals are; metrics that are equal are left out."""
    totals: int
    """Number of day totals that were written since the month was closed or restated."""
    since: datetime
    """When they began to differ; if that cannot be known, when the month was closed or restated."""
    correct_by: date
    """The day by which COUNTER wants it corrected."""


class MonthStatus(NamedTuple):
    """What is known of a month."""

    month: str
    state: State
    closed: Month | None
    """None for an open month."""
    moved: Moved | None
    """None if the day totals are as they were, or some of them cannot be read."""
    spikes: list[CustomerSpike]
    closed_indices: list[str]
    """Indices of its usage or day totals that are closed in the search engine, so that nothing can be said of these."""


class Status(NamedTuple):
    """What is known of all months that are offered, or could be."""

    first_month: str | None
    """The first month offered; None before the first close."""
    last_month: str | None
    months: list[MonthStatus]
    """From the first one that could be closed on, oldest first."""


def read_status(client: Any, now: datetime) -> Status:
    """Return the status of all months up to the present one."""
    sources = find_sources()
    closed = fetch_months(client, now.date())
    first = FirstMonth(client).find(sources.items, now)
    begin = min([month for month in (first, *closed) if month is not None], default=format_month(now))
    spikes = find_spikes(client, closed)
    usage = prefix_index(names.COUNTER_USAGE)
    unreadable = fetch_closed(client, [usage, *(source.alias for source in sources)])
    months = []
    for month in months_between(max(begin, first_month_kept(now.date())), format_month(now)):
        known = closed.get(month)
        state: Any = "open" if known is None else known.state
        shut = [found for found in unreadable if found.days.within(*parse_days(month)) is not None]
        shut_names = [found.index_name for found in shut]
        are_totals_readable = all(found.alias == usage for found in shut)
        moved = _find_moved(client, sources, known) if known is not None and are_totals_readable else None
        months.append(MonthStatus(month, state, known, moved, spikes.get(month, []), shut_names))
    return Status(min(closed, default=None), max(closed, default=None), months)


def _find_moved(client: Any, sources: Sources, month: Month) -> Moved | None:
    since = parse(month.changed)
    found = dict(_changed_sums(client, sources, month))
    changes = [find_changes(client, source.alias, edges_of(month.month), since) for source in sources]
    written = sum(change.totals for change in changes)
    if not found and not written:
        return None
    began = min((change.first for change in changes if change.first is not None), default=since)
    return Moved(found, written, began, correction_due(began.date()))


def _changed_sums(client: Any, sources: Sources, month: Month) -> Iterator[tuple[str, int]]:
    edges = edges_of(month.month)
    days = sum_days(client, sources.items.alias, edges, tuple(METRICS.values())).values()
    now = {metric: sum(numbers[name] for numbers in days) for metric, name in METRICS.items()}
    if sources.searches is not None and month.has_searches:
        searches = sum_days(client, sources.searches.alias, edges, ("count",)).values()
        now[SEARCHES] = sum(numbers["count"] for numbers in searches)
    for metric, number in now.items():
        if number != month.sums.get(metric, 0):
            yield metric, number - month.sums.get(metric, 0)
