"""Fold the usage of months to what a report shows of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_stats.core.counter_months import METRICS
from invenio_stats.core.counter_reports import COUNTRY, PERFORMANCE_ATTRIBUTES, UNKNOWN_COUNTRY
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.usage_query import FIELDS


class Performance(NamedTuple):
    """The usage of one set of attributes."""

    attributes: Mapping[str, str]
    """By name, in the order of reports."""
    metrics: Mapping[str, Mapping[str, int]]
    """By metric and month; without zeros, and with at least one number."""


class Shape(NamedTuple):
    """What a report shows of usage."""

    attributes: tuple[str, ...]
    """What divides it, in the order of reports."""
    metrics: tuple[str, ...]
    months: tuple[str, ...]
    """Those that can have usage, in order."""
    total_month: str | None
    """The month under which the sum of all is shown; None if each month has its number."""

    @classmethod
    def of(cls, request: ReportRequest, months: Sequence[str]) -> "Shape":
        """Return the shape of a request of which these months are there."""
        shown = {*request.kind.shown, *request.attributes}
        return cls(
            tuple(name for name in PERFORMANCE_ATTRIBUTES if name in shown),
            request.metrics,
            tuple(months),
            months[0] if months and request.totals_only else None,
        )


class Folding:
    """Sums by set of attributes, metric and month: of an item, or of the platform."""

    __slots__ = ("_rows", "_shape")

    def __init__(self, shape: Shape):
        self._shape = shape
        self._rows: dict[tuple[str, ...], dict[tuple[str, int], int]] = {}

    def add(self, attributes: tuple[str, ...], month: int, numbers: Iterable[tuple[str, int]]) -> None:
        """Add numbers by metric to those of a month, given by its position."""
        row = self._rows.get(attributes)
        if row is None:
            row = self._rows[attributes] = {}
        for metric, number in numbers:
            if number:
                key = metric, month
                row[key] = row.get(key, 0) + number

    def performances(self) -> Iterator[Performance]:
        """Yield what there is, by ascending attributes."""
        names, metrics, months, total_month = self._shape
        for values, row in sorted(self._rows.items()):
            shown = {}
            for metric in metrics:
                numbers = {name: row[metric, month] for month, name in enumerate(months) if (metric, month) in row}
                if numbers:
                    shown[metric] = numbers if total_month is None else {total_month: sum(numbers.values())}
            if shown:
                yield Performance(dict(zip(names, values, strict=True)), shown)


class DocumentReader:
    """Reads from a document, or a group of them, what a shape shows: made once, used for each document."""

    def __init__(self, shape: Shape):
        self._fields = [(FIELDS[name], UNKNOWN_COUNTRY if name == COUNTRY else "") for name in shape.attributes]
        self._numbers = [(metric, METRICS[metric]) for metric in shape.metrics if metric in METRICS]
        self.fields = [field for field, _ in self._fields] + [field for _, field in self._numbers]
        """Names of all fields that are read."""

    def attributes(self, source: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the values of the attributes."""
        return tuple([source.get(field) or default for field, default in self._fields])

    def numbers(self, source: Mapping[str, Any]) -> list[tuple[str, int]]:
        """Return the numbers by metric."""
        return [(metric, source.get(field, 0)) for metric, field in self._numbers]
