"""Fold the breakdowns of a month, so that they may be published."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.breakdowns import DIMENSIONS, REPOSITORY, Breakdown, Month, Scope, fold
from invenio_stats.core.intervals import after
from invenio_stats.search import clauses
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.totals.breakdown_counts import BreakdownCounts, Counted
from invenio_stats.totals.breakdown_store import BreakdownStore, StoredBreakdown

_COMMUNITIES_PER_REQUEST = 50
_RECORDS_PER_REQUEST = 1_000
_DAY = timedelta(days=1)


class MonthFolding:
    """Folds what was counted by day; the rules are those of `core.breakdowns`, the limits those of the settings."""

    def __init__(self, client: Any, store: BreakdownStore, counts: BreakdownCounts):
        """Take the breakdowns of days, and what counts those of records."""
        self._client = client
        self._store = store
        self._counts = counts

    def fold_days(self, month: datetime) -> Iterator[StoredBreakdown]:
        """Yield the repository and its communities, from the breakdowns of days."""
        last = after(month, "month") - _DAY
        found = self._store.scopes(month, last)
        communities = sorted({scope for scope, _ in found if scope != REPOSITORY})
        parts = [[REPOSITORY], *_pages(communities, _COMMUNITIES_PER_REQUEST)]
        for dimension in DIMENSIONS:
            for part in parts:
                months: dict[Scope, Month] = defaultdict(Month)
                for stored in self._store.days(month, last, dimension, part):
                    for row in stored.breakdown.rows:
                        months[stored.scope].add(row)
                    months[stored.scope].rest = months[stored.scope].rest.plus(stored.breakdown.other)
                for scope, folded in months.items():
                    yield self._folded(scope, dimension, folded)

    def fold_records(
        self, month: datetime, records: Mapping[str, int]
    ) -> Iterator[tuple[Collection[str], Iterator[StoredBreakdown]]]:
        """Yield records in parts, each with its breakdowns, from raw events; `records` have their numbers of uses."""
        where = clauses.between(month, after(month, "month"))
        for part in _batches(records.items(), self._counts.window):
            yield part, self._fold_counted(self._counts.count_records(where, sum(part.values()), part))

    def _fold_counted(self, counted: Counted) -> Iterator[StoredBreakdown]:
        months: dict[tuple[Scope, str], Month] = defaultdict(Month)
        for group, rows in counted:
            for row in rows:
                months[group.scope, group.dimension].add(row)
        for (scope, dimension), month in months.items():
            yield self._folded(scope, dimension, month)

    def _folded(self, scope: Scope, dimension: str, month: Month) -> StoredBreakdown:
        config = current_app.config
        folded: Breakdown = fold(month, config["STATS_FOLD_UNDER"], int(config["STATS_BREAKDOWN_VALUES"]))
        return StoredBreakdown(scope, dimension, folded)

    def find_used_records(self, month: datetime) -> Iterator[tuple[str, int]]:
        """Yield the records with enough uses in a month, each with their number."""
        alias = prefix_index(names.RECORD_USAGE)
        self._client.indices.refresh(index=alias, ignore_unavailable=True)
        sums = {name: {"sum": {"field": name}} for name in ("views", "downloads")}
        query = clauses.between(month, after(month, "month"))
        body: Any = clauses.composite(query, [clauses.by_value("record", "parent_id")], _RECORDS_PER_REQUEST, sums)
        while body:
            answer = search(SearchRequest(self._client, alias, body))
            if "aggregations" not in answer:
                return
            for group in answer["aggregations"][clauses.GROUPS]["buckets"]:
                uses = round(group["views"]["value"] + group["downloads"]["value"])
                if uses >= current_app.config["STATS_BREAKDOWN_MIN_USES"]:
                    yield group["key"]["record"], uses
            body = clauses.next_page(body, answer)


def _batches(records: Iterable[tuple[str, int]], window: int) -> Iterator[dict[str, int]]:
    """Yield records in parts with as many uses as a window holds; a record with more is a part of its own."""
    batch: dict[str, int] = {}
    for record, uses in records:
        if batch and sum(batch.values()) + uses > window:
            yield batch
            batch = {}
        batch[record] = uses
    if batch:
        yield batch


def _pages(items: Sequence[Scope], size: int) -> Iterator[list[Scope]]:
    for position in range(0, len(items), size):
        yield list(items[position : position + size])
