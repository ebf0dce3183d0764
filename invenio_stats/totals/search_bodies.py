"""Build the bodies of all searches over raw events for totals, and read the buckets of their responses.

Everything here is pure. A total key is the start of a total's interval, and the value of its key field.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

from invenio_stats.core.intervals import Interval, after, floor
from invenio_stats.core.metrics import Metric
from invenio_stats.core.moments import iso, iso_zoned, parse
from invenio_stats.search.clauses import DATE_FORMAT, Body, Group, all_of, any_of, between, by_value, date_histogram
from invenio_stats.totals.model import CountedTotal, TotalKey, TotalSpec

NEWEST = "newest_event"
VALUE_COUNT = "holds:"
"""Prefix of a metric's name, for the number of values of its source field for a total key."""
VALUES = "values:"
"""Prefix of a metric's name, for the distinct values of its source field for a total key."""

MAX_BUCKETS_PER_REQUEST = 60_000
"""A little under the engine's default `search.max_buckets` of 65,535."""

MAX_INTERVALS_PER_REQUEST = 200
"""OpenSearch 2 counts three clauses for each interval, and accepts 1,024."""

_start = lru_cache(maxsize=1000)(parse)
"""Parses the start of an interval; cached, because a response repeats few starts many times."""


def changed_since(mark: datetime, interval: Interval) -> Body:
    """Return the query for events that were stored or changed since the mark.

    Events without the time when they were stored (other indexers) match if they are not older than the mark's interval.
    """
    stamped = {"range": {"updated_timestamp": {"gte": iso_zoned(mark), "format": DATE_FORMAT}}}
    unstamped = {
        "bool": {
            "filter": [between(floor(mark, interval))],
            "must_not": [{"exists": {"field": "updated_timestamp"}}],
        }
    }
    return any_of([stamped, unstamped])


def of_total_keys(total_keys: Iterable[TotalKey], spec: TotalSpec) -> Body:
    """Return the query for the events of total keys, which must be in the order of their intervals."""
    clauses = []
    for start, group in groupby(total_keys, key=lambda total_key: total_key.start):
        keys = [total_key.key for total_key in group]
        interval = between(start, after(start, spec.interval))
        clauses.append(all_of([interval, {"terms": {spec.key_field: keys}}]))
    return clauses[0] if len(clauses) == 1 else any_of(clauses)


def windows(
    total_keys: Iterable[TotalKey], page: int, intervals_per_request: int = MAX_INTERVALS_PER_REQUEST
) -> Iterator[list[TotalKey]]:
    """Yield lists of total keys, given in the order of their intervals, that fit into one request."""
    window: list[TotalKey] = []
    intervals = 0
    for total_key in total_keys:
        is_new = not window or window[-1].start != total_key.start
        if len(window) == page or (is_new and intervals == intervals_per_request):
            yield window
            window, intervals, is_new = [], 0, True
        window.append(total_key)
        intervals += is_new
    if window:
        yield window


def stored_between(key_field: str, first: datetime | None, last: datetime | None) -> Body:
    """Return the query for totals of a key field between two dates, both included; None for an open end."""
    dates = {"gte": first, "lte": last}
    bounds = {operator: iso(moment) for operator, moment in dates.items() if moment is not None}
    in_range: list[Body] = [{"range": {"timestamp": {**bounds, "format": DATE_FORMAT}}}] if bounds else []
    return all_of([{"exists": {"field": key_field}}, *in_range])


def by_total_key(spec: TotalSpec) -> list[Body]:
    """Return composite sources that group by interval, then by key."""
    return [date_histogram("interval", spec.interval), by_value("key", spec.key_field)]


def by_total_key_or_none(spec: TotalSpec) -> list[Body]:
    """Return composite sources that group by interval, then by key; events without a key get a group with None."""
    key = {"terms": {"field": spec.key_field, "missing_bucket": True}}
    return [date_histogram("interval", spec.interval), {"key": key}]


def measures(spec: TotalSpec) -> Body:
    """Return the aggregations for the metrics of each total key; for a distinct count, only the number of values."""
    aggs: Body = {}
    for name, metric in spec.metrics.items():
        if metric.is_distinct_count:
            aggs[VALUE_COUNT + name] = {"value_count": {"field": metric.source}}
        else:
            aggs[name] = metric.body()
    return aggs


def newest(spec: TotalSpec) -> Body:
    """Return the aggregation for the newest event of each total key."""
    source = True if spec.copied is None else {"includes": list(spec.copied)}
    return {NEWEST: {"top_hits": {"size": 1, "sort": _NEWEST_FIRST, "_source": source}}}


def documents(query: Body, most: int) -> Body:
    """Return the search for whole events: filtering the fields costs the engine more than sending them all."""
    return {"size": most, "track_total_hits": False, "query": query, "sort": ["_doc"]}


def distinct_measures(metrics: Mapping[str, Metric], at_most: int) -> Body:
    """Return the aggregations for distinct counts, exact if no total key has more than `at_most` values."""
    aggs: Body = {}
    for name, metric in metrics.items():
        aggs[VALUES + name] = {"terms": {"field": metric.source, "size": at_most}}
        aggs[name] = {"stats_bucket": {"buckets_path": f"{VALUES}{name}._count"}}
    return aggs


def read_total_key(bucket: Mapping[str, Any]) -> TotalKey:
    """Return the total key of a bucket."""
    return TotalKey(_start(bucket["key"]["interval"]), bucket["key"]["key"])


def read_counted(bucket: Mapping[str, Any], spec: TotalSpec) -> CountedTotal:
    """Return the counts of a bucket; for a distinct count, the number of values, which may repeat."""
    values = {
        name: bucket[VALUE_COUNT + name]["value"] if name in spec.distinct else metric.read(bucket[name])
        for name, metric in spec.metrics.items()
    }
    return CountedTotal(read_total_key(bucket), bucket["doc_count"], values)


def read_newest(bucket: Group) -> Mapping[str, Any]:
    """Return the newest event of a bucket; empty if there is none."""
    hits = bucket[NEWEST]["hits"]["hits"]
    return hits[0].get("_source", {}) if hits else {}


_NEWEST_FIRST = [
    {"timestamp": {"order": "desc", "unmapped_type": "date"}},
    {"updated_timestamp": {"order": "desc", "unmapped_type": "date"}},
]
