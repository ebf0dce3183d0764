"""Requests for answers: the bodies of searches over totals, built here and nowhere else, and sent elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from invenio_stats.core import moments
from invenio_stats.core.metrics import Metric

Body = dict[str, Any]
"""What is sent to the engine as JSON."""

HISTOGRAM = "histogram"
NEWEST = "top_hit"
PAGE = "page"
RESERVED = frozenset({HISTOGRAM, NEWEST, PAGE})
"""Names of our own aggregations; a metric must not have one of them."""


def histogram(query: Body, time_field: str, interval: str, metrics: Mapping[str, Metric], copied: Body) -> Body:
    """Ask for one bucket per interval of the calendar, from the first document to the last."""
    buckets = {"date_histogram": {"field": time_field, "calendar_interval": interval}}
    return _body(query, {HISTOGRAM: {**buckets, "aggs": {**_metrics(metrics), **copied}}})


def groups(query: Body, fields: Sequence[str], size: int, metrics: Mapping[str, Metric], copied: Body) -> Body:
    """Ask for one answer over all documents, and below it for one per value of each field in turn."""
    aggregations: Body = {}
    for field in reversed(fields):
        terms = {"terms": {"field": field, "size": size}, "aggs": {**_metrics(metrics), **aggregations}}
        aggregations = {field: terms}
    return _body(query, {**_metrics(metrics), **copied, **aggregations})


def selection(
    filters: Iterable[tuple[str, Any]], time_field: str, start: datetime | None, end: datetime | None
) -> Body:
    """Choose the documents: each field equal to its value, and the time between two moments, both included."""
    chosen: list[Body] = [{"term": {field: value}} for field, value in filters]
    bounds = {edge: moments.iso(moment) for edge, moment in (("gte", start), ("lte", end)) if moment is not None}
    if bounds:  # the format is given because a foreign mapping may know only its own
        chosen.append({"range": {time_field: {**bounds, "format": "strict_date_optional_time"}}})
    return {"bool": {"filter": chosen}} if chosen else {"match_all": {}}


def newest(time_field: str, sources: Iterable[Any]) -> Body:
    """Ask for the newest document, from which fields are copied; for nothing when no field is.

    Of the document only the fields are asked for, unless a function wants to see all of it.
    """
    sources = list(sources)
    if not sources:
        return {}
    wanted = True if any(callable(source) for source in sources) else sorted(sources)
    order = [{time_field: {"order": "desc", "unmapped_type": "date"}}]
    return {NEWEST: {"top_hits": {"size": 1, "sort": order, "_source": wanted}}}


def without_groups(body: Mapping[str, Any], field: str) -> Body:
    """Ask the same without the groups."""
    return {**body, "aggs": {name: asked for name, asked in _asked(body).items() if name != field}}


def page(body: Mapping[str, Any], fields: Sequence[str], depth: int, size: int, after: Body | None) -> Body:
    """Ask for the next groups by the first `depth` fields, with whatever the body asks for each of them."""
    level: Mapping[str, Any] = body
    for field in fields[:depth]:
        level = _asked(level)[field]
    deeper = fields[depth : depth + 1]
    wanted = {name: asked for name, asked in _asked(level).items() if name not in deeper}
    sources = [{str(position): {"terms": {"field": field}}} for position, field in enumerate(fields[:depth])]
    composite = {"size": size, "sources": sources, **({"after": after} if after else {})}
    return {**body, "aggs": {PAGE: {"composite": composite, **({"aggs": wanted} if wanted else {})}}}


def _asked(level: Mapping[str, Any]) -> Mapping[str, Any]:
    return level.get("aggs") or {}


def _body(query: Body, aggregations: Body) -> Body:
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": aggregations}


def _metrics(metrics: Mapping[str, Metric]) -> Body:
    return {name: metric.body() for name, metric in metrics.items()}
