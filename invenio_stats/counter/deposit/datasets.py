"""The datasets of a month's report: their use, and what is known of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import IO, Any, NamedTuple

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.counter_months import Month
from invenio_stats.counter.deposit.documents import (
    PART_SIZE,
    DatasetUsage,
    Part,
    Report,
    build_dataset,
    build_document,
    merge_usages,
    split,
)
from invenio_stats.counter.deposit.usage import read_dataset_usage
from invenio_stats.counter.items import ItemKeeper
from invenio_stats.counter.shared_dois import find_shared_dois
from invenio_stats.errors import DepositError, MissingItemsError
from invenio_stats.items.metadata import BATCH_SIZE, ItemMetadata, nothing_known
from invenio_stats.proxies import current_stats
from invenio_stats.search.scan import pages

FindShared = Callable[[], Mapping[str, Sequence[str]]]
"""Returns the ids of all items with one DOI, by the id of each of them; items that share none are left out."""

Describe = Callable[[Sequence[str]], Mapping[str, ItemMetadata | None]]
"""Returns what is known of items."""


class Datasets:
    """The datasets of a month, read anew each time, by ascending item id; items with the same DOI are one dataset."""

    part_size = PART_SIZE

    def __init__(
        self, client: Any, month: Month, report: Report, describe: Describe, find_shared: FindShared = lambda: {}
    ):
        """Take what they are read from, and described by, and what finds items with the same DOI."""
        self.report = report
        self._client, self._month, self._describe, self._find_shared = client, month, describe, find_shared
        self.left_out = 0
        """How many have no DOI, of those that were read."""
        self.merged: list[tuple[str, ...]] = []
        """The ids of the items that were one dataset, of those that were read."""

    def parts(self) -> Iterator[Part]:
        """Yield the parts, at least one; an empty one if there are no datasets."""
        self.left_out, self.merged = 0, []
        return split(self._read(), self.part_size)

    def _read(self) -> Iterator[dict[str, Any]]:
        for usages in pages(self._read_usages(), BATCH_SIZE):
            known = self._describe([usage.item_id for usage in usages])
            for usage in usages:
                dataset = build_dataset(self.report, usage, known.get(usage.item_id))
                if dataset is None:
                    self.left_out += 1
                else:
                    yield dataset

    def _read_usages(self) -> Iterator[DatasetUsage]:
        """Yield the use of each dataset, of items with the same DOI where the first of them is used."""
        shared = self._find_shared()
        merged: set[str] = set()
        for usage in read_dataset_usage(self._client, self._month):
            if usage.item_id in merged:
                continue
            if usage.item_id in shared:
                used = read_dataset_usage(self._client, self._month, item_ids=shared[usage.item_id])
                usage = merge_usages(list(used))
            if usage.other_ids:
                merged.update(usage.other_ids)
                self.merged.append((usage.item_id, *usage.other_ids))
            yield usage


def datasets_of(client: Any, month: Month, now: datetime) -> Datasets:
    """Return the datasets of a month's report as this instance deposits it, with what is kept of their metadata."""
    platform, account = current_stats.counter_platform, current_stats.counter_deposit_account
    if platform is None:
        raise DepositError("There are no COUNTER reports. Set STATS_COUNTER_PLATFORM and STATS_COUNTER_PLATFORM_ID.")
    name = platform.created_by if account is None else account.name
    report = Report(month.month, name, platform, now.date())
    keeper = ItemKeeper(client, nothing_known, now)

    def describe(item_ids: Sequence[str]) -> Mapping[str, ItemMetadata | None]:
        kept = keeper.read_kept(item_ids)
        if kept.keys() < set(item_ids):  # a close keeps each: a report without them would take their numbers away
            raise MissingItemsError(prefix_index(names.COUNTER_ITEMS), month.month, month.month)
        return kept

    return Datasets(client, month, report, describe, partial(find_shared_dois, client))


class Summary(NamedTuple):
    """The parts of a report together."""

    datasets: int
    parts: int
    checksum: str


def summarize(parts: Iterable[Part], write: Callable[[Part], object] = lambda part: None) -> Summary:
    """Read all parts; `write` is called with each."""
    datasets, number, checksum = 0, 0, ""
    for part in parts:
        write(part)
        datasets, number, checksum = datasets + len(part.datasets), part.number, part.checksum
    return Summary(datasets, number, checksum)


def write_documents(datasets: Datasets, file: IO[bytes] | None) -> Summary:
    """Write the documents of a report, one on each line, as they are before they are compressed; None to count only."""

    def write(part: Part) -> None:
        if file is not None:
            file.write(build_document(datasets.report, part) + b"\n")

    return summarize(datasets.parts(), write)
