"""Read the use of the datasets of a closed month."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from invenio_stats.core.counter_months import METRICS, Month
from invenio_stats.counter.deposit.documents import DatasetUsage
from invenio_stats.counter.months import usage_index
from invenio_stats.search import clauses
from invenio_stats.search.client import COMPLETE, SearchRequest, search

PAGE_SIZE = 1_000
"""Sums in one response."""


def read_dataset_usage(client: Any, month: Month, page_size: int = PAGE_SIZE) -> Iterator[DatasetUsage]:
    """Yield the use of all items with Data_Type Dataset, by ascending item id; read page by page."""
    for item_id, groups in groupby(_groups(client, month, page_size), key=lambda group: group["key"]["item_id"]):
        own = list(groups)
        counts = {group["key"]["access_method"]: _numbers(group) for group in own}
        yield DatasetUsage(item_id, own[0]["key"]["yop"], counts)


def _groups(client: Any, month: Month, page_size: int) -> Iterator[clauses.Group]:
    """Yield the sums over all access types, countries and institutions; an item has one year of publication."""
    sources = [clauses.by_value(field, field) for field in ("item_id", "yop", "access_method")]
    sums = {field: {"sum": {"field": field}} for field in METRICS.values()}
    query = {"term": {"data_type": "Dataset"}}
    body: clauses.Body | None = clauses.composite(query, sources, page_size, sums)
    while body is not None:
        response = search(SearchRequest(client, usage_index(month), body, COMPLETE))
        yield from response["aggregations"][clauses.GROUPS]["buckets"]
        body = clauses.next_page(body, response)


def _numbers(group: clauses.Group) -> dict[str, int]:
    return {field: int(group[field]["value"]) for field in METRICS.values()}
