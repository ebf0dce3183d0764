"""Results: what the engine answered, as clients get it; the keys are the same when there is nothing."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from invenio_stats.core import moments
from invenio_stats.core.metrics import Metric
from invenio_stats.queries.search_bodies import HISTOGRAM, NEWEST

Result = dict[str, Any]
"""An answer or a bucket of one, ready to become JSON."""


def dates(start: datetime | None, end: datetime | None) -> Result:
    """Return the range that was asked for; None for an open end."""
    return {
        "start_date": None if start is None else moments.iso(start),
        "end_date": None if end is None else moments.iso(end),
    }


def metrics(group: Mapping[str, Any], asked: Mapping[str, Metric]) -> Result:
    """Return the metrics of a group, or of nothing when the engine had no index to ask."""
    return {name: metric.read(group[name]) if name in group else metric.empty for name, metric in asked.items()}


def copy_newest(result: Result, group: Mapping[str, Any], copy_fields: Mapping[str, Any]) -> Result:
    """Put what is copied from the newest document of a group into its result; None where there is none."""
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
    """Return the buckets of a histogram, each with the milliseconds and the date of its start."""
    return [
        copy_newest(
            {"key": bucket["key"], "date": bucket["key_as_string"], **metrics(bucket, asked)}, bucket, copy_fields
        )
        for bucket in aggregations.get(HISTOGRAM, {}).get("buckets", [])
    ]


def groups(group: Mapping[str, Any], asked: Mapping[str, Metric], fields: Sequence[str]) -> Result:
    """Return the metrics of a group and, for as long as there are fields, of the groups in it."""
    result = metrics(group, asked)
    if fields:
        inner: Iterable[Mapping[str, Any]] = group.get(fields[0], {}).get("buckets", [])
        buckets = [{"key": bucket["key"], **groups(bucket, asked, fields[1:])} for bucket in inner]
        result.update(type="bucket", field=fields[0], key_type="terms", buckets=buckets)
    return result
