"""Put the items of a report in order, each with its parent, description and usage; memory does not grow with them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import merge
from typing import Any, NamedTuple

from invenio_stats.counter.item_documents import order_key_of
from invenio_stats.counter.items import KnownItem, find_items
from invenio_stats.counter.reports.descriptions import Describer, Description, may_have_parent
from invenio_stats.counter.reports.folding import Performance
from invenio_stats.counter.reports.item_usage import ItemUsageReader
from invenio_stats.search.scan import pages


class ReportItem(NamedTuple):
    """An item with its usage."""

    group: str
    """Identity of its parent; items of a group follow each other, and those without one, "", are the last."""
    parent: Description | None
    """The parent, the same for all items of a group."""
    description: Description
    performances: Sequence[Performance]


class _Place(NamedTuple):
    """An item's place among those without a parent."""

    order_key: str
    item_id: str


class ItemSequence:
    """Yields the items of a report."""

    def __init__(
        self, client: Any, reader: ItemUsageReader, describer: Describer, size: int, data_types: Collection[str] = ()
    ):
        """Take what reads usage, what describes items, and how many to ask for at once.

        :param data_types: the only ones that usage can have, if a report does not show them.
        """
        self._client, self._reader, self._describer, self._size = client, reader, describer, size
        self._data_types = data_types

    def in_one_group(self, items: Iterable[KnownItem]) -> Iterator[ReportItem]:
        """Yield the items that have usage, none with a parent."""
        for item, performances in self._with_usage(items):
            yield self._without_parent(item, performances)

    def by_parent(self, items: Iterable[KnownItem]) -> Iterator[ReportItem]:
        """Yield the items that have usage: the groups of parents, then those without one by title and id.

        An item whose usage has a Data_Type that may have no such parent is one of the latter: it described itself
        otherwise in some month, and is in one group only.
        """
        late: list[_Place] = []
        with_parent, rest = _split_at(items)
        group, parent = "", None
        for item, performances in self._with_usage(with_parent):
            container = item.metadata and item.metadata.container
            if container and item.container_key != group:
                group, parent = item.container_key, self._describer.describe_parent(container)
            shown = {usage.attributes["Data_Type"] for usage in performances if "Data_Type" in usage.attributes}
            if container and parent and may_have_parent(shown or self._data_types, container):
                description = self._describer.describe(item.item_id, item.metadata)
                yield ReportItem(group, parent, description, performances)
            else:
                late.append(_place(item))
        late.sort()
        yield from self.in_one_group(self._merge(rest, late))

    def _with_usage(self, items: Iterable[KnownItem]) -> Iterator[tuple[KnownItem, list[Performance]]]:
        for batch in pages(items, self._size):
            usage = self._reader.read([item.item_id for item in batch])
            yield from ((item, usage[item.item_id]) for item in batch if item.item_id in usage)

    def _without_parent(self, item: KnownItem, performances: Sequence[Performance]) -> ReportItem:
        return ReportItem("", None, self._describer.describe(item.item_id, item.metadata), performances)

    def _merge(self, items: Iterator[KnownItem], late: Sequence[_Place]) -> Iterator[KnownItem]:
        """Yield both in order; what is late is read again, so that only its places are in memory until now."""
        return merge(items, self._read_again(late), key=_place) if late else items

    def _read_again(self, places: Sequence[_Place]) -> Iterator[KnownItem]:
        for page in pages(places, self._size):
            found = {item.item_id: item for item in find_items(self._client, [late.item_id for late in page])}
            yield from (found[late.item_id] for late in page if late.item_id in found)


def _split_at(items: Iterable[KnownItem]) -> tuple[Iterator[KnownItem], Iterator[KnownItem]]:
    """Return the items with a container, which have to be read first, and the others, which come after them."""
    remaining = iter(items)
    first_of_rest: list[KnownItem] = []

    def with_container() -> Iterator[KnownItem]:
        for item in remaining:
            if not item.container_key:
                first_of_rest.append(item)
                return
            yield item

    def rest() -> Iterator[KnownItem]:
        yield from first_of_rest
        yield from remaining

    return with_container(), rest()


def _place(item: KnownItem) -> _Place:
    alone = item.metadata and item.metadata._replace(container=None)
    return _Place(order_key_of(item.item_id, alone), item.item_id)
