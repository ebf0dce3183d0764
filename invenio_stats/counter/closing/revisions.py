"""Make a revision of a month: write its usage, compare it with the day totals, and make it known."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from celery.exceptions import SoftTimeLimitExceeded

from invenio_stats.core.counter_months import CLOSED, METRICS, RESTATED, SEARCHES, Month, edges_of
from invenio_stats.core.item_usage import ITEM_NUMBERS
from invenio_stats.core.moments import iso_zoned
from invenio_stats.counter.closing.day_totals import read_items, read_searches, sum_days
from invenio_stats.counter.closing.month_lease import Clock, MonthLease
from invenio_stats.counter.closing.month_usage import (
    Difference,
    ItemComparison,
    ItemUsage,
    build_usage,
    read_usage,
    usage_id,
)
from invenio_stats.counter.closing.sources import Sources
from invenio_stats.counter.closing.usage_indices import NewRevision, Revision, Sums
from invenio_stats.counter.items import ItemKeeper
from invenio_stats.errors import MonthUnfinishedError
from invenio_stats.privacy.user_agents.cache import current_classifier
from invenio_stats.proxies import current_stats, unwrap

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
        self._comparison = ItemComparison(self._usage_before())
        self._totals = dict.fromkeys(ITEM_NUMBERS, 0)
        self._documents = 0

    @property
    def number(self) -> int:
        """The number of the new revision."""
        return 1 if self.before is None else self.before.revision + 1

    def compare(self) -> Difference:
        """Return what the new revision would change, and write nothing."""
        for _ in self._batches(self._keeper.describe):
            pass
        return self._difference(self._sums(self._read_searches()))

    def make(self, lease: MonthLease, reason: Reason) -> Difference:
        """Write and publish the revision, and end the lease; return what it has changed.

        Until the last request the month is as it was before; whatever fails or is killed leaves it so.
        """
        target = NewRevision(self.client, Revision(self.month, self.number), lease)
        try:
            target.create()
            self._keeper.create_index()
            for batch in self._batches(self._keeper.keep):
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

    def _batches(self, describe: Callable[[Sequence[str]], Mapping[str, Any]]) -> Iterator[list[ItemUsage]]:
        items = read_items(self.client, self.sources.items.alias, edges_of(self.month))
        for batch in build_usage(items, describe):
            for item_id, usages in batch:
                self._comparison.add(item_id, usages)
                self._documents += len(usages)
                for usage in usages:
                    for name in ITEM_NUMBERS:
                        self._totals[name] += getattr(usage, name)
            yield batch
            self.on_items(len(batch))

    def _usage_before(self) -> Iterator[Any]:
        if self.before is not None:
            yield from read_usage(self.client, Revision(self.month, self.before.revision))

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
        uses = {f"{day}": numbers[ITEM_NUMBERS[0]] for day, numbers in sorted(days.items())}
        return {day: number for day, number in uses.items() if number}

    def _read_searches(self) -> list[dict[str, Any]]:
        source = self.sources.searches
        return [] if source is None else read_searches(self.client, source.alias, edges_of(self.month))

    def _sums(self, searches: list[dict[str, Any]]) -> dict[str, int]:
        sums = {metric: self._totals[name] for metric, name in METRICS.items()}
        return sums if self.sources.searches is None else {**sums, SEARCHES: sum(row["count"] for row in searches)}

    def _difference(self, sums: Mapping[str, int]) -> Difference:
        before = {} if self.before is None else self.before.sums
        differences = {metric: sums.get(metric, 0) - before.get(metric, 0) for metric in {**before, **sums}}
        changed = {metric: number for metric, number in differences.items() if number}
        return Difference(self._comparison.finish(), changed)

    def _month(
        self, reason: Reason, days: Mapping[str, int], searches: list[dict[str, Any]], difference: Difference
    ) -> Month:
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
            tuple(searches),
            self.sources.searches is not None,
            current_classifier().version,
            tuple(reason.accepted) if before is None else before.accepted,
            (*(() if before is None else before.log), entry),
            {},
            days,
        )


def _undo(target: NewRevision, lease: MonthLease) -> None:
    """Delete what was written, and end the lease; if that fails, too, the next run does it."""
    try:
        target.discard()
        lease.release()
    except Exception as error:
        logger.info("A revision was left unfinished", extra={"error": type(error).__name__})
