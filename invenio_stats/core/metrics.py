"""Turn configured metrics into aggregations of the search engine, and read their values from its answer."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

ALLOWED_METRICS: frozenset[str] = frozenset(
    {"avg", "cardinality", "extended_stats", "geo_centroid", "max", "min", "percentiles", "stats", "sum"}
)
"""Metrics that a total or a query may have, named as in the search engine."""

MAX_PRECISION = 40_000
"""The engine's highest precision_threshold; a `cardinality` above it is an estimate."""

_ZERO_WHEN_EMPTY = frozenset({"sum", "cardinality"})
_MULTI_VALUED = frozenset({"stats", "extended_stats"})


class Metric(NamedTuple):
    """One metric over one source field, configured as `(metric, source, options)`."""

    name: str
    source: str
    options: Mapping[str, Any]

    @property
    def is_distinct_count(self) -> bool:
        """Whether this counts distinct values with the highest precision, because no option asks for less."""
        return self.name == "cardinality" and set(self.options) <= {"precision_threshold"}

    @property
    def is_estimate(self) -> bool:
        """Whether this counts distinct values with options of its own, so that the count need not be exact."""
        return self.name == "cardinality" and not self.is_distinct_count

    def body(self) -> dict[str, Any]:
        """Return the aggregation for the search engine; a distinct count gets the highest precision."""
        options = dict(self.options)
        if self.is_distinct_count:
            options["precision_threshold"] = MAX_PRECISION
        return {self.name: {"field": self.source, **options}}

    def read(self, answer: Mapping[str, Any]) -> Any:
        """Return the value in the search engine's answer.

        Over no documents the value is 0 for sums and counts, and None for metrics that are then undefined (avg,
        min, max, geo_centroid). `stats` and `extended_stats` are dicts of their parts,
        `percentiles` a dict by percent, `geo_centroid` a dict of lat and lon.
        """
        if self.name in _MULTI_VALUED:
            return _plain(answer)
        if self.name == "percentiles":
            return _plain(answer["values"])
        if self.name == "geo_centroid":
            return _plain(answer.get("location"))
        value = answer.get("value")
        return 0 if value is None and self.name in _ZERO_WHEN_EMPTY else value

    @property
    def empty(self) -> Any:
        """The value over no documents, for answers that are given without a search request."""
        if self.name in _ZERO_WHEN_EMPTY:
            return 0
        if self.name in _MULTI_VALUED:
            return {"count": 0, "min": None, "max": None, "avg": None, "sum": 0.0}
        return {} if self.name == "percentiles" else None


def parse_metrics(
    fields: Mapping[str, Any] | None, allowed: Collection[str] = ALLOWED_METRICS, setting_path: str = "metric_fields"
) -> dict[str, Metric]:
    """Parse `{name: (metric, source field, options)}`; a ValueError names the wrong value and its `setting_path`."""
    if fields is not None and not isinstance(fields, Mapping):
        raise ValueError(f"{setting_path} is {fields!r}. Write it as a dict: {{'volume': ('sum', 'size', {{}})}}.")
    return {name: _parse(f"{setting_path}[{name!r}]", triple, allowed) for name, triple in (fields or {}).items()}


def _parse(setting_path: str, triple: Any, allowed: Collection[str]) -> Metric:
    if isinstance(triple, Metric):
        triple = (triple.name, triple.source, triple.options)
    if not isinstance(triple, (tuple, list)) or len(triple) != 3:
        raise ValueError(f"{setting_path} is {triple!r}. Write it as ('sum', 'size', {{}}): metric, field, options.")
    name, source, options = triple
    if name not in allowed:
        raise ValueError(f"{setting_path}: {name!r} is not a metric. Use one of: {', '.join(sorted(allowed))}.")
    if not isinstance(source, str) or not source:
        raise ValueError(f"{setting_path}: the source is {source!r}. Name the field that the metric is computed over.")
    if options is not None and not isinstance(options, Mapping):
        raise ValueError(f"{setting_path}: the options are {options!r}. Write them as a dict; {{}} for none.")
    return Metric(name, source, dict(options or {}))


def _plain(answer: Any) -> Any:
    to_dict = getattr(answer, "to_dict", None)
    return to_dict() if to_dict else dict(answer) if isinstance(answer, Mapping) else answer
