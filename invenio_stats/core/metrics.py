"""Metrics: what is computed over a group of documents, from the configured triple to the engine and back."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

ALLOWED_METRICS: frozenset[str] = frozenset(
    {"avg", "cardinality", "extended_stats", "geo_centroid", "max", "min", "percentiles", "stats", "sum"}
)
"""Metrics that a total or a query may have, by the engine's names."""

MAX_PRECISION = 40_000
"""The engine's highest precision_threshold; a `cardinality` above it is an estimate."""

_ZERO_WHEN_EMPTY = frozenset({"sum", "cardinality"})
_MULTI_VALUED = frozenset({"stats", "extended_stats"})


class Metric(NamedTuple):
    """One metric over one source field, as `(metric, source, options)` of a configuration says."""

    name: str
    source: str
    options: Mapping[str, Any]

    @property
    def is_distinct_count(self) -> bool:
        """Say whether this is a count of distinct values that nothing asks to be other than exact."""
        return self.name == "cardinality" and set(self.options) <= {"precision_threshold"}

    @property
    def is_estimate(self) -> bool:
        """Say whether this is a count of distinct values that need not be exact."""
        return self.name == "cardinality" and not self.is_distinct_count

    def body(self) -> dict[str, Any]:
        """Return the engine's aggregation; a distinct count has the highest precision there is."""
        options = dict(self.options)
        if self.is_distinct_count:
            options["precision_threshold"] = MAX_PRECISION
        return {self.name: {"field": self.source, **options}}

    def read(self, answer: Mapping[str, Any]) -> Any:
        """Return the value in the engine's answer.

        Over no documents it is 0 for sums and counts, None where there is nothing to say (avg,
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
        """The value over no documents at all, for answers that the engine was not asked for."""
        if self.name in _ZERO_WHEN_EMPTY:
            return 0
        if self.name in _MULTI_VALUED:
            return {"count": 0, "min": None, "max": None, "avg": None, "sum": 0.0}
        return {} if self.name == "percentiles" else None


def parse_metrics(
    fields: Mapping[str, Any] | None, allowed: Collection[str] = ALLOWED_METRICS, setting_path: str = "metric_fields"
) -> dict[str, Metric]:
    """Read `{name: (metric, source field, options)}`; ValueError says what is wrong, and at which `setting_path`."""
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
