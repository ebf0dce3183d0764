"""Describe which report is asked for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from invenio_stats.core.counter_reports import REPORTS, ReportKind
from invenio_stats.core.customers import THE_WORLD


class ReportRequest(NamedTuple):
    """A report of a range of months for a customer; `parse_filters` makes one from texts."""

    report_id: str
    """PR, PR_P1, IR, IR_A1 or IR_M1."""
    begin: str
    """First month, `yyyy-mm`."""
    end: str
    """Last month, not before the first."""
    customer_id: str = THE_WORLD
    filters: Mapping[str, tuple[str, ...]] = {}
    """Values by name of a filter (`Data_Type`), in COUNTER's order; empty for a Standard View."""
    attributes: tuple[str, ...] = ()
    """Attributes_To_Show, in COUNTER's order."""
    include_parents: bool = False
    totals_only: bool = False
    """True for one number of each metric instead of one for each month."""

    @property
    def kind(self) -> ReportKind:
        """What the report is made of."""
        return REPORTS[self.report_id]

    @property
    def all_filters(self) -> Mapping[str, tuple[str, ...]]:
        """The filters, or those that a Standard View has."""
        return self.kind.fixed or self.filters

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics to show."""
        return self.all_filters.get("Metric_Type") or self.kind.metrics

    @property
    def has_parents(self) -> bool:
        """True if items are in the groups of their parents."""
        return self.include_parents or self.kind.has_parents

    def as_dict(self) -> dict[str, Any]:
        """Return what `from_dict` takes; as JSON with sorted keys it is the same for equal requests."""
        return {
            **self._asdict(),
            "filters": {name: list(values) for name, values in self.filters.items()},
            "attributes": list(self.attributes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ReportRequest":
        """Return the request of a task's arguments."""
        return cls(
            **{
                **values,
                "filters": {name: tuple(texts) for name, texts in values["filters"].items()},
                "attributes": tuple(values["attributes"]),
            }
        )
