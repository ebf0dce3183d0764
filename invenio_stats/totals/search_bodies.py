"""Requests about raw events: which totals changed, and what each of them is now.

Everything here is pure: a request goes out as a dict, an answer comes in as one. A total belongs
to a pair, the start of its interval with the value of its key field.
"""

from collections.abc import Iterable, Mapping
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
HOLDS = "holds:"
"""Before a metric's name: how many values its source field has in a pair."""
VALUES = "values:"
"""Before a metric's name: the distinct values of its source field in a pair."""

BUCKETS_AT_ONCE = 60_000
"""Buckets that one request may make: a little under the engine's `search.max_buckets` of 65,535."""

INTERVALS_AT_ONCE = 200
"""Intervals in one request. OpenSearch 2 counts three clauses for each, and takes 1,024."""

_start = lru_cache(maxsize=1000)(parse)
"""Of an interval, by its text: an answer has few of them, each many times."""


def changed_since(mark: datetime, interval: Interval) -> Body:
    """Narrow to events stored or changed since the mark.

    Events that do not say when they were stored (foreign indexers) are in from the start of the
    mark's interval on.
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
    """Narrow to the events of these pairs, which are in the order of their intervals."""
    clauses = []
    for start, group in groupby(total_keys, key=lambda total_key: total_key.start):
        keys = [total_key.key for total_key in group]
        interval = between(start, after(start, spec.interval))
        clauses.append(all_of([interval, {"terms": {spec.key_field: keys}}]))
    return clauses[0] if len(clauses) == 1 else any_of(clauses)


def stored_between(key_field: str, first: datetime | None, last: datetime | None) -> Body:
    """Narrow to totals of a key field between two dates, both included."""
    edges = {"gte": first, "lte": last}
    bounds = {edge: iso(moment) for edge, moment in edges.items() if moment is not None}
    in_range: list[Body] = [{"range": {"timestamp": {**bounds, "format": DATE_FORMAT}}}] if bounds else []
    return all_of([{"exists": {"field": key_field}}, *in_range])


def by_total_key(spec: TotalSpec) -> list[Body]:
    """Group by interval, then by key."""
    return [date_histogram("interval", spec.interval), by_value("key", spec.key_field)]


def by_total_key_or_none(spec: TotalSpec) -> list[Body]:
    """Group by interval, then by key, which is None for events without any."""
    key = {"terms": {"field": spec.key_field, "missing_bucket": True}}
    return [date_histogram("interval", spec.interval), {"key": key}]


def measures(spec: TotalSpec) -> Body:
    """Ask for the metrics of each pair; of a distinct count only for how many values there are to tell apart."""
    aggs: Body = {}
    for name, metric in spec.metrics.items():
        if metric.is_distinct_count:
            aggs[HOLDS + name] = {"value_count": {"field": metric.source}}
        else:
            aggs[name] = metric.body()
    return aggs


def newest(spec: TotalSpec) -> Body:
    """Ask for the newest event of each pair."""
    source = True if spec.copied is None else {"includes": list(spec.copied)}
    return {NEWEST: {"top_hits": {"size": 1, "sort": _NEWEST_FIRST, "_source": source}}}


def documents(query: Body, most: int) -> Body:
    """Ask for events, whole: to leave out fields costs the engine more than to send them."""
    return {"size": most, "track_total_hits": False, "query": query, "sort": ["_doc"]}


def distinct_measures(metrics: Mapping[str, Metric], at_most: int) -> Body:
    """Ask for exact distinct counts, where no pair has more than `at_most` values."""
    aggs: Body = {}
    for name, metric in metrics.items():
        aggs[VALUES + name] = {"terms": {"field": metric.source, "size": at_most}}
        aggs[name] = {"stats_bucket": {"buckets_path": f"{VALUES}{name}._count"}}
    return aggs


def read_total_key(bucket: Mapping[str, Any]) -> TotalKey:
    """Return the pair that a bucket is about."""
    return TotalKey(_start(bucket["key"]["interval"]), bucket["key"]["key"])


def read_counted(bucket: Mapping[str, Any], spec: TotalSpec) -> CountedTotal:
    """Return what a bucket says of its pair; for distinct counts, the number of values to tell apart."""
    values = {
        name: bucket[HOLDS + name]["value"] if name in spec.distinct else metric.read(bucket[name])
        for name, metric in spec.metrics.items()
    }
    return CountedTotal(read_total_key(bucket), bucket["doc_count"], values)


def read_newest(bucket: Group) -> Mapping[str, Any]:
    """Return the newest event of a bucket."""
    hits = bucket[NEWEST]["hits"]["hits"]
    return hits[0].get("_source", {}) if hits else {}


_NEWEST_FIRST = [
    {"timestamp": {"order": "desc", "unmapped_type": "date"}},
    {"updated_timestamp": {"order": "desc", "unmapped_type": "date"}},
]
