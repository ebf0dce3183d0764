"""Tell the state of each month of COUNTER reports."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from invenio_stats.core.counter_closing import correction_due
from invenio_stats.core.counter_months import (
    METRICS,
    SEARCHES,
    Month,
    edges_of,
    first_month_kept,
    format_month,
    months_between,
    next_month,
)
from invenio_stats.core.counter_spikes import MONTHS, Spike, find_spike
from invenio_stats.core.customers import THE_WORLD
from invenio_stats.core.moments import parse
from invenio_stats.counter.closing.day_totals import find_changes, sum_days
from invenio_stats.counter.closing.schedule import FirstMonth
from invenio_stats.counter.closing.sources import Sources, find_sources
from invenio_stats.counter.months import fetch_months, usage_index
from invenio_stats.proxies import current_stats
from invenio_stats.search.client import SearchRequest, multi_search

State = Literal["open", "closed", "restated"]

SPIKE_METRIC = "Total_Item_Requests"
"""The metric by which spikes are found."""

_MAX_INSTITUTIONS = 10_000


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


class CustomerSpike(NamedTuple):
    """A customer with an unusual month."""

    customer_id: str
    spike: Spike
    number: int
    mean: int
    """Of the twelve months before, or of those of them that are closed."""


class MonthStatus(NamedTuple):
    """What is known of a month."""

    month: str
    state: State
    closed: Month | None
    """None for an open month."""
    moved: Moved | None
    """None if the day totals are as they were."""
    spikes: list[CustomerSpike]


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
    spikes = _find_spikes(client, closed)
    months = []
    for month in months_between(max(begin, first_month_kept(now.date())), format_month(now)):
        known = closed.get(month)
        state: Any = "open" if known is None else known.state
        moved = None if known is None else _find_moved(client, sources, known)
        months.append(MonthStatus(month, state, known, moved, spikes.get(month, [])))
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


def _find_spikes(client: Any, closed: Mapping[str, Month]) -> dict[str, list[CustomerSpike]]:
    """Return the customers with a spike by month."""
    numbers = {month: _by_customer(sums) for month, sums in _read_institutions(client, list(closed.values())).items()}
    found: dict[str, list[CustomerSpike]] = defaultdict(list)
    for month in closed:
        earlier = [numbers[known] for known in closed if next_month(month, -MONTHS) <= known < month]
        for customer_id in sorted({*numbers[month], *(known for sums in earlier for known in sums)}):
            before = [sums.get(customer_id, 0) for sums in earlier]
            number = numbers[month].get(customer_id, 0)
            if (spike := find_spike(number, before)) is not None:
                found[month].append(CustomerSpike(customer_id, spike, number, round(sum(before) / len(before))))
    return found


def _read_institutions(client: Any, months: Sequence[Month]) -> dict[str, Mapping[str, int]]:
    """Return the numbers of each closed month by institution; of The World those of all."""
    sums = {"number": {"sum": {"field": METRICS[SPIKE_METRIC]}}}
    institutions = {"terms": {"field": "institution", "size": _MAX_INSTITUTIONS}, "aggs": sums}
    body = {"size": 0, "track_total_hits": False, "aggs": {"institutions": institutions}}
    requests = [SearchRequest(client, usage_index(month), body) for month in months]
    found = {}
    for month, searcher, request in zip(months, multi_search(requests), requests, strict=True):
        buckets = searcher(request).get("aggregations", {}).get("institutions", {}).get("buckets", ())
        known = {bucket["key"]: int(bucket["number"]["value"]) for bucket in buckets}
        found[month.month] = {**known, THE_WORLD: month.sums.get(SPIKE_METRIC, 0)}
    return found


def _by_customer(institutions: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers of customers: of one with members those of all of them together."""
    numbers = dict(institutions)
    for customer in current_stats.customers.by_id.values():
        if customer.members:
            ids = {customer.customer_id, *customer.members}
            numbers[customer.customer_id] = sum(institutions.get(known, 0) for known in ids)
    return numbers
