"""Clauses: parts of requests to the engine, and how their answers are read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from invenio_stats.core.intervals import Interval
from invenio_stats.core.moments import iso, parse

Body = dict[str, Any]
"""A request or a part of one, in the engine's words."""

Group = Mapping[str, Any]
"""One group of an answer."""

PAIRS = "pairs"

OLDEST = "oldest"

DATE_FORMAT = "strict_date_optional_time"

_FIRST, _LAST = "0001-01-01T00:00:00", "9999-01-01T00:00:00"


def between(start: datetime | None = None, end: datetime | None = None) -> Body:
    """Narrow to events from `start` on and before `end`; what a calendar cannot hold is never in."""
    bounds = {"gte": iso(start) if start else _FIRST, "lt": iso(end) if end else _LAST}
    return {"range": {"timestamp": {**bounds, "format": DATE_FORMAT}}}


def all_of(clauses: list[Body]) -> Body:
    """Join clauses that all have to hold."""
    return {"bool": {"filter": clauses}}


def any_of(clauses: list[Body]) -> Body:
    """Join clauses of which one has to hold."""
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def none_of(clauses: list[Body]) -> Body:
    """Join clauses of which none may hold."""
    return {"bool": {"must_not": clauses}}


def composite(query: Body, sources: list[Body], size: int, aggs: Body | None = None) -> Body:
    """Ask for groups of events in pages: exact at any number of groups."""
    groups: Body = {"composite": {"size": size, "sources": sources}}
    if aggs:
        groups["aggs"] = aggs
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": {PAIRS: groups}}


def next_page(body: Body, answer: Mapping[str, Any]) -> Body | None:
    """Return the request for the page behind an answer's, or None behind the last."""
    asked, got = body["aggs"][PAIRS], answer["aggregations"][PAIRS]
    if len(got["buckets"]) < asked["composite"]["size"]:
        return None
    position = got.get("after_key") or got["buckets"][-1]["key"]
    page: Body = {**asked, "composite": {**asked["composite"], "after": dict(position)}}
    return {**body, "aggs": {PAIRS: page}}


def by_interval(interval: Interval) -> list[Body]:
    """Group by interval; the start comes back as text, in UTC."""
    # The year changes no group. OpenSearch 2 reads a histogram that stands alone by a shortcut, which fails on
    # the second page (array_index_out_of_bounds_exception) for an index that has nothing there.
    return [date_histogram("interval", interval), date_histogram("year", "year")]


def by_value(name: str, field_name: str) -> Body:
    """Group by the values of a field."""
    return {name: {"terms": {"field": field_name}}}


def oldest(query: Body) -> Body:
    """Ask for the timestamp of the oldest event or total."""
    first = {"min": {"field": "timestamp", "format": DATE_FORMAT}}
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": {OLDEST: first}}


def read_oldest(answer: Mapping[str, Any]) -> datetime | None:
    """Return the timestamp of the oldest, or None where there is none."""
    first = answer.get("aggregations", {}).get(OLDEST, {})
    return None if first.get("value") is None else parse(first["value_as_string"])


def date_histogram(name: str, interval: Interval) -> Body:
    """Group by an interval of the calendar; its start comes back as text, in UTC."""
    histogram = {"field": "timestamp", "calendar_interval": interval, "format": "uuuu-MM-dd'T'HH:mm:ss"}
    return {name: {"date_histogram": histogram}}
