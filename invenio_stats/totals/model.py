"""Define the key of a total, a counted total, and the specification of an aggregation's totals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from invenio_stats.core.intervals import Interval
from invenio_stats.core.metrics import Metric
from invenio_stats.errors import UnreadableTotalError
from invenio_stats.search.versions import Version


class TotalKey(NamedTuple):
    """The total key, which identifies a total: the start of its interval, and the value of the key field."""

    start: datetime
    key: Any


@dataclass
class CountedTotal:
    """A total as counted from its raw events; a count of 0 means that none of its events counts any more."""

    total_key: TotalKey
    count: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    newest: Mapping[str, Any] | None = None
    stored: Mapping[str, Any] | None = None
    """The total as it is stored now, or None if there is none."""
    version: Version | None = None
    """Version of the stored total."""
    unreadable: str | None = None
    """Type of the error if the stored total cannot be read, because its index is closed or blocked."""

    def check_readable(self) -> None:
        """Raise UnreadableTotalError if it is not known what is stored."""
        if self.unreadable is not None:
            raise UnreadableTotalError(self.unreadable)


@dataclass(frozen=True)
class TotalSpec:
    """How the totals of an aggregation are counted: key field, interval, metrics, and fields of the newest event."""

    key_field: str
    interval: Interval
    metrics: Mapping[str, Metric]
    copied: tuple[str, ...] | None = ()
    """Fields that are read from the newest event; None for all of them, () for none."""

    @cached_property
    def distinct(self) -> dict[str, Metric]:
        """The metrics that are exact counts of distinct values."""
        return {name: metric for name, metric in self.metrics.items() if metric.is_distinct_count}
