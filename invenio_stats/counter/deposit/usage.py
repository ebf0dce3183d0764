"""Read the use of the datasets of a closed month."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from invenio_stats.core.counter_months import METRICS, Month
from invenio_stats.counter.deposit.documents import DatasetUsage
from invenio_stats.counter.months import usage_index
from invenio_stats.search import clauses
from invenio_stats.search.client import COMPLETE, SearchRequest
from invenio_stats.search.groups import read_groups

PAGE_SIZE = 1_000
"""Sums in one response."""


def read_dataset_usage(
    client: Any, month: Month, page_size: int = PAGE_SIZE, item_ids: Sequence[str] | None = None
) -> Iterator[DatasetUsage]:
    """Yield the use of all items with Data_Type Dataset, by ascending item id; read page by page.

    With `item_ids` only the use of some items.
    """
    query = clauses.all_of(
        [{"term": {"data_type": "Dataset"}}, *([] if item_ids is None else [{"terms": {"item_id": list(item_ids)}}])]
    )
    found = _groups(client, month, query, page_size)
    for item_id, groups in groupby(found, key=lambda group: group["key"]["item_id"]):
        own = list(groups)
        counts = {group["key"]["access_method"]: _numbers(group) for group in own}
        yield DatasetUsage(item_id, own[0]["key"]["yop"], counts)


def _groups(client: Any, month: Month, query: clauses.Body, page_size: int) -> Iterator[clauses.Group]:
    """Return the sums over all access types, countries and institutions; an item has one year of publication."""
    sources = [clauses.by_value(field, field) for field in ("item_id", "yop", "access_method")]
    sums = clauses.sums_of(METRICS.values())
    body = clauses.composite(query, sources, page_size, sums)
    return read_groups(SearchRequest(client, usage_index(month), body, COMPLETE))


def _numbers(group: clauses.Group) -> dict[str, int]:
    return {field: int(group[field]["value"]) for field in METRICS.values()}
