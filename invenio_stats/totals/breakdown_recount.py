"""Count what the breakdowns of a day or of a month have to be, without writing anything."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from flask import current_app
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.breakdowns import cut
from invenio_stats.core.intervals import after
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.totals.breakdown_counts import BreakdownCounts
from invenio_stats.totals.breakdown_folding import MonthFolding
from invenio_stats.totals.breakdown_store import BreakdownStore, StoredBreakdown
from invenio_stats.totals.usage import RECORD_USAGE
from invenio_stats.totals.usage_recount import UsageRecount

SCOPES_OF_DAYS = ("repository", "community")
"""Kinds of scope that are counted by day, and folded from that."""
RECORDS = ("record",)
"""The kind of scope that is counted by month only."""


@dataclass(frozen=True)
class BreakdownRecount:
    """Counts the breakdowns of days from raw events, and folds those of months."""

    events: UsageRecount
    store: BreakdownStore
    heartbeat: Callable[[], None]
    """Called every thousand events or so."""
    window: int
    """Events whose visitors are told apart at the same time."""

    def count_day(self, day: datetime, events: int) -> Iterator[StoredBreakdown]:
        """Yield the repository and its communities; `events` is the number of events of the day, counted or not."""
        where = clauses.between(day, after(day, "day"))
        self.events.client.indices.refresh(index=prefix_index(names.ITEM_USAGE), ignore_unavailable=True)
        counted = self._counts.count_day(where, events, self._counts.labels_of(where))
        at_most = int(current_app.config["STATS_BREAKDOWN_VALUES"])
        for group, rows in counted:
            yield StoredBreakdown(group.scope, group.dimension, cut(rows, at_most))

    def fold_days(self, month: datetime) -> Iterator[StoredBreakdown]:
        """Yield the repository and its communities of a month, from the stored breakdowns of its days."""
        return self._folding.fold_days(month)

    def find_used_records(self, month: datetime) -> dict[str, int]:
        """Return the records with enough uses in a month to have breakdowns, each with their number."""
        return dict(self._folding.find_used_records(month))

    def fold_records(
        self, month: datetime, records: Mapping[str, int]
    ) -> Iterator[tuple[Collection[str], Iterator[StoredBreakdown]]]:
        """Yield some of the used records in parts, each with its breakdowns, counted from raw events."""
        return self._folding.fold_records(month, records)

    def find_records(self, where: Body) -> set[str]:
        """Return the records of matching events, including events that do not count."""
        by_record = replace(self.events, usage=RECORD_USAGE)
        return {str(total_key.key) for total_key in by_record.iter_total_keys(where)}

    @cached_property
    def _counts(self) -> BreakdownCounts:
        return BreakdownCounts(self.events, self.heartbeat, self.window)

    @cached_property
    def _folding(self) -> MonthFolding:
        return MonthFolding(self.events.client, self.store, self._counts)
