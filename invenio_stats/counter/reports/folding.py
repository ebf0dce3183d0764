"""Fold the usage of months to what a report shows of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from invenio_stats.core.counter_reports import PERFORMANCE_ATTRIBUTES
from invenio_stats.counter.reports.request import ReportRequest


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
        self._rows: dict[tuple[str, ...], list[int]] = {}
        """By attributes: numbers by month, those of a metric together. A list takes half the time of a dict."""

    def add(self, attributes: tuple[str, ...], month: int, numbers: Sequence[int]) -> None:
        """Add numbers, in the order of the shape's metrics, to those of a month, given by its position."""
        _, metrics, months, _ = self._shape
        row = self._rows.get(attributes)
        if row is None:
            row = self._rows[attributes] = [0] * (len(metrics) * len(months))
        for number in numbers:
            row[month] += number
            month += len(months)

    def performances(self) -> Iterator[Performance]:
        """Yield what there is, by ascending attributes."""
        names, metrics, months, total_month = self._shape
        for values, row in sorted(self._rows.items()):
            shown: dict[str, Mapping[str, int]] = {}
            for position, metric in enumerate(metrics):
                numbers = row[position * len(months) : (position + 1) * len(months)]
                if any(numbers):
                    by_month = {month: number for month, number in zip(months, numbers, strict=True) if number}
                    shown[metric] = by_month if total_month is None else {total_month: sum(numbers)}
            if shown:
                yield Performance(dict(zip(names, values, strict=True)), shown)
