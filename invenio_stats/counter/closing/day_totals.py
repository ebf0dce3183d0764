"""Read the day totals of a month: what the usage of the month is made from."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from invenio_stats.core.counter_months import REGULAR, Edges
from invenio_stats.core.item_usage import ITEM_NUMBERS, ROW_FIELDS, SEARCH_ROW_FIELDS
from invenio_stats.core.moments import iso_zoned, parse
from invenio_stats.counter.closing.partitions import Partitions
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body
from invenio_stats.search.client import Response, SearchRequest, search
from invenio_stats.search.scan import hits, scan

PAGE_SIZE = 2_000
"""Day totals in one response."""

Numbers = Mapping[str, int]
"""The sums of some days by the fields of their totals."""

Attributes = tuple[str, ...]
"""Values of ROW_FIELDS, "" for one that is not known."""


class ItemMonth(NamedTuple):
    """The usage of an item in a month: COUNTER's four numbers by attributes."""

    item_id: str
    rows: Mapping[Attributes, list[int]]


def spread_totals(client: Any, alias: str, edges: Edges, partitions: Partitions, on_page: Callable[[], None]) -> None:
    """Read the totals of all days, and put their rows into partitions; `on_page` is called again and again."""
    found = hits(client, alias, _of_items(edges), size=PAGE_SIZE) if _exists(client, alias) else ()
    for number, hit in enumerate(found):
        if number % PAGE_SIZE == 0:
            on_page()
        total = hit["_source"]
        for row in total.get("rows", ()):
            numbers = [row[name] for name in ITEM_NUMBERS]
            partitions.add(str(total["item_id"]), [_attributes(row, ROW_FIELDS), numbers])


def fold_rows(item_id: str, rows: Iterable[Any]) -> ItemMonth:
    """Return the usage of an item, given its rows of all days as they were put into partitions.

    Unique numbers of days are added up, because sessions do not extend beyond midnight.
    """
    sums: dict[Attributes, list[int]] = defaultdict(lambda: [0] * len(ITEM_NUMBERS))
    for attributes, numbers in rows:
        known = sums[tuple(attributes)]
        for position, number in enumerate(numbers):
            known[position] += number
    return ItemMonth(item_id, dict(sorted(sums.items())))


def read_searches(client: Any, alias: str, edges: Edges) -> list[dict[str, Any]]:
    """Return the searches of the month by access method, country and institution."""
    counts: Counter[Attributes] = Counter()
    for _, total in scan(client, alias, clauses.between(*edges)) if _exists(client, alias) else ():
        for row in total.get("rows", ()):
            counts[_attributes(row, SEARCH_ROW_FIELDS)] += row["count"]
    return [{**dict(zip(SEARCH_ROW_FIELDS, key, strict=True)), "count": n} for key, n in sorted(counts.items())]


def sum_days(client: Any, alias: str, edges: Edges, fields: tuple[str, ...]) -> dict[date, Numbers]:
    """Return the sums of the totals of each day that has any."""
    sums = clauses.sums_of(fields)
    days = {"field": "timestamp", "calendar_interval": "day", "min_doc_count": 1, "format": "uuuu-MM-dd"}
    aggs = {"days": {"date_histogram": days, "aggs": sums}}
    answer = _aggregate(client, alias, clauses.between(*edges), aggs)
    return {
        date.fromisoformat(bucket["key_as_string"]): {field: int(bucket[field]["value"]) for field in fields}
        for bucket in answer.get("aggregations", {}).get("days", {}).get("buckets", ())
    }


class Changes(NamedTuple):
    """The day totals that were written since a moment."""

    totals: int
    first: datetime | None
    """When the first of them was written."""


def find_changes(client: Any, alias: str, edges: Edges, since: datetime) -> Changes:
    """Return which day totals of the month were written after a moment; those that were deleted leave no trace."""
    written = {"range": {"updated_timestamp": {"gt": iso_zoned(since), "format": clauses.DATE_FORMAT}}}
    aggs = {"first": {"min": {"field": "updated_timestamp"}}, "totals": {"value_count": {"field": "timestamp"}}}
    found = _aggregate(client, alias, clauses.all_of([clauses.between(*edges), written]), aggs).get("aggregations", {})
    first = found.get("first", {})
    moment = parse(first["value_as_string"]) if first.get("value") is not None else None
    return Changes(int(found.get("totals", {}).get("value") or 0), moment)


def _of_items(edges: Edges) -> Body:
    return clauses.all_of([{"exists": {"field": "item_id"}}, clauses.between(*edges)])


def _attributes(row: Mapping[str, Any], fields: tuple[str, ...]) -> Attributes:
    return tuple(row.get(field) or (REGULAR if field == "access_method" else "") for field in fields)


def _exists(client: Any, alias: str) -> bool:
    return bool(client.indices.exists_alias(name=alias))


def _aggregate(client: Any, alias: str, query: Body, aggs: Body) -> Response:
    return search(SearchRequest(client, alias, {"size": 0, "track_total_hits": False, "query": query, "aggs": aggs}))
