"""Choose where the numbers and items of a report come from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.counter_months import Month
from invenio_stats.core.counter_platform import Platform
from invenio_stats.counter.items import KnownItem, find_items, scan_items
from invenio_stats.counter.reports.customers import Institution
from invenio_stats.counter.reports.descriptions import Describer
from invenio_stats.counter.reports.folding import Shape
from invenio_stats.counter.reports.item_usage import ItemUsageReader, batch_size
from invenio_stats.counter.reports.items import ItemSequence, ReportItem
from invenio_stats.counter.reports.platform_usage import fold_platform
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.errors import MissingItemsError


class Source(Protocol):
    """Numbers and items of a report."""

    def items(self) -> Iterator[ReportItem]:
        """Yield the items in the order of the report; for a report of the platform, the platform if it has usage.

        MissingItemsError in the end if that was not all usage.
        """

    def count(self) -> int:
        """Return how many documents of months have to be read."""

    def has_more_rows(self, limit: int) -> bool:
        """Return True if a table of the report has more rows than a number."""


def choose_source(
    client: Any, request: ReportRequest, platform: Platform, institution: Institution, months: Sequence[Month]
) -> Source:
    """Return the source of a report; `months` are those of it that are closed."""
    kind = _ItemSource if request.kind.has_items else _PlatformSource
    return kind(client, request, platform, institution, months)


@dataclass
class _Asked:
    """What is asked for, and of which months."""

    client: Any
    request: ReportRequest
    platform: Platform
    institution: Institution
    months: Sequence[Month]

    @property
    def shape(self) -> Shape:
        return Shape.of(self.request, [month.month for month in self.months])


@dataclass
class _PlatformSource(_Asked):
    """The platform, whose usage the engine sums up."""

    def items(self) -> Iterator[ReportItem]:
        customers = self.institution.customers
        performances = fold_platform(self.client, self.request, customers, self.months, self.shape)
        if performances:
            yield ReportItem("", None, {"Platform": self.platform.name}, performances)

    def count(self) -> int:
        return 0

    def has_more_rows(self, limit: int) -> bool:
        return False  # a row for each Data_Type, Access_Method and country, and each metric


@dataclass
class _ItemSource(_Asked):
    """All items that were ever in a closed month, or those of a filter."""

    def __post_init__(self) -> None:
        ids = self.request.filters.get("Item_ID")
        self._chosen = None if ids is None else self._find(ids)
        item_ids = None if self._chosen is None else [item.item_id for item in self._chosen]
        customers = self.institution.customers
        self._reader = ItemUsageReader(self.client, self.request, customers, self.months, self.shape, item_ids)

    def items(self) -> Iterator[ReportItem]:
        if not self.count():
            return
        describer = Describer(self.request, self.platform)
        only = self.request.kind.fixed.get("Data_Type", ())
        sequence = ItemSequence(self.client, self._reader, describer, batch_size(len(self.months)), only)
        known = scan_items(self.client) if self._chosen is None else self._chosen
        found = sequence.by_parent(known) if self.request.has_parents else sequence.in_one_group(known)
        left = self._reader.sum_up()
        for item in found:
            left -= sum(sum(numbers.values()) for usage in item.performances for numbers in usage.metrics.values())
            yield item
        if left:  # an item that is not kept any more would be missing, and nobody would notice
            raise MissingItemsError(prefix_index(names.COUNTER_ITEMS), self.months[0].month, self.months[-1].month)

    def count(self) -> int:
        return self._reader.count()

    def has_more_rows(self, limit: int) -> bool:
        return self._reader.has_more_rows(limit)

    def _find(self, ids: Sequence[str]) -> list[KnownItem]:
        """Return the items of some DOIs and Proprietary ids."""
        own = self.platform.own_id("")
        item_ids = [value.removeprefix(own) for value in ids if value.startswith(own)]
        return list(find_items(self.client, item_ids, [value for value in ids if not value.startswith(own)]))
