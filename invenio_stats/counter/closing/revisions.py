"""Make a revision of a month: write its usage, compare it with the day totals, and make it known."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.core.counter_months import CLOSED, METRICS, RESTATED, SEARCHES, Month, MonthUsage, edges_of
from invenio_stats.core.item_usage import ITEM_NUMBERS
from invenio_stats.core.moments import iso_zoned
from invenio_stats.counter.closing.day_totals import ItemMonth, fold_rows, read_searches, spread_totals, sum_days
from invenio_stats.counter.closing.month_lease import Clock, MonthLease
from invenio_stats.counter.closing.month_usage import (
    Difference,
    ItemUsage,
    build_usage,
    spread_usage,
    usage_id,
)
from invenio_stats.counter.closing.partitions import Partitions
from invenio_stats.counter.closing.sources import Sources
from invenio_stats.counter.closing.usage_indices import NewRevision, Revision, Sums
from invenio_stats.counter.items import ItemKeeper
from invenio_stats.errors import MonthUnfinishedError
from invenio_stats.items.metadata import BATCH_SIZE
from invenio_stats.privacy.user_agents.cache import current_classifier
from invenio_stats.proxies import current_stats, unwrap
from invenio_stats.search.scan import pages

logger = logging.getLogger(__name__)

OnItems = Callable[[int], None]
"""Called with the number of items of each batch."""


class Reason(NamedTuple):
    """Why a revision is made."""

    text: str
    """What the operator says; "" for the close of a month without obstacles."""
    accepted: Sequence[Mapping[str, Any]] = ()
    """What is ignored: dicts with `reason`, `what` and `count`."""
    gone: int = 0
    """Number of days whose raw events are gone, so that their totals were taken as they are."""


class Searches(NamedTuple):
    """Searches_Platform of a month."""

    rows: list[dict[str, Any]]
    """By access method, country and institution."""
    days: Mapping[str, int]
    """By day, of the days that have any."""
    are_counted: bool


@dataclass
class RevisionMaker:
    """Makes one revision of one month; `sources` must have been found before."""

    client: Any
    sources: Sources
    month: str
    clock: Clock
    on_items: OnItems = lambda items: None
    before: Month | None = None
    """The month as it is, if it is closed."""
    began: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Note the time: what is written from now on may be missing from the revision."""
        self.began = self.clock()
        self._keeper = ItemKeeper(self.client, unwrap(current_stats).item_metadata, self.began)
        self._different = 0
        self._totals = dict.fromkeys(ITEM_NUMBERS, 0)
        self._documents = 0

    @property
    def number(self) -> int:
        """The number of the new revision."""
        return 1 if self.before is None else self.before.revision + 1

    def compare(self) -> Difference:
        """Return what the new revision would change, and write nothing."""
        for _ in self._batches(self._keeper.describe, lambda: None):
            pass
        return self._difference(self._sums(self._read_searches()))

    def make(self, lease: MonthLease, reason: Reason) -> Difference:
        """Write and publish the revision, and end the lease; return what it has changed.

        Until the last request the month is as it was before; whatever fails or is killed leaves it so.
        """
        target = NewRevision(self.client, Revision(self.month, self.number), lease)
        try:
            target.create()
            self._keeper.prepare()
            for batch in self._batches(self._keeper.keep, lease.heartbeat):
                target.write((usage_id(usage), usage) for _, usages in batch for usage in usages)
                lease.heartbeat()
            self._keeper.finish()
            days = self._check(target.sum_up())
            searches = self._read_searches()
            difference = self._difference(self._sums(searches))
            target.publish()
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            _undo(target, lease)
            raise
        lease.finish(self._month(reason, days, searches, difference))
        return difference

    def _batches(
        self, describe: Callable[[Sequence[str]], Mapping[str, Any]], on_page: Callable[[], None]
    ) -> Iterator[list[ItemUsage]]:
        """Yield the usage of the month in batches of items, and count it."""
        with Partitions() as totals, Partitions() as before:
            spread_totals(self.client, self.sources.items.alias, edges_of(self.month), totals, on_page)
            if self.before is not None:
                spread_usage(self.client, Revision(self.month, self.before.revision), before, on_page)
            for batch in pages(self._items(totals, before), BATCH_SIZE):
                known = describe([item.item_id for item, _ in batch])
                usages = [(item.item_id, build_usage(item, known.get(item.item_id))) for item, _ in batch]
                for (_item_id, usage), (_item, usage_before) in zip(usages, batch, strict=True):
                    self._add_up(usage)
                    self._different += set(usage) != usage_before
                yield usages
                self.on_items(len(batch))

    def _items(self, totals: Partitions, before: Partitions) -> Iterator[tuple[ItemMonth, set[MonthUsage]]]:
        """Yield each item that was used, with its usage in the revision before."""
        for rows, usages in zip(totals.read(), before.read(), strict=True):
            self._different += len(usages.keys() - rows.keys())
            for item_id, known in rows.items():
                yield fold_rows(item_id, known), {MonthUsage(*usage) for usage in usages.get(item_id, ())}

    def _add_up(self, usages: list[MonthUsage]) -> None:
        self._documents += len(usages)
        for usage in usages:
            for name in ITEM_NUMBERS:
                self._totals[name] += getattr(usage, name)

    def _check(self, written: Sums) -> dict[str, int]:
        """Return the uses by day, if what was written is what was read, and is what the day totals are now."""
        alias = self.sources.items.alias
        self.client.indices.refresh(index=alias, ignore_unavailable=True)
        days = sum_days(self.client, alias, edges_of(self.month), ITEM_NUMBERS)
        sums = {name: sum(numbers[name] for numbers in days.values()) for name in ITEM_NUMBERS}
        if written != Sums(self._documents, self._totals) or written.numbers != sums:
            raise MonthUnfinishedError(
                f"The usage of {self.month} is not the sum of its day totals; an aggregation may have changed these "
                "meanwhile. Run the command again."
            )
        return _by_day(days, ITEM_NUMBERS[0])

    def _read_searches(self) -> Searches:
        """Return the searches; those of the revision before if they are not counted any more."""
        source, before, edges = self.sources.searches, self.before, edges_of(self.month)
        if source is not None:
            days = sum_days(self.client, source.alias, edges, ("count",))
            rows = read_searches(self.client, source.alias, edges)
            return Searches(rows, _by_day(days, "count"), are_counted=True)
        if before is not None:
            return Searches([dict(row) for row in before.searches], before.search_days, before.has_searches)
        return Searches([], {}, are_counted=False)

    def _sums(self, searches: Searches) -> dict[str, int]:
        sums = {metric: self._totals[name] for metric, name in METRICS.items()}
        return {**sums, SEARCHES: sum(row["count"] for row in searches.rows)} if searches.are_counted else sums

    def _difference(self, sums: Mapping[str, int]) -> Difference:
        before = {} if self.before is None else self.before.sums
        differences = {metric: sums.get(metric, 0) - before.get(metric, 0) for metric in {**before, **sums}}
        changed = {metric: number for metric, number in differences.items() if number}
        return Difference(self._different, changed)

    def _month(self, reason: Reason, days: Mapping[str, int], searches: Searches, difference: Difference) -> Month:
        """Return the document of the month."""
        before, at = self.before, iso_zoned(self.began)
        entry = {"at": at, "revision": self.number, "reason": reason.text, "difference": dict(difference.sums)}
        if reason.gone:
            entry["days_taken_as_they_are"] = reason.gone
        return Month(
            self.month,
            CLOSED if before is None else RESTATED,
            self.number,
            at if before is None else before.closed,
            at,
            self._sums(searches),
            self._documents,
            tuple(searches.rows),
            searches.are_counted,
            current_classifier().version,
            tuple(reason.accepted) if before is None else before.accepted,
            (*(() if before is None else before.log), entry),
            {},
            days,
            searches.days,
        )


def _by_day(days: Mapping[date, Mapping[str, int]], field: str) -> dict[str, int]:
    """Return the sums of a field by day, of the days that have any."""
    return {f"{day}": numbers[field] for day, numbers in sorted(days.items()) if numbers[field]}


def _undo(target: NewRevision, lease: MonthLease) -> None:
    """Delete what was written, and end the lease; if that fails, too, the next run does it."""
    try:
        target.discard()
        lease.release()
    except Exception as error:
        logger.info("A revision was left unfinished", extra={"error": type(error).__name__})
