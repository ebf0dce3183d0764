"""Find closed months of which a customer's numbers are worth a person's look."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
