"""Search bodies about days, and what their answers hold."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from invenio_stats.core.moments import parse
from invenio_stats.search import clauses
from invenio_stats.search.clauses import Body

USES = ("views", "downloads")
"""The fields of a total of item usage whose sum is the number of its uses; agreed text mining is not in them."""

SUMS: Body = {name: {"sum": {"field": name}} for name in USES}


def midnight(day: date) -> datetime:
    """Return the start of a day."""
    return datetime.combine(day, time(), timezone.utc)


def of_days(days: Collection[date]) -> Body:
    """Return the query for documents of some days."""
    return clauses.any_of([clauses.between(midnight(day), midnight(day + timedelta(days=1))) for day in sorted(days)])


def from_to(first: date, last: date) -> Body:
    """Return the query for documents from one day to another, both included."""
    return clauses.between(midnight(first), midnight(last + timedelta(days=1)))


def by_day(sums: Body) -> Body:
    """Return the aggregation that adds up numbers by day."""
    days = {"field": "timestamp", "calendar_interval": "day", "min_doc_count": 1, "format": "uuuu-MM-dd"}
    return {"days": {"date_histogram": days, "aggs": sums}}


def counting(query: Body, aggregations: Body) -> Body:
    """Return the search for aggregations alone."""
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": aggregations}


def read_days(level: Mapping[str, Any], fields: Sequence[str]) -> dict[date, int]:
    """Return the sum of the fields by day, from a level of an answer."""
    return {date.fromisoformat(day["key_as_string"]): read_sum(day, fields) for day in buckets(level, "days")}


def read_sum(level: Mapping[str, Any], fields: Sequence[str]) -> int:
    """Return the sum of the sums of fields, from a level of an answer."""
    return sum(int(level.get(field, {}).get("value") or 0) for field in fields)


def read_first(level: Mapping[str, Any]) -> date | None:
    """Return the day of the oldest document, from a level with the aggregation of `clauses.oldest`."""
    found = level.get(clauses.OLDEST, {})
    return None if found.get("value") is None else parse(found["value_as_string"]).date()


def buckets(level: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the buckets of an aggregation; none if the index does not exist."""
    yield from level.get(name, {}).get("buckets", ())
