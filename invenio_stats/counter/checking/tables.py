"""Check a report in tabular form, TSV or XLSX, given as its rows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from invenio_stats.core.counter_months import months_between
from invenio_stats.core.counter_reports import RELEASE, REPORTS
from invenio_stats.counter.checking.findings import Finding
from invenio_stats.counter.checking.numbers import check_numbers
from invenio_stats.counter.checking.periods import check_period
from invenio_stats.counter.reports.request import ReportRequest
from invenio_stats.counter.reports.table import TOTAL, columns, format_month_heading

HEADER = (
    "Report_Name",
    "Report_ID",
    "Release",
    "Institution_Name",
    "Institution_ID",
    "Metric_Types",
    "Report_Filters",
    "Report_Attributes",
    "Exceptions",
    "Reporting_Period",
    "Created",
    "Created_By",
    "Registry_Record",
)
_MONTH = "[0-9]{4}-(?:0[1-9]|1[0-2])"
_DATES = f"Begin_Date=({_MONTH}-01); End_Date=({_MONTH}-[0-9]{{2}})"
_EMPTY = ("3030:", "3031:", "3032:", "3040:")

Rows = Sequence[Sequence[str | int]]


class _Layout(NamedTuple):
    """What the header says of the columns."""

    names: list[str]
    months: list[str]
    metrics: Sequence[str]


def check_table(rows: Rows) -> list[Finding]:
    """Return all that is wrong with the rows; counts may be numbers, or texts as in TSV."""
    texts = [[str(cell) for cell in row] for row in rows]
    if [row[0] if row else "" for row in texts[:13]] != list(HEADER):
        return [Finding("header", "rows 1 to 13", f"the names are not {', '.join(HEADER)}")]
    header = {row[0]: row[1] if len(row) > 1 else "" for row in texts[:13]}
    findings = list(_check_header(header, texts))
    if findings:
        return findings
    layout = _layout(header)
    wanted = [*layout.names, TOTAL, *map(format_month_heading, layout.months)]
    if texts[14] != wanted:
        return [Finding("columns", "row 15", f"the columns are {texts[14]}, and should be {wanted}")]
    return [*_check_exceptions(header, len(texts) > 15), *_check_rows(texts[15:], layout)]


def _check_header(header: Mapping[str, str], rows: Sequence[Sequence[str]]) -> Iterator[Finding]:
    kind = REPORTS.get(header["Report_ID"])
    if kind is None or header["Report_Name"] != kind.name or header["Release"] != RELEASE:
        yield Finding("header", "rows 1 to 3", "Report_Name, Report_ID and Release are none that belong together")
        return
    if any(cell for row in rows[:13] for cell in row[2:]) or len(rows) < 15 or any(rows[13]):
        yield Finding("header", "rows 1 to 14", "there are 13 names with a value each, an empty row, and the headings")
    found = re.fullmatch(_DATES, header["Reporting_Period"])
    if found is None:
        yield Finding("period", "row 10", f"{header['Reporting_Period']!r} is not Begin_Date=...; End_Date=...")
    else:
        yield from check_period({"Begin_Date": found[1], "End_Date": found[2]})
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z", header["Created"]):
        yield Finding("header", "row 11", f"Created is {header['Created']!r}")
    if kind.is_view and (header["Report_Attributes"] or _pairs(header["Report_Filters"]) != _fixed(kind.report_id)):
        yield Finding("header", "rows 7 and 8", "a Standard View has its own filters, and no attributes")


def _fixed(report_id: str) -> dict[str, list[str]]:
    return {name: list(values) for name, values in REPORTS[report_id].fixed.items() if name != "Metric_Type"}


def _pairs(text: str) -> dict[str, list[str]]:
    pairs = (pair.partition("=") for pair in text.split("; ") if pair)
    return {name: value.split("|") for name, _, value in pairs}


def _layout(header: Mapping[str, str]) -> _Layout:
    attributes = _pairs(header["Report_Attributes"])
    begin, end = (day[:7] for day in re.findall(r"=([0-9-]+)", header["Reporting_Period"]))
    request = ReportRequest(
        header["Report_ID"],
        begin,
        end,
        attributes=tuple(attributes.get("Attributes_To_Show", ())),
        include_parents=attributes.get("Include_Parent_Details") == ["True"],
        totals_only=attributes.get("Exclude_Monthly_Details") == ["True"],
    )
    metrics = [metric for metric in header["Metric_Types"].split("; ") if metric]
    months = [] if request.totals_only else months_between(begin, end)
    return _Layout(columns(request), months, metrics or request.kind.metrics)


def _check_exceptions(header: Mapping[str, str], has_rows: bool) -> Iterator[Finding]:
    codes = [text for text in header["Exceptions"].split("; ") if re.match("[0-9]{4}:", text)]
    if not has_rows and not any(text.startswith(_EMPTY) for text in codes):
        yield Finding("empty-without-exception", "row 9", "the report is empty, and no exception says why")
    if has_rows and any(text.startswith("3030:") for text in codes):
        yield Finding("no-usage-with-usage", "row 9", "3030 says that there is no usage")


def _check_rows(rows: Sequence[Sequence[str]], layout: _Layout) -> Iterator[Finding]:
    """Yield what is wrong with the data; rows of an item and its attributes follow each other, one for each metric."""
    seen: set[tuple[str, ...]] = set()
    usage: dict[tuple[str, ...], dict[str, dict[str, int]]] = {}
    for number, row in enumerate(rows, start=16):
        where = f"row {number}"
        key, metric, counts = tuple(row[: len(layout.names) - 1]), row[len(layout.names) - 1], row[len(layout.names) :]
        if len(counts) != 1 + len(layout.months) or not all(re.fullmatch("[0-9]+", count) for count in counts):
            yield Finding("counts", where, "each month and the total have a number")
            continue
        total, *by_month = map(int, counts)
        if total == 0:
            yield Finding("zero", where, "a row of zeros is left out")
        if layout.months and total != sum(by_month):
            yield Finding("total", where, f"{TOTAL} is {total}, and the months have {sum(by_month)}")
        if metric not in layout.metrics:
            yield Finding("filtered", where, f"{metric} is none of the report")
        if (*key, metric) in seen:
            yield Finding("two-rows", where, "the same item, attributes and metric are there more than once")
        seen.add((*key, metric))
        months = dict(zip(layout.months, by_month, strict=True)) or {"the period": total}
        usage.setdefault(key, {})[metric] = months
    for key, performance in usage.items():
        yield from check_numbers(" ".join(filter(None, key))[:200], performance, layout.metrics)
