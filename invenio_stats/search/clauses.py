"""Build the query and aggregation clauses of searches, and read the parts of a response that belong to them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from invenio_stats.core.intervals import Interval
from invenio_stats.core.moments import iso, parse

Body = dict[str, Any]
"""The JSON body of a request, or a part of it."""

Group = Mapping[str, Any]
"""One group of a response."""

GROUPS = "groups"
"""Name of the composite aggregation."""

OLDEST = "oldest"

DATE_FORMAT = "strict_date_optional_time"

_FIRST, _LAST = "0001-01-01T00:00:00", "9999-01-01T00:00:00"
"""Limits of Python's dates; a document beyond them could not be read."""


def between(start: datetime | None = None, end: datetime | None = None) -> Body:
    """Return the query for documents from `start` on and before `end`; None for no limit."""
    bounds = {"gte": iso(start) if start else _FIRST, "lt": iso(end) if end else _LAST}
    return {"range": {"timestamp": {**bounds, "format": DATE_FORMAT}}}


def all_of(clauses: list[Body]) -> Body:
    """Return the query for documents that match all clauses."""
    return {"bool": {"filter": clauses}}


def any_of(clauses: list[Body]) -> Body:
    """Return the query for documents that match at least one clause."""
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def none_of(clauses: list[Body]) -> Body:
    """Return the query for documents that match none of the clauses."""
    return {"bool": {"must_not": clauses}}


def composite(query: Body, sources: list[Body], size: int, aggs: Body | None = None) -> Body:
    """Return a search for groups of documents, page by page; exact for any number of groups."""
    groups: Body = {"composite": {"size": size, "sources": sources}}
    if aggs:
        groups["aggs"] = aggs
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": {GROUPS: groups}}


def sums_of(fields: Iterable[str]) -> Body:
    """Return aggregations with the sum of each of some fields, under the name of the field."""
    return {field: {"sum": {"field": field}} for field in fields}


def next_page(body: Body, answer: Mapping[str, Any]) -> Body | None:
    """Return the search for the page after that of a response, or None after the last page."""
    requested, received = body["aggs"][GROUPS], answer["aggregations"][GROUPS]
    if len(received["buckets"]) < requested["composite"]["size"]:
        return None
    position = received.get("after_key") or received["buckets"][-1]["key"]
    page: Body = {**requested, "composite": {**requested["composite"], "after": dict(position)}}
    return {**body, "aggs": {GROUPS: page}}


def by_interval(interval: Interval) -> list[Body]:
    """Return composite sources that group by interval; the start is returned as text, in UTC."""
    # Grouping by year, too, does not change the groups. OpenSearch 2 has a shortcut for a single histogram, which fails
    # on the second page (array_index_out_of_bounds_exception) if an index has no documents in its range.
    return [date_histogram("interval", interval), date_histogram("year", "year")]


def by_value(name: str, field_name: str) -> Body:
    """Return a composite source that groups by the values of a field."""
    return {name: {"terms": {"field": field_name}}}


def oldest(query: Body) -> Body:
    """Return the search for the timestamp of the oldest document."""
    first = {"min": {"field": "timestamp", "format": DATE_FORMAT}}
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": {OLDEST: first}}


def read_oldest(answer: Mapping[str, Any]) -> datetime | None:
    """Return the timestamp of the oldest document, or None if there is none."""
    first = answer.get("aggregations", {}).get(OLDEST, {})
    return None if first.get("value") is None else parse(first["value_as_string"])


def date_histogram(name: str, interval: Interval) -> Body:
    """Return a composite source that groups by a calendar interval; its start is returned as text, in UTC."""
    histogram = {"field": "timestamp", "calendar_interval": interval, "format": "uuuu-MM-dd'T'HH:mm:ss"}
    return {name: {"date_histogram": histogram}}
