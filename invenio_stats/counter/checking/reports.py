"""Check a report in JSON: by its schema, and by the rules that a schema cannot express."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from invenio_stats.core.counter_months import SEARCHES, months_between
from invenio_stats.core.counter_reports import (
    METADATA_ATTRIBUTES,
    PERFORMANCE_ATTRIBUTES,
    PLATFORM_TYPE,
    REPORTS,
    ReportKind,
)
from invenio_stats.core.data_types import PARENT_TYPES
from invenio_stats.counter.checking.findings import Finding
from invenio_stats.counter.checking.identifiers import check_identifiers
from invenio_stats.counter.checking.numbers import check_numbers
from invenio_stats.counter.checking.periods import check_period
from invenio_stats.counter.checking.schemas import all_schemas

Document = Mapping[str, Any]

_EMPTY = frozenset((3030, 3031, 3032, 3040))
"""Exceptions one of which an empty report has."""


def check_document(name: str, document: Any) -> list[Finding]:
    """Return what the schema of that name finds: see `schemas.all_schemas`; it needs jsonschema."""
    errors = sorted(_validator(name).iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    return [Finding("schema", error.json_path, error.message[:500]) for error in errors]


def check_report(document: Document) -> list[Finding]:
    """Return all that is wrong with a report; with findings of its schema, those only: the rules rely on it."""
    header = document.get("Report_Header")
    report_id = header.get("Report_ID") if isinstance(header, Mapping) else None
    if not isinstance(report_id, str) or report_id not in REPORTS:
        return [Finding("schema", "Report_Header", f"Report_ID is {report_id!r}")]
    return check_document(report_id, document) or list(_check_rules(document, REPORTS[report_id]))


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator  # only tests and checks need it

    return Draft202012Validator(all_schemas()[name])


def _check_rules(document: Document, kind: ReportKind) -> Iterator[Finding]:
    header, items = document["Report_Header"], document["Report_Items"]
    yield from _check_header(header, bool(items))
    if kind.has_items:
        yield from _check_groups(header, items, kind)
        entries = [
            (f"{where}.Items[{n}]", item) for where, group in _named(items) for n, item in enumerate(group["Items"])
        ]
    else:
        entries = _named(items)
        if len(items) > 1:
            yield Finding("two-platforms", "Report_Items", "the platform is there more than once")
    for where, item in entries:
        yield from check_identifiers(where, item)
        yield from _check_metadata_is_listed(where, item, header, kind)
        yield from _check_performances(where, item["Attribute_Performance"], header, kind)


def _check_header(header: Document, has_items: bool) -> Iterator[Finding]:
    yield from check_period(header["Report_Filters"])
    yield from check_identifiers("Report_Header", {"Institution_ID": header["Institution_ID"]})
    codes = [exception["Code"] for exception in header.get("Exceptions", ())]
    if len(codes) != len(set(codes)):
        yield Finding("two-exceptions", "Exceptions", "a code is there more than once")
    if not has_items and not _EMPTY & set(codes):
        yield Finding("empty-without-exception", "Report_Items", "the report is empty, and no exception says why")
    if has_items and 3030 in codes:
        yield Finding("no-usage-with-usage", "Exceptions", "3030 says that there is no usage")


def _check_groups(header: Document, groups: Sequence[Document], kind: ReportKind) -> Iterator[Finding]:
    attributes = header.get("Report_Attributes", {})
    may_have_parents = kind.has_parents or attributes.get("Include_Parent_Details") == "True"
    seen: dict[str, str] = {}
    items: dict[str, str] = {}
    for where, group in _named(groups):
        parent = json.dumps(group.get("Item_ID", {}), sort_keys=True)
        if parent in seen:
            yield Finding("two-groups", where, f"is the group of {seen[parent]}, too")
        seen.setdefault(parent, where)
        if "Item_ID" in group:
            yield from check_identifiers(where, group)
            if not may_have_parents:
                yield Finding("parent-not-listed", where, "has a parent without Include_Parent_Details")
            yield from _check_parent_type(where, group, kind)
        for item in group["Items"]:
            item_id = item["Item_ID"]["Proprietary"]
            if item_id in items:
                yield Finding("two-items", where, f"{item_id} is in {items[item_id]}, too")
            items[item_id] = where


def _check_parent_type(where: str, group: Document, kind: ReportKind) -> Iterator[Finding]:
    for item in group["Items"]:
        for performance in item["Attribute_Performance"]:
            data_type = performance.get("Data_Type") or kind.fixed["Data_Type"][0]
            if PARENT_TYPES.get(data_type) != group.get("Data_Type", PARENT_TYPES.get(data_type)):
                text = f"{item['Item_ID']['Proprietary']} is of type {data_type}, which has no such parent"
                yield Finding("wrong-parent", where, text)


def _check_metadata_is_listed(where: str, item: Document, header: Document, kind: ReportKind) -> Iterator[Finding]:
    listed = {*kind.described, *header.get("Report_Attributes", {}).get("Attributes_To_Show", ())}
    for name in METADATA_ATTRIBUTES:
        if name in item and name not in listed:
            yield Finding("not-listed", where, f"{name} is shown, and not in Attributes_To_Show")


def _check_performances(
    where: str, performances: Sequence[Document], header: Document, kind: ReportKind
) -> Iterator[Finding]:
    filters, attributes = header["Report_Filters"], header.get("Report_Attributes", {})
    months = months_between(filters["Begin_Date"][:7], filters["End_Date"][:7])
    allowed = set(months[:1] if attributes.get("Granularity") else months)
    listed = {*kind.shown, *attributes.get("Attributes_To_Show", ())} & set(PERFORMANCE_ATTRIBUTES)
    asked = filters.get("Metric_Type") or kind.metrics
    seen = set()
    for number, performance in enumerate(performances):
        position = f"{where}.Attribute_Performance[{number}]"
        values = {name: value for name, value in performance.items() if name != "Performance"}
        numbers = performance["Performance"]
        if set(values) != listed:
            differing = ", ".join(sorted(set(values) ^ listed))
            yield Finding("not-listed", position, f"Attributes_To_Show and what is shown differ in {differing}")
        key = tuple(sorted(values.items()))
        if key in seen:
            yield Finding("two-attribute-sets", position, "these attributes are there more than once")
        seen.add(key)
        for month in sorted({month for counts in numbers.values() for month in counts} - allowed):
            yield Finding("outside-period", position, f"{month} is not a month of the report")
        yield from _check_filters(position, values, numbers, filters)
        if (values.get("Data_Type") == PLATFORM_TYPE) != (SEARCHES in numbers) or set(numbers) > {SEARCHES}:
            yield Finding("platform-type", position, f"{SEARCHES} and the Data_Type {PLATFORM_TYPE} belong together")
        yield from check_numbers(position, numbers, asked)


def _check_filters(where: str, values: Document, numbers: Document, filters: Document) -> Iterator[Finding]:
    for name, value in values.items():
        if name in filters and not _matches(name, value, filters[name]):
            yield Finding("filtered", where, f"{name} {value} is left out by the filter")
    for metric in numbers:
        if metric not in filters.get("Metric_Type", (metric,)):
            yield Finding("filtered", where, f"{metric} is left out by the filter")


def _matches(name: str, value: str, allowed: Any) -> bool:
    if name == "YOP":
        ranges = (text.partition("-") for text in allowed)
        return any(first <= value <= (last or first) for first, _, last in ranges)
    return value in (allowed.split("|") if isinstance(allowed, str) else allowed)


def _named(groups: Sequence[Document]) -> list[tuple[str, Document]]:
    return [(f"Report_Items[{number}]", group) for number, group in enumerate(groups)]
