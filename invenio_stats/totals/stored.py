"""Read the stored totals of an aggregation, and build the operations for those that differ from the count."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from invenio_stats.core import names
from invenio_stats.core.mappings import TOTAL_FIELDS, Field
from invenio_stats.core.moments import iso, iso_zoned
from invenio_stats.errors import ForeignTotalError
from invenio_stats.search.aliases import indices_of
from invenio_stats.search.multi_get import read_open, unreadable
from invenio_stats.search.versions import version_of
from invenio_stats.totals import search_bodies
from invenio_stats.totals.copied_fields import Copy, copy
from invenio_stats.totals.model import CountedTotal, TotalKey
from invenio_stats.totals.total_indices import complete, ensure_totals_index
from invenio_stats.totals.writing import Action, chunks


@dataclass(frozen=True)
class TotalsStore:
    """The totals of one aggregation."""

    client: Any
    alias: str
    own_name: str
    """Name that the names of the package's own indices of totals contain."""
    key_field: str
    copies: Mapping[str, Copy]
    id_suffix: str
    """Suffix of a total's id, as a strftime format of the interval."""
    index_suffix: str
    """Suffix of an index name, as a strftime format."""
    fields: Mapping[str, Field] | None = None
    foreign_fields: frozenset[str] = frozenset()
    """Key fields of other aggregations that write to the same place; none of our totals has one of them."""
    has_count: bool = True
    """Whether a total has the number of its events as `count`."""
    _ensured: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    """Indices that exist, but whose mappings have not been checked yet."""

    def is_anywhere(self) -> bool:
        """Return True if an index for totals exists."""
        return bool(indices_of(self.client, f"{self.alias}-*"))

    def with_stored(self, counted: Iterable[CountedTotal]) -> Iterator[CountedTotal]:
        """Yield the counted totals, each with its stored total.

        Stored totals are read by id, because a search does not find what was written a moment ago.
        """
        for chunk in chunks(counted, lambda counted_total: len(counted_total.values.get("rows", ()))):
            wanted = [
                dict(zip(("_index", "_id"), self.document_ref(counted_total.total_key), strict=True))
                for counted_total in chunk
            ]
            documents = read_open(self.client, wanted)
            there = {
                document_ref["_index"]
                for document_ref, document in zip(wanted, documents, strict=True)
                if "error" not in document
            }
            self._seen.update(there - self._ensured)
            for counted_total, document in zip(chunk, documents, strict=True):
                counted_total.unreadable = unreadable(document)
                if document.get("found"):
                    counted_total.stored = dict(document["_source"])
                    counted_total.version = version_of(document)
                yield counted_total

    def action(self, counted_total: CountedTotal, now: datetime) -> Action | None:
        """Return the operation that makes the stored total equal to the count, or None if it is equal.

        Raises what a copy function raises, ForeignTotalError if the total of another aggregation is stored there, and
        UnreadableTotalError if the index is closed or blocked.
        """
        counted_total.check_readable()
        self.check_own(counted_total)
        index, document_id = self.document_ref(counted_total.total_key)
        if not counted_total.count:
            return (
                None
                if counted_total.stored is None
                else _action(counted_total, _op_type="delete", _index=index, _id=document_id)
            )
        total = self.total(counted_total)
        if counted_total.stored is not None and _undated(total) == _undated(counted_total.stored):
            return None
        self._ensure(index)
        source = {**total, "updated_timestamp": iso_zoned(now)}
        return _action(counted_total, _op_type="index", _index=index, _id=document_id, _source=source)

    def check_own(self, counted_total: CountedTotal) -> None:
        """Raise ForeignTotalError if the stored total has another key, or the key field of another aggregation.

        Two aggregations of one event type and interval write to the same place where their keys are equal.
        """
        stored, total_key = counted_total.stored, counted_total.total_key
        if stored is None:
            return
        if str(stored.get(self.key_field)) != str(total_key.key) or not self.foreign_fields.isdisjoint(stored):
            raise ForeignTotalError(self.document_ref(total_key)[0], self.key_field)

    def count(self, first: datetime | None, last: datetime | None) -> int:
        """Return the number of totals between two dates, both included."""
        self.client.indices.refresh(index=self.alias, ignore_unavailable=True)
        body = {"query": search_bodies.stored_between(self.key_field, first, last)}
        return int(self.client.count(index=self.alias, body=body, ignore_unavailable=True)["count"])

    def delete(self, first: datetime | None, last: datetime | None) -> int:
        """Delete the totals between two dates, both included, and return how many were deleted."""
        self.client.indices.refresh(index=self.alias, ignore_unavailable=True)
        answer = self.client.delete_by_query(
            index=self.alias,
            body={"query": search_bodies.stored_between(self.key_field, first, last)},
            conflicts="proceed",
            refresh=True,
            ignore_unavailable=True,
        )
        return int(answer["deleted"])

    def document_ref(self, total_key: TotalKey) -> tuple[str, str]:
        """Return index and id of a total."""
        index, end = _written(total_key.start, self.index_suffix), _written(total_key.start, self.id_suffix)
        return f"{self.alias}-{index}", names.total_id(str(total_key.key), end)

    def total(self, counted_total: CountedTotal) -> dict[str, Any]:
        """Return the document to be stored, without the time of writing. Raises what a copy function raises."""
        total = {
            "timestamp": _iso(counted_total.total_key.start),
            self.key_field: counted_total.total_key.key,
            **({"count": counted_total.count} if self.has_count else {}),
            **counted_total.values,
        }
        return {**total, **copy(self.copies, counted_total.newest or {}, total)}

    def _ensure(self, index: str) -> None:
        """Create the index before the first total is written to it, if its name belongs to the event type."""
        if index in self._ensured:
            return
        if self.fields or self.own_name in index:
            fields = dict(self.fields) if self.fields else None
            self._ensured.update(complete(self.client, self._seen, {**TOTAL_FIELDS, **(fields or {})}))
            self._seen.clear()
            if index not in self._ensured:
                ensure_totals_index(self.client, index, self.alias, fields)
        self._ensured.add(index)


_iso = lru_cache(maxsize=1000)(iso)


@lru_cache(maxsize=1000)
def _written(start: datetime, form: str) -> str:
    return start.strftime(form)


def _action(counted: CountedTotal, **operation: Any) -> Action:
    action = Action(operation)
    action.counted = counted
    return action


def _undated(total: Mapping[str, Any]) -> dict[str, Any]:
    return {**total, "updated_timestamp": None}
