"""Make the usage of a month from its day totals, item by item."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from invenio_stats.core.counter_months import MonthUsage
from invenio_stats.core.data_types import month_data_type, month_yop
from invenio_stats.counter.closing.day_totals import PAGE_SIZE, ItemMonth
from invenio_stats.counter.closing.partitions import Partitions
from invenio_stats.counter.closing.usage_indices import Revision
from invenio_stats.items.metadata import ItemMetadata
from invenio_stats.search.scan import hits

ItemUsage = tuple[str, list[MonthUsage]]
"""An item, and its usage by attributes."""

_NOTHING_KNOWN = ItemMetadata("")


def build_usage(item: ItemMonth, metadata: ItemMetadata | None) -> list[MonthUsage]:
    """Return the usage of an item, with Data_Type and YOP as the item is described now; None if it is not known."""
    known = metadata or _NOTHING_KNOWN
    data_type, yop = month_data_type(known.data_type), month_yop(known.yop)
    return [
        MonthUsage(item.item_id, data_type, yop, *attributes, *numbers) for attributes, numbers in item.rows.items()
    ]


def usage_id(usage: MonthUsage) -> str:
    """Return the id of a document: by what it is about, so that writing it twice makes one document."""
    key = (usage.item_id, usage.access_type, usage.access_method, usage.country, usage.institution)
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]


def spread_usage(client: Any, revision: Revision, partitions: Partitions, on_page: Callable[[], None]) -> None:
    """Read the usage in a revision, and put it into partitions; `on_page` is called again and again."""
    for number, hit in enumerate(hits(client, revision.name, size=PAGE_SIZE)):
        if number % PAGE_SIZE == 0:
            on_page()
        usage = MonthUsage.from_source(hit["_source"])
        partitions.add(usage.item_id, list(usage))


class Difference(NamedTuple):
    """What differs between two revisions of a month."""

    items: int
    """Number of items whose usage or description differs."""
    sums: Mapping[str, int]
    """By metric, how much greater the new number is; metrics that are equal are left out."""
