"""Find closed months of which a customer's numbers are worth a person's look."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.core.counter_months import METRICS, Month, next_month
from invenio_stats.core.counter_spikes import MONTHS, Spike, find_spike
from invenio_stats.core.customers import THE_WORLD
from invenio_stats.counter.months import usage_index
from invenio_stats.proxies import current_stats
from invenio_stats.search.client import SearchRequest, multi_search

SPIKE_METRIC = "Total_Item_Requests"
"""The metric by which spikes are found."""

_MAX_INSTITUTIONS = 10_000


class CustomerSpike(NamedTuple):
    """A customer with an unusual month."""

    customer_id: str
    spike: Spike
    number: int
    mean: int
    """Of the twelve months before, or of those of them that are closed."""


def find_spikes(client: Any, closed: Mapping[str, Month]) -> dict[str, list[CustomerSpike]]:
    """Return the customers with a spike by month.

    A month whose usage cannot be read, because its index is closed, has numbers of The World only: the others are not
    compared with it, and have no spike in it.
    """
    read = _read_institutions(client, list(closed.values()))
    numbers = {month: _by_customer(sums) for month, sums in read.items() if sums is not None}
    world = {month: {THE_WORLD: known.sums.get(SPIKE_METRIC, 0)} for month, known in closed.items()}
    found: dict[str, list[CustomerSpike]] = defaultdict(list)
    for month in closed:
        for compared in (world, numbers):
            if month in compared:
                found[month] += _find_in(compared, month)
    return {month: spikes for month, spikes in found.items() if spikes}


def _find_in(numbers: Mapping[str, Mapping[str, int]], month: str) -> Iterator[CustomerSpike]:
    """Yield the customers with a spike in a month; `numbers` are by month and customer."""
    earlier = [numbers[known] for known in numbers if next_month(month, -MONTHS) <= known < month]
    for customer_id in sorted({*numbers[month], *(known for sums in earlier for known in sums)}):
        before = [sums.get(customer_id, 0) for sums in earlier]
        number = numbers[month].get(customer_id, 0)
        if (spike := find_spike(number, before)) is not None:
            yield CustomerSpike(customer_id, spike, number, round(sum(before) / len(before)))


def _read_institutions(client: Any, months: Sequence[Month]) -> dict[str, Mapping[str, int] | None]:
    """Return the numbers of each closed month by institution; None where its usage cannot be read."""
    sums = {"number": {"sum": {"field": METRICS[SPIKE_METRIC]}}}
    institutions = {"terms": {"field": "institution", "size": _MAX_INSTITUTIONS}, "aggs": sums}
    body = {"size": 0, "track_total_hits": False, "aggs": {"institutions": institutions}}
    requests = [SearchRequest(client, usage_index(month), body) for month in months]
    found: dict[str, Mapping[str, int] | None] = {}
    for month, searcher, request in zip(months, multi_search(requests), requests, strict=True):
        response = searcher(request)
        buckets = response.get("aggregations", {}).get("institutions", {}).get("buckets", ())
        is_read = bool(response["_shards"]["total"])  # the search passes over an index that is closed
        found[month.month] = {bucket["key"]: int(bucket["number"]["value"]) for bucket in buckets} if is_read else None
    return found


def _by_customer(institutions: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers of customers: of one with members those of all of them together."""
    numbers = dict(institutions)
    for customer in current_stats.customers.by_id.values():
        if customer.members:
            ids = {customer.customer_id, *customer.members}
            numbers[customer.customer_id] = sum(institutions.get(known, 0) for known in ids)
    return numbers
