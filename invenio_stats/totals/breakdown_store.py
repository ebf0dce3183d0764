"""Read and replace the documents of usage by country and host, one for each scope, and day or month."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from invenio_stats.core import mappings, names
from invenio_stats.core.breakdowns import Breakdown, Scope, Use, read_rows, write_rows
from invenio_stats.core.intervals import Interval, label
from invenio_stats.core.moments import iso, parse
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search import bulk, clauses, scan
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import SearchRequest, search
from invenio_stats.totals.total_indices import ensure_totals_index

_PAGE = 20
"""Documents in one request or response; each may have thousands of rows."""

_DAYS_PER_PAGE = 2_000

Period = Literal["day", "month"]


class StoredBreakdown(NamedTuple):
    """A breakdown with what it is about."""

    scope: Scope
    dimension: str
    breakdown: Breakdown


class BreakdownStore:
    """Reads and replaces the breakdowns of a period. A document is written in one piece, and only if it has changed."""

    def __init__(self, client: Any, alias: str, index_interval: Interval):
        """Take the alias of the breakdowns, with the instance's prefix."""
        self._client = client
        self._alias = alias
        self._index_interval = index_interval

    def replace(
        self,
        period: Period,
        start: datetime,
        kinds: Iterable[str],
        found: Iterable[StoredBreakdown],
        now: datetime,
        scope_ids: Collection[str] | None = None,
    ) -> int:
        """Replace the breakdowns of a day or month that are about these kinds of scope; return how many changed.

        `scope_ids` limits this to some of the scopes. What is not found any more is deleted, after the others are
        written.
        """
        self.refresh()
        query = self._query(period, start, start, _of_kinds(kinds, scope_ids))
        stored = {hit["_id"]: (hit["_index"], _digest(hit["_source"])) for hit in self._hits(query)}
        new_index = f"{self._alias}-{label(start, self._index_interval)}"
        changed = 0
        for page in scan.pages(found, _PAGE):
            documents = {_id(item, period, start): _document(item, period, start) for item in page}
            operations = []
            for document_id, source in documents.items():
                index, digest = stored.pop(document_id, (new_index, b""))
                if digest != _digest(source):
                    # Where it is, also if the index would have another name now: two would be folded together.
                    source = {**source, "updated_timestamp": iso(now)}
                    operations.append({"_index": index, "_id": document_id, "_source": source})
            changed += self._send(operations, new_index)
        for gone in scan.pages(stored.items(), _PAGE):
            changed += self._send(
                [{"_op_type": "delete", "_index": where, "_id": document_id} for document_id, (where, _) in gone]
            )
        return changed

    def refresh(self) -> None:
        """Let searches find what has been written."""
        self._client.indices.refresh(index=self._alias, ignore_unavailable=True)

    def scopes(self, first: datetime, last: datetime) -> set[tuple[Scope, str]]:
        """Return scope and dimension of all breakdowns of these days."""
        hits = self._hits(self._query("day", first, last), ["scope", "scope_id", "dimension"])
        return {_about(hit["_source"]) for hit in hits}

    def uses_of_records(self, month: datetime) -> dict[str, list[int]]:
        """Return the records that have breakdowns of a month, each with the uses that each of these adds up to."""
        uses: dict[str, list[int]] = defaultdict(list)
        for hit in self._hits(self._query("month", month, month, _of_kinds(["record"]))):
            source = hit["_source"]
            total = sum(row["investigations"] for row in [*source["rows"], source["other"]])
            uses[source["scope_id"]].append(total)
        return uses

    def bodies(
        self, period: Period, start: datetime, kinds: Iterable[str], scope_ids: Collection[str] | None = None
    ) -> dict[str, Body]:
        """Return the stored breakdowns that `replace` would replace, in the form of `body_of`, by `name_of`."""
        return {
            name_of(*_about(hit["_source"])): {name: hit["_source"][name] for name in ("rows", "other")}
            for hit in self._hits(self._query(period, start, start, _of_kinds(kinds, scope_ids)))
        }

    def starts(self, period: Period, first: datetime | None, end: datetime | None) -> set[datetime]:
        """Return the starts of the days or months that have breakdowns, from `first` on and before `end`."""
        starts: set[datetime] = set()
        if not self._client.indices.exists(index=self._alias):
            return starts
        query = clauses.all_of([{"term": {"interval": period}}, clauses.between(first, end)])
        page: Body | None = clauses.composite(query, clauses.by_interval("day"), _DAYS_PER_PAGE)
        while page is not None:
            answer = search(SearchRequest(self._client, self._alias, page))
            groups = answer["aggregations"][clauses.GROUPS]["buckets"] if "aggregations" in answer else []
            starts.update(parse(group["key"]["interval"]) for group in groups)
            page = clauses.next_page(page, answer) if groups else None
        return starts

    def days(
        self, first: datetime, last: datetime, dimension: str, scopes: Iterable[Scope]
    ) -> Iterator[StoredBreakdown]:
        """Yield the breakdowns of these days about some scopes, in any order."""
        of_scopes = clauses.any_of([_of_scope(scope) for scope in scopes])
        query = self._query("day", first, last, [{"term": {"dimension": dimension}}, of_scopes])
        for hit in self._hits(query):
            yield _read(hit["_source"])

    def of_days(self, days: Collection[datetime], scope: Scope) -> Iterator[tuple[datetime, StoredBreakdown]]:
        """Yield the breakdowns of some days about a scope, each with its day, in any order."""
        starts: Body = {"terms": {"timestamp": [iso(day) for day in days]}}
        query = clauses.all_of([{"term": {"interval": "day"}}, starts, _of_scope(scope)])
        for hit in self._hits(query):
            yield parse(hit["_source"]["timestamp"]), _read(hit["_source"])

    def _query(self, period: Period, first: datetime, last: datetime, narrowed: Iterable[Body] = ()) -> Body:
        dates = {"gte": iso(first), "lte": iso(last), "format": clauses.DATE_FORMAT}
        return clauses.all_of([{"term": {"interval": period}}, {"range": {"timestamp": dates}}, *narrowed])

    def _hits(self, query: Body, fields: list[str] | None = None) -> Iterator[Mapping[str, Any]]:
        if self._client.indices.exists(index=self._alias):
            size = scan.PAGE_SIZE if fields else _PAGE
            yield from scan.hits(self._client, self._alias, query, fields, size, skips_closed=True)

    def _send(self, operations: list[dict[str, Any]], index: str | None = None) -> int:
        if not operations:
            return 0
        if index is not None:
            ensure_totals_index(self._client, index, self._alias, mappings.BREAKDOWN_FIELDS)
        stored = bulk.store(self._client, operations)
        if stored.refused or stored.blocked:
            reason = (stored.refused or stored.blocked)[0].reason
            raise EngineUnavailableError(f"Breakdowns of usage were refused ({reason}). The next run tries again.")
        return len(operations)


def name_of(scope: Scope, dimension: str) -> str:
    """Return the name of a breakdown, which no other one of the same day or month has."""
    return f"{dimension}:{scope.kind}:{scope.id or ''}"


def body_of(breakdown: Breakdown, period: Period) -> Body:
    """Return the numbers of a breakdown as they are stored."""
    return {
        "rows": write_rows(breakdown.rows, has_visitors=period == "day"),
        "other": breakdown.other._asdict(),
    }


def _of_kinds(kinds: Iterable[str], scope_ids: Collection[str] | None = None) -> list[Body]:
    of_kinds: Body = {"terms": {"scope": list(kinds)}}
    return [of_kinds] if scope_ids is None else [of_kinds, {"terms": {"scope_id": list(scope_ids)}}]


def _read(source: Mapping[str, Any]) -> StoredBreakdown:
    return StoredBreakdown(*_about(source), Breakdown(list(read_rows(source["rows"])), Use(**source["other"])))


def _about(source: Mapping[str, Any]) -> tuple[Scope, str]:
    return Scope(source["scope"], source.get("scope_id")), source["dimension"]


def _of_scope(scope: Scope) -> Body:
    terms: list[Body] = [{"term": {"scope": scope.kind}}]
    return clauses.all_of(terms if scope.id is None else [*terms, {"term": {"scope_id": scope.id}}])


def _id(item: StoredBreakdown, period: Period, start: datetime) -> str:
    return names.total_id(name_of(item.scope, item.dimension), label(start, period))


def _document(item: StoredBreakdown, period: Period, start: datetime) -> dict[str, Any]:
    return {
        "timestamp": iso(start),
        "interval": period,
        "scope": item.scope.kind,
        **({} if item.scope.id is None else {"scope_id": item.scope.id}),
        "dimension": item.dimension,
        **body_of(item.breakdown, period),
    }


def _digest(source: Mapping[str, Any]) -> bytes:
    values = {name: value for name, value in source.items() if name != "updated_timestamp"}
    return sha256(json.dumps(values, sort_keys=True).encode()).digest()
