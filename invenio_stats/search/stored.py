"""Stored totals: what is written now beside what was counted, and writing what differs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Literal, NamedTuple

from invenio_search.engine import search

from invenio_stats.core import names
from invenio_stats.core.mappings import TOTAL_FIELDS, Field
from invenio_stats.core.moments import iso, iso_zoned
from invenio_stats.search import totals
from invenio_stats.search.documents import Copy, copy
from invenio_stats.search.indices import complete, ensure_totals_index
from invenio_stats.search.reading import read
from invenio_stats.search.sources import indices_behind
from invenio_stats.search.store import sends_directly
from invenio_stats.search.totals import Counted, Pair
from invenio_stats.wire import encode


class Action(dict[str, Any]):
    """What the engine is to do with one total, and beside it what the total was counted from."""

    counted: Counted | None = None


AT_ONCE = 2_000
"""Totals in one request."""

Outcome = tuple[str, Mapping[str, Any]]
"""Of an operation: its kind, and what the engine said."""

_OUTCOMES = "errors,items.*._id,items.*.status,items.*.error.type"


class Failure(NamedTuple):
    """A total that was not written."""

    start: datetime
    """Of its interval."""
    key: Any
    """None where it is not one of ours."""
    error: str
    """Type of the error; its text may quote a document."""
    kind: Literal["changed", "later", "never"]
    """Others have changed the total since it was read; the engine may take it later; it would fail again."""


@dataclass(frozen=True)
class StoredTotals:
    """The totals of one aggregation."""

    client: Any
    alias: str
    event: str
    key_field: str
    copies: Mapping[str, Copy]
    id_suffix: str
    """How the interval ends a total's id, for strftime."""
    index_suffix: str
    """How the date ends an index name."""
    fields: Mapping[str, Field] | None = None
    _ensured: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    """Indices that are there, and whose mappings were not yet looked at."""

    def is_anywhere(self) -> bool:
        """Say whether there may be any total at all."""
        return bool(indices_behind(self.client, f"{self.alias}-*"))

    def beside(self, counted: Iterable[Counted]) -> Iterator[Counted]:
        """Give each pair the total that is stored for it.

        Read by id, not searched: what was written a moment ago is there.
        """
        remaining = iter(counted)
        while chunk := list(islice(remaining, AT_ONCE)):
            wanted = [dict(zip(("_index", "_id"), self.place(one.pair), strict=True)) for one in chunk]
            documents = read(self.client, wanted)
            there = {
                place["_index"] for place, document in zip(wanted, documents, strict=True) if "error" not in document
            }
            self._seen.update(there - self._ensured)
            for one, document in zip(chunk, documents, strict=True):
                if document.get("found"):
                    one.stored = dict(document["_source"])
                    one.version = document["_seq_no"], document["_primary_term"]
                yield one

    def action(self, one: Counted, now: datetime) -> Action | None:
        """Return what makes the stored total equal to the count, or None where it is.

        What a copy function raises goes through.
        """
        index, document_id = self.place(one.pair)
        if not one.count:
            return None if one.stored is None else _action(one, _op_type="delete", _index=index, _id=document_id)
        total = self.total(one)
        if one.stored is not None and _undated(total) == _undated(one.stored):
            return None
        self._ensure(index)
        source = {**total, "updated_timestamp": iso_zoned(now)}
        return _action(one, _op_type="index", _index=index, _id=document_id, _source=source)

    def count(self, first: datetime | None, last: datetime | None) -> int:
        """Return how many totals there are between two dates, both included."""
        self.client.indices.refresh(index=self.alias, ignore_unavailable=True)
        body = {"query": totals.stored_between(self.key_field, first, last)}
        return int(self.client.count(index=self.alias, body=body, ignore_unavailable=True)["count"])

    def delete(self, first: datetime | None, last: datetime | None) -> int:
        """Delete the totals between two dates, both included, and return how many there were."""
        self.client.indices.refresh(index=self.alias, ignore_unavailable=True)
        answer = self.client.delete_by_query(
            index=self.alias,
            body={"query": totals.stored_between(self.key_field, first, last)},
            conflicts="proceed",
            refresh=True,
            ignore_unavailable=True,
        )
        return int(answer["deleted"])

    def place(self, pair: Pair) -> tuple[str, str]:
        """Return the index of a total and its id."""
        index, end = _written(pair.start, self.index_suffix), _written(pair.start, self.id_suffix)
        return f"{self.alias}-{index}", names.total_id(str(pair.key), end)

    def total(self, one: Counted) -> dict[str, Any]:
        """Return the total as it has to be stored, but for the time; what a copy function raises goes through."""
        total = {"timestamp": _iso(one.pair.start), self.key_field: one.pair.key, "count": one.count, **one.values}
        return {**total, **copy(self.copies, one.newest or {}, total)}

    def _ensure(self, index: str) -> None:
        """Make the index before the first total is written to it, unless it is none of the event type's."""
        if index in self._ensured:
            return
        if self.fields or names.totals_alias(self.event) in index:
            fields = dict(self.fields) if self.fields else None
            self._ensured.update(complete(self.client, self._seen, {**TOTAL_FIELDS, **(fields or {})}))
            self._seen.clear()
            if index not in self._ensured:
                ensure_totals_index(self.client, index, self.alias, fields)
        self._ensured.add(index)


def write(client: Any, actions: Sequence[tuple[datetime, Action]], is_guarded: bool = True) -> list[Failure]:
    """Write totals, each given with the start of its interval, in one request; return those that failed.

    With `is_guarded` a total is written only over what it was counted beside. One that is to be deleted and is not
    there any more is no failure.
    """
    operations = [_operation(action, is_guarded) for _, action in actions]
    if is_guarded and sends_directly():
        outcomes = _send(client, operations)
    else:
        # Through the module, client and actions positional: test suites replace it there.
        answer = search.helpers.bulk(client, operations, raise_on_error=False, chunk_size=AT_ONCE)
        if not isinstance(answer, tuple) or isinstance(answer[1], int):  # a stand-in
            return []
        outcomes = [next(iter(error.items())) for error in answer[1]]
    known: dict[Any, tuple[datetime, Mapping[str, Any]]] = {
        action.get("_id"): (start, action) for start, action in actions
    }
    return [
        _failure(*known.get(outcome["_id"], (actions[0][0], {})), outcome)
        for operation, outcome in outcomes
        if (operation, outcome.get("status")) != ("delete", 404)
    ]


def _send(client: Any, operations: Iterable[dict[str, Any]]) -> list[Outcome]:
    """Send operations; return the outcomes of those that failed. A third of the work of the client's own helper."""
    default = client.transport.serializer.default
    lines: list[bytes] = []
    failed: list[Outcome] = []
    for operation in operations:
        source, kind = operation.pop("_source", None), operation.pop("_op_type")
        parts = ({kind: operation},) if source is None else ({kind: operation}, source)
        try:
            lines += [encode(part, default) for part in parts]
        except (TypeError, ValueError, RecursionError) as error:  # a copy function's value
            failed.append((kind, {"_id": operation["_id"], "status": 400, "error": {"type": type(error).__name__}}))
    if not lines:
        return failed
    answer: Mapping[str, Any] = client.bulk(body=b"\n".join([*lines, b""]), filter_path=_OUTCOMES)
    if answer["errors"]:
        outcomes = [next(iter(item.items())) for item in answer["items"]]
        failed += (one for one in outcomes if "error" in one[1] or one[1]["status"] >= 300)
    return failed


_iso = lru_cache(maxsize=1000)(iso)


@lru_cache(maxsize=1000)
def _written(start: datetime, form: str) -> str:
    return start.strftime(form)


def _action(counted: Counted, **operation: Any) -> Action:
    action = Action(operation)
    action.counted = counted
    return action


def _operation(action: Mapping[str, Any], is_guarded: bool) -> dict[str, Any]:
    """Return what is sent for an action, which may be another program's."""
    operation = dict(action)
    counted = getattr(action, "counted", None)
    if counted is not None and is_guarded:
        if counted.version is None:
            operation["_op_type"] = "create"
        else:
            operation["if_seq_no"], operation["if_primary_term"] = counted.version
    return operation


def _failure(start: datetime, action: Mapping[str, Any], outcome: Mapping[str, Any]) -> Failure:
    status, error = outcome.get("status"), outcome.get("error")
    kind: Literal["changed", "later", "never"] = "never"
    if status == 409:
        kind = "changed"
    elif not isinstance(status, int) or status in (403, 429) or status >= 500:  # 403: writes are blocked for a while
        kind = "later"
    name = error.get("type", "unknown") if isinstance(error, Mapping) else "unknown"
    counted = getattr(action, "counted", None)
    return Failure(start, counted and counted.pair.key, str(name), kind)


def _undated(total: Mapping[str, Any]) -> dict[str, Any]:
    return {**total, "updated_timestamp": None}
