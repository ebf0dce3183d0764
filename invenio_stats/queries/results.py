"""Convert the search engine's answers to the form that clients get, with the same keys if there are no totals."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from invenio_stats.core import moments
from invenio_stats.core.metrics import Metric
from invenio_stats.queries.search_bodies import HISTOGRAM, NEWEST

Result = dict[str, Any]
"""An answer or one of its buckets, ready to be encoded as JSON."""


def dates(start: datetime | None, end: datetime | None) -> Result:
    """Return the range of the query; None for an open end."""
    return {
        "start_date": None if start is None else moments.iso(start),
        "end_date": None if end is None else moments.iso(end),
    }


def metrics(group: Mapping[str, Any], asked: Mapping[str, Metric]) -> Result:
    """Return the metrics of a group; those of no documents if the index did not exist."""
    return {name: metric.read(group[name]) if name in group else metric.empty for name, metric in asked.items()}


def copy_newest(result: Result, group: Mapping[str, Any], copy_fields: Mapping[str, Any]) -> Result:
    """Add the fields copied from the newest document of a group to its result; None if the group has no document."""
    hits = group.get(NEWEST, {}).get("hits", {}).get("hits", [])
    for name, source in copy_fields.items():
        if not hits:
            result[name] = None
        elif callable(source):
            result[name] = source(result, hits[0]["_source"])
        else:
            result[name] = hits[0]["_source"].get(source)
    return result


def intervals(
    aggregations: Mapping[str, Any], asked: Mapping[str, Metric], copy_fields: Mapping[str, Any]
) -> list[Result]:
    """Return the buckets of a histogram, each with its start in milliseconds and as a date."""
    return [
        copy_newest(
            {"key": bucket["key"], "date": bucket["key_as_string"], **metrics(bucket, asked)}, bucket, copy_fields
        )
        for bucket in aggregations.get(HISTOGRAM, {}).get("buckets", [])
    ]


def groups(group: Mapping[str, Any], asked: Mapping[str, Metric], fields: Sequence[str]) -> Result:
    """Return the metrics of a group and, recursively by the remaining fields, of the groups in it."""
    result = metrics(group, asked)
    if fields:
        inner: Iterable[Mapping[str, Any]] = group.get(fields[0], {}).get("buckets", [])
        buckets = [{"key": bucket["key"], **groups(bucket, asked, fields[1:])} for bucket in inner]
        result.update(type="bucket", field=fields[0], key_type="terms", buckets=buckets)
    return result
