"""Build the bodies of all searches over totals that answer queries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from invenio_stats.core import moments
from invenio_stats.core.metrics import Metric
from invenio_stats.queries.canonical import is_other_spelling

Body = dict[str, Any]
"""The JSON body of a search request, or a part of it."""

HISTOGRAM = "histogram"
NEWEST = "top_hit"
PAGE = "page"
RESERVED = frozenset({HISTOGRAM, NEWEST, PAGE})
"""Names of aggregations that are built here; a metric must not have one of them."""


def histogram(query: Body, time_field: str, interval: str, metrics: Mapping[str, Metric], copied: Body) -> Body:
    """Return the body for one bucket for each calendar interval, from the first document to the last."""
    buckets = {"date_histogram": {"field": time_field, "calendar_interval": interval}}
    return _body(query, {HISTOGRAM: {**buckets, "aggs": {**_metrics(metrics), **copied}}})


def groups(query: Body, fields: Sequence[str], size: int, metrics: Mapping[str, Metric], copied: Body) -> Body:
    """Return the body for the metrics over all documents and, nested, for each value of each field."""
    aggregations: Body = {}
    for field in reversed(fields):
        terms = {"terms": {"field": field, "size": size}, "aggs": {**_metrics(metrics), **aggregations}}
        aggregations = {field: terms}
    return _body(query, {**_metrics(metrics), **copied, **aggregations})


def selection(
    filters: Iterable[tuple[str, str]],
    time_field: str,
    start: datetime | None,
    end: datetime | None,
    write: Callable[[datetime], str] = moments.iso,
) -> Body:
    """Return the query for documents whose fields equal the values, and whose time is in the range, ends included.

    Values are in their canonical form, and select what has this very text or is this number: another spelling of a
    number, such as "07", is compared by a wildcard without wildcards, which the engine rejects for a field of numbers.
    `write` formats the ends: another program's mapping may accept only what its events have.
    """
    clauses: list[Body] = [
        {"wildcard": {field: {"value": value}}} if is_other_spelling(value) else {"term": {field: value}}
        for field, value in filters
    ]
    bounds = {edge: write(moment) for edge, moment in (("gte", start), ("lte", end)) if moment is not None}
    if bounds:  # with the format, for mappings that have one of their own
        clauses.append({"range": {time_field: {**bounds, "format": "strict_date_optional_time"}}})
    return {"bool": {"filter": clauses}} if clauses else {"match_all": {}}


def newest(time_field: str, sources: Iterable[Any]) -> Body:
    """Return the aggregation for the newest document, from which fields are copied; empty if there are none to copy.

    It fetches only these fields, or the whole document if a function computes one of the copies.
    """
    sources = list(sources)
    if not sources:
        return {}
    fetched = True if any(callable(source) for source in sources) else sorted(sources)
    order = [{time_field: {"order": "desc", "unmapped_type": "date"}}]
    return {NEWEST: {"top_hits": {"size": 1, "sort": order, "_source": fetched}}}


def without_groups(body: Mapping[str, Any], field: str) -> Body:
    """Return the body without the groups by a field."""
    return {**body, "aggs": {name: aggregation for name, aggregation in _aggs(body).items() if name != field}}


def page(body: Mapping[str, Any], fields: Sequence[str], depth: int, size: int, after: Body | None) -> Body:
    """Return the body for the next page of groups by the first `depth` fields, with the metrics of each group."""
    level: Mapping[str, Any] = body
    for field in fields[:depth]:
        level = _aggs(level)[field]
    deeper = fields[depth : depth + 1]
    metrics = {name: aggregation for name, aggregation in _aggs(level).items() if name not in deeper}
    sources = [{str(position): {"terms": {"field": field}}} for position, field in enumerate(fields[:depth])]
    composite = {"size": size, "sources": sources, **({"after": after} if after else {})}
    return {**body, "aggs": {PAGE: {"composite": composite, **({"aggs": metrics} if metrics else {})}}}


def _aggs(level: Mapping[str, Any]) -> Mapping[str, Any]:
    return level.get("aggs") or {}


def _body(query: Body, aggregations: Body) -> Body:
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": aggregations}


def _metrics(metrics: Mapping[str, Metric]) -> Body:
    return {name: metric.body() for name, metric in metrics.items()}
