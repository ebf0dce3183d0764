"""Choose the totals that answer a question: item usage, and before its first day the totals of 7.x."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import NamedTuple

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.periods import FIRST_DAY, Days
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body

METRICS = ("views", "unique_views", "downloads", "unique_downloads", "volume")
"""What is counted of a record; of a file all but the views."""

ITEM_USAGE = "stats-item-usage"
RECORD_USAGE = "stats-record-usage"
VIEWS = names.totals_alias("record-view")
DOWNLOADS = names.totals_alias("file-download")

ALWAYS = Days(FIRST_DAY, date(9998, 12, 31))
"""All days that a total can have."""

_OF_USAGE = {metric: metric for metric in METRICS}
_OF_VIEWS = {"views": "count", "unique_views": "unique_count"}
_OF_DOWNLOADS = {"downloads": "count", "unique_downloads": "unique_count", "volume": "volume"}

_ITEM = ("item_id", "recid", "record_id")
_PARENT = ("parent_id", "parent_recid", *_ITEM)
"""The fields that identify the record of a total of one type, the first that a total has: ours, InvenioRDM's, plain."""


class Scope(NamedTuple):
    """What a question is about."""

    kind: str
    """repository, record, community, file or user."""
    ids: tuple[str, ...] = ()
    """In totals: a record's or those of a user's records, a community's label, or the record (or bucket) of a file."""
    file_key: str | None = None


class Source(NamedTuple):
    """Totals behind one alias that count in an answer, on some days."""

    alias: str
    days: Days
    fields: dict[str, str]
    """Metric -> field."""
    keys: tuple[str, ...]
    """The fields that lists group by; the first that a total has counts."""
    filters: list[Body]

    @property
    def query(self) -> Body:
        """The query for the totals."""
        return clauses.all_of([clauses.between(moment(self.days.first), moment(self.days.end)), *self.filters])

    @property
    def target(self) -> str:
        """The alias with the instance's prefix."""
        return str(prefix_index(self.alias))

    def of_keys(self, keys: Sequence[str]) -> "Source":
        """Return the source without the totals that have none of the keys."""
        chosen = clauses.any_of([{"terms": {key: list(keys)}} for key in self.keys])
        return self._replace(filters=[*self.filters, chosen])

    def metrics(self) -> Body:
        """Return the aggregations that sum all metrics."""
        return {metric: {"sum": {"field": field}} for metric, field in self.fields.items()}

    def groups(self) -> list[tuple[str, list[Body]]]:
        """Return each field to group by, with the clauses that leave out totals with a field before it."""
        return [
            (key, [clauses.none_of([{"exists": {"field": before}} for before in self.keys[:position]])])
            if position
            else (key, [])
            for position, key in enumerate(self.keys)
        ]


def moment(day: date) -> datetime:
    """Return the first moment of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)


def find_sources(
    scope: Scope, days: Days, versions: str = "all", by: str = "record", first_day: date | None = None
) -> list[Source]:
    """Return the sources of a question; empty if no total can count in it.

    `by` is what lists group by: record, version, community or file. `first_day` is item usage's first day, None if it
    was never counted. No day is in two sources of one metric.
    """
    if by == "file":
        filters = _any_field((*_for(versions), "bucket_id"), scope)
        if scope.file_key is not None:
            filters.append({"term": {"file_key": scope.file_key}})
        return [Source(DOWNLOADS, days, _OF_DOWNLOADS, ("file_key",), filters)]
    found = []
    counted = days.within(first=first_day) if first_day else None
    if counted:
        is_item = versions == "this" or by == "version"
        key = "labels" if by == "community" else "item_id" if is_item else "parent_id"
        alias = ITEM_USAGE if is_item else RECORD_USAGE
        found.append(Source(alias, counted, _OF_USAGE, (key,), _filters(scope, versions)))
    before = days.within(last=first_day - timedelta(days=1)) if first_day else days
    if before and "community" not in (scope.kind, by):
        filters = _any_field(_for(versions), scope)
        keys = _for("this" if by == "version" else versions)
        found += [
            Source(VIEWS, before, _OF_VIEWS, keys, filters),
            Source(DOWNLOADS, before, _OF_DOWNLOADS, keys, filters),
        ]
    return found


def _for(versions: str) -> tuple[str, ...]:
    return _PARENT if versions == "all" else _ITEM


def _filters(scope: Scope, versions: str) -> list[Body]:
    if scope.kind == "repository":
        return []
    field = "labels" if scope.kind == "community" else "parent_id" if versions == "all" else "item_id"
    return [{"terms": {field: list(scope.ids)}}]


def _any_field(fields: Sequence[str], scope: Scope) -> list[Body]:
    """Return the clause for totals of which any of the fields has any of the scope's ids."""
    if scope.kind == "repository":
        return []
    # Items, parents, records and buckets share no ids, so that none is found in the wrong field.
    return [clauses.any_of([{"terms": {field: list(scope.ids)}} for field in fields])]
