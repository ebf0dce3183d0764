"""Turn a report into the rows of a table, as COUNTER's tabular form has them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from invenio_stats.core.counter_exceptions import CounterException
from invenio_stats.core.counter_months import parse_month
from invenio_stats.core.counter_reports import COUNTRY, METADATA_ATTRIBUTES, PERFORMANCE_ATTRIBUTES
from invenio_stats.counter.reports.descriptions import clean_text
from invenio_stats.counter.reports.items import ReportItem
from invenio_stats.counter.reports.report import Report
from invenio_stats.counter.reports.request import ReportRequest

HEADER_ROWS = 13
TOTAL = "Reporting_Period_Total"

_NOT_FILTERS = ("Metric_Type", "Begin_Date", "End_Date")
_SEPARATOR = "; "
"""Between the values of a list."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Cell = str | int


def table_rows(report: Report) -> Iterator[list[Cell]]:
    """Yield all rows: 13 of the header, an empty one, the headings, and the data, made while they are read."""
    yield from header_rows(report.header)
    yield []
    months = () if report.request.totals_only else report.months
    names = columns(report.request)
    yield [*names, TOTAL, *map(format_month_heading, months)]
    for item in report.items:
        fields = _item_cells(item) if report.request.kind.has_items else {"Platform": item.description["Platform"]}
        for performance in item.performances:
            fields.update(performance.attributes)
            for metric, numbers in performance.metrics.items():
                fields["Metric_Type"] = metric
                counts = [numbers.get(month, 0) for month in months]
                yield [*(fields.get(name, "") for name in names), sum(numbers.values()), *counts]


def columns(request: ReportRequest) -> list[str]:
    """Return the headings before Reporting_Period_Total."""
    kind = request.kind
    shown = {*kind.shown, *kind.described, *request.attributes}
    first = [COUNTRY] if COUNTRY in shown else []
    performance = [name for name in PERFORMANCE_ATTRIBUTES if name in shown and name != COUNTRY]
    if not kind.has_items:
        return [*first, "Platform", *performance, "Metric_Type"]
    return [
        *first,
        *("Item", "Publisher", "Publisher_ID", "Platform"),
        *(name for name in METADATA_ATTRIBUTES if name in shown),
        *("Proprietary_ID" if name == "Proprietary" else name for name in kind.item_ids),
        *(kind.parent_fields if request.has_parents else ()),
        *performance,
        "Metric_Type",
    ]


def header_rows(header: Mapping[str, Any]) -> list[list[Cell]]:
    """Return the 13 rows of name and value."""
    filters = header["Report_Filters"]
    attributes = dict(header.get("Report_Attributes", {}))
    if attributes.pop("Granularity", None):
        attributes["Exclude_Monthly_Details"] = "True"
    exceptions = [
        CounterException(exception["Code"], exception.get("Data", "")).as_text()
        for exception in header.get("Exceptions", ())
    ]
    values = {
        **{name: header[name] for name in ("Report_Name", "Report_ID", "Release", "Institution_Name")},
        "Institution_ID": _format_identifiers(header["Institution_ID"]),
        "Metric_Types": join_values(filters.get("Metric_Type", ())),
        "Report_Filters": _format_pairs({name: filters[name] for name in filters if name not in _NOT_FILTERS}),
        "Report_Attributes": _format_pairs(attributes),
        "Exceptions": join_values(exceptions),
        "Reporting_Period": _format_pairs({name: filters[name] for name in ("Begin_Date", "End_Date")}),
        **{name: header[name] for name in ("Created", "Created_By", "Registry_Record")},
    }
    return [[name, clean_text(value)] for name, value in values.items()]


def format_month_heading(month: str) -> str:
    """Return the heading of a month, in English: `Jan-2026`."""
    day: date = parse_month(month)
    return f"{_MONTHS[day.month - 1]}-{day.year:04}"


def _item_cells(item: ReportItem) -> dict[str, Cell]:
    parent = {f"Parent_{name}": value for name, value in _cells(item.parent or {}).items()}
    return {**_cells(item.description), **parent}


def _cells(description: Mapping[str, Any]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for name, value in description.items():
        if name == "Item_ID":
            cells.update({"Proprietary_ID" if key == "Proprietary" else key: text for key, text in value.items()})
        elif name == "Publisher_ID":
            cells[name] = _format_identifiers(value)
        elif name == "Authors":
            cells[name] = join_values(map(_format_author, value))
        else:
            cells[name] = value
    return cells


def _format_author(author: Mapping[str, str]) -> str:
    identifier = next((f" ({scheme}:{author[scheme]})" for scheme in ("ORCID", "ISNI") if scheme in author), "")
    return f"{author['Name']}{identifier}"


def _format_identifiers(identifiers: Mapping[str, list[str]]) -> str:
    """Return the first value of each namespace; those of a platform have theirs in them already."""
    return join_values(
        values[0] if namespace == "Proprietary" else f"{namespace}:{values[0]}"
        for namespace, values in identifiers.items()
    )


def _format_pairs(values: Mapping[str, Any]) -> str:
    return join_values(
        f"{name}={value if isinstance(value, str) else '|'.join(value)}" for name, value in values.items()
    )


def join_values(values: Iterable[str]) -> str:
    """Return a list as one cell: with "; " between its values, which therefore have ", " in place of it."""
    return _SEPARATOR.join(re.sub(r";(?=\s|$)", ",", value) for value in values)
