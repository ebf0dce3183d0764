"""Make the usage of a month from its day totals, item by item."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.core.counter_months import MonthUsage
from invenio_stats.core.data_types import month_data_type, month_yop
from invenio_stats.core.item_usage import ITEM_NUMBERS
from invenio_stats.counter.closing.day_totals import ItemMonth
from invenio_stats.counter.closing.usage_indices import Revision
from invenio_stats.items.metadata import BATCH_SIZE, ItemMetadata
from invenio_stats.search.scan import ordered_hits, pages

Describe = Callable[[Sequence[str]], Mapping[str, ItemMetadata | None]]
"""Returns what is known of at most 500 items."""

ItemUsage = tuple[str, list[MonthUsage]]
"""An item, and its usage by attributes."""

_NOTHING_KNOWN = ItemMetadata("")


def build_usage(items: Iterable[ItemMonth], describe: Describe) -> Iterator[list[ItemUsage]]:
    """Yield the usage of items in batches, with Data_Type and YOP as the items are described now."""
    for batch in pages(items, BATCH_SIZE):
        known = describe([item.item_id for item in batch])
        yield [(item.item_id, _usage_of(item, known.get(item.item_id) or _NOTHING_KNOWN)) for item in batch]


def usage_id(usage: MonthUsage) -> str:
    """Return the id of a document: by what it is about, so that writing it twice makes one document."""
    key = (usage.item_id, usage.access_type, usage.access_method, usage.country, usage.institution)
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]


def read_usage(client: Any, revision: Revision) -> Iterator[MonthUsage]:
    """Yield the usage in a revision, in the order of the items' ids; none if its index does not exist."""
    for hit in ordered_hits(client, revision.name, {"match_all": {}}, {"item_id": "keyword"}):
        yield MonthUsage.from_source(hit["_source"])


class Difference(NamedTuple):
    """What differs between two revisions of a month."""

    items: int
    """Number of items whose usage or description differs."""
    sums: Mapping[str, int]
    """By metric, how much greater the new number is; metrics that are equal are left out."""


class ItemComparison:
    """Counts the items that differ from those of another revision, while the usage passes by in the items' order."""

    def __init__(self, before: Iterable[MonthUsage]):
        """`before` is the usage of the other revision, in the order of the items' ids."""
        self.different = 0
        self._before = iter(before)
        self._next = next(self._before, None)

    def add(self, item_id: str, usage: Sequence[MonthUsage]) -> None:
        """Compare the next item."""
        while self._next is not None and self._next.item_id < item_id:
            self._take(self._next.item_id)
            self.different += 1
        self.different += self._take(item_id) != set(usage)

    def finish(self) -> int:
        """Return the number of items that differ, after the last one was added."""
        while self._next is not None:
            self._take(self._next.item_id)
            self.different += 1
        return self.different

    def _take(self, item_id: str) -> set[MonthUsage]:
        found = set()
        while self._next is not None and self._next.item_id == item_id:
            found.add(self._next)
            self._next = next(self._before, None)
        return found


def _usage_of(item: ItemMonth, metadata: ItemMetadata) -> list[MonthUsage]:
    data_type, yop = month_data_type(metadata.data_type), month_yop(metadata.yop)
    return [
        MonthUsage(
            item.item_id,
            data_type,
            yop,
            *attributes,
            **dict(zip(ITEM_NUMBERS, numbers, strict=True)),
        )
        for attributes, numbers in item.rows.items()
    ]
