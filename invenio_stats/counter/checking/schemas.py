"""JSON Schemas of all that COUNTER's API answers, made from the tables of its reports and exceptions."""

from collections.abc import Iterable
from typing import Any

from invenio_stats.core.counter_exceptions import KINDS
from invenio_stats.core.counter_reports import (
    ARTICLE_VERSIONS,
    COUNTRY,
    METADATA_ATTRIBUTES,
    PERFORMANCE_ATTRIBUTES,
    RELEASE,
    REPORTS,
    ReportKind,
)
from invenio_stats.core.customers import NAMESPACES
from invenio_stats.core.data_types import PARENT_TYPES

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_MONTH = "[0-9]{4}-(0[1-9]|1[0-2])"
_DAY = f"{_MONTH}-(0[1-9]|[12][0-9]|3[01])"
_PLATFORM_ID = "[A-Za-z0-9_./]{1,17}"

_TEXT: Schema = {"type": "string"}
_WORDS: Schema = {"type": "string", "minLength": 1}


def _pattern(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": items}


def _object(required: Schema, optional: Schema | None = None, **others: Any) -> Schema:
    """Return the schema of an object that has these properties, and no other."""
    properties = {**required, **(optional or {})}
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        **others,
    }


_MOMENT = _pattern(f"{_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
_ISNI = _pattern("[0-9]{15}[0-9X]")
_ORCID = _pattern("[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]")
_ISSN = _pattern("[0-9]{4}-[0-9]{3}[0-9X]")
_ROR = _pattern("0[a-z0-9]{6}[0-9]{2}")
_PROPRIETARY = _pattern(f"{_PLATFORM_ID}:.+")
_REGISTRY = "https://registry\\.countermetrics\\.org/platform/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_ITEM_ID: Schema = {
    "DOI": _pattern("10\\.[0-9]{4,9}(\\.[0-9]+)*/\\S+"),
    "Proprietary": _PROPRIETARY,
    "ISBN": {**_pattern("97[89]-[0-9]+-[0-9]+-[0-9]+-[0-9]"), "minLength": 17, "maxLength": 17},
    "Print_ISSN": _ISSN,
    "Online_ISSN": _ISSN,
    "URI": _pattern("[A-Za-z][A-Za-z0-9+.-]*:\\S+"),
}
_INSTITUTION_ID = _object(
    {},
    {
        **{namespace: _list(_WORDS) for namespace in NAMESPACES},
        "ISNI": _list(_ISNI),
        "ROR": _list(_ROR),
        "Proprietary": _list(_PROPRIETARY),
    },
    minProperties=1,
)
_PUBLISHER_ID = _object(
    {}, {"ISNI": _list(_ISNI), "ROR": _list(_ROR), "Proprietary": _list(_PROPRIETARY)}, minProperties=1
)
_AUTHOR = _object({"Name": {"type": "string", "minLength": 2}}, {"ORCID": _ORCID, "ISNI": _ISNI}, maxProperties=2)
_METADATA: Schema = {
    "Authors": {**_list(_AUTHOR), "maxItems": 3},
    "Publication_Date": _pattern(_DAY),
    "Article_Version": {"enum": list(ARTICLE_VERSIONS)},
}
_YOP = _pattern("[0-9]{4}")
_COUNTRY = _pattern("[A-Z]{2}")
_FREE_FILTERS: Schema = {
    "YOP": _list(_pattern("[0-9]{4}(-[0-9]{4})?")),
    "Item_ID": _WORDS,
    COUNTRY: _pattern("[A-Z]{2}(\\|[A-Z]{2})*"),
}


def report_schema(report_id: str) -> Schema:
    """Return the schema of a report."""
    kind = REPORTS[report_id]
    items = _group(kind) if kind.has_items else _object({"Platform": _WORDS, **_performances(kind)})
    report = _object({"Report_Header": _header(kind), "Report_Items": {"type": "array", "items": items}})
    return {"$schema": DIALECT, "title": kind.name, **report}


def exception_schema() -> Schema:
    """Return the schema of an answer that is one exception."""
    return {"$schema": DIALECT, "title": "Exception", **_exception(KINDS)}


def status_schema() -> Schema:
    """Return the schema of /status."""
    alert = _object({"Date_Time": _MOMENT, "Alert": _WORDS})
    status = _object(
        {"Service_Active": {"type": "boolean"}},
        {"Description": _WORDS, "Registry_Record": _pattern(_REGISTRY), "Note": _WORDS, "Alerts": _list(alert)},
    )
    return _listing("Status", status, minItems=1)


def members_schema() -> Schema:
    """Return the schema of /members."""
    member = _object(
        {"Institution_Name": _WORDS, "Customer_ID": _WORDS},
        {"Institution_ID": _INSTITUTION_ID, "Requestor_ID": _WORDS, "Notes": _WORDS},
    )
    return _listing("Members", member, minItems=1)


def reports_schema() -> Schema:
    """Return the schema of /reports."""
    month = _pattern(_MONTH)
    details = {
        "type": "object",
        "propertyNames": month,
        "additionalProperties": _object({"Last_Change_Date": _MOMENT}, {"Last_Change_Note": _WORDS}),
    }
    offers = [
        _object(
            {
                "Report_Name": {"const": kind.name},
                "Report_ID": {"const": kind.report_id},
                "Release": {"const": RELEASE},
                "Report_Description": _WORDS,
                "First_Month_Available": month,
                "Last_Month_Available": month,
            },
            {"Path": _WORDS, "Month_Details": details},
        )
        for kind in REPORTS.values()
    ]
    return _listing("Reports", {"anyOf": offers}, uniqueItems=True)


def all_schemas() -> dict[str, Schema]:
    """Return all schemas: of reports by Report_ID, of the others as `status`, `members`, `reports`, `exception`."""
    return {
        **{report_id: report_schema(report_id) for report_id in REPORTS},
        "status": status_schema(),
        "members": members_schema(),
        "reports": reports_schema(),
        "exception": exception_schema(),
    }


def _listing(title: str, items: Schema, **others: Any) -> Schema:
    return {"$schema": DIALECT, "title": title, "type": "array", "items": items, **others}


def _exception(codes: Iterable[int]) -> Schema:
    """Return the schema of an exception with one of these codes: its message, and Data where it is needed."""
    choices = []
    for code in codes:
        kind = KINDS[code]
        needed = {"Data": _WORDS} if kind.needs_data else {}
        fields = {"Code": {"const": code}, "Message": {"const": kind.message}, **needed}
        choices.append(_object(fields, {"Data": _WORDS, "Help_URL": _WORDS}))
    return {"anyOf": choices}


def _header(kind: ReportKind) -> Schema:
    """Return the schema of the header."""
    required = {
        "Report_Name": {"const": kind.name},
        "Report_ID": {"const": kind.report_id},
        "Release": {"const": RELEASE},
        "Institution_Name": _WORDS,
        "Institution_ID": _INSTITUTION_ID,
        "Report_Filters": _filters(kind),
        "Created": _MOMENT,
        "Created_By": _WORDS,
        "Registry_Record": _pattern(f"|{_REGISTRY}"),
    }
    in_header = [code for code, exception in KINDS.items() if exception.status == 200]
    optional: Schema = {"Exceptions": _list(_exception(in_header))}
    if not kind.is_view:
        optional["Report_Attributes"] = _attributes(kind)
    return _object(required, optional)


def _filters(kind: ReportKind) -> Schema:
    dates: Schema = {"Begin_Date": _pattern(f"{_MONTH}-01"), "End_Date": _pattern(_DAY)}
    fixed = {name: {"const": list(values)} for name, values in kind.fixed.items()}
    chosen = {
        name: _list({"enum": list(values)}) if values else _FREE_FILTERS[name] for name, values in kind.filters.items()
    }
    return _object({**fixed, **dates}, chosen)


def _attributes(kind: ReportKind) -> Schema:
    parents = {"Include_Parent_Details": {"const": "True"}} if kind.has_items else {}
    shown = _list({"enum": list(kind.attributes)})
    return _object({}, {"Attributes_To_Show": shown, "Granularity": {"const": "Totals"}, **parents}, minProperties=1)


def _group(kind: ReportKind) -> Schema:
    """Return the schema of what a report of items has in its list: a parent with items, or items without a parent."""
    items = _list(_item(kind))
    alone = _object({"Items": items})
    if not kind.parent_fields:
        return alone
    namespaces = {name: _ITEM_ID[name] for name in kind.item_ids}
    required: Schema = {"Item_ID": _object({}, namespaces, minProperties=1), "Items": items}
    if "Parent_Data_Type" in kind.parent_fields:
        required["Data_Type"] = {"enum": sorted(set(PARENT_TYPES.values()))}
    described = {name: schema for name, schema in _METADATA.items() if f"Parent_{name}" in kind.parent_fields}
    return {"anyOf": [alone, _object(required, {"Title": _WORDS, **described})]}


def _item(kind: ReportKind) -> Schema:
    shown = {*kind.described, *kind.attributes} & set(METADATA_ATTRIBUTES)
    identifiers = {name: _ITEM_ID[name] for name in kind.item_ids}
    required = {"Proprietary": identifiers.pop("Proprietary")}
    return _object(
        {
            "Item": _TEXT,
            "Publisher": _TEXT,
            "Platform": _WORDS,
            "Item_ID": _object(required, identifiers),
            **_performances(kind),
        },
        {"Publisher_ID": _PUBLISHER_ID, **{name: _METADATA[name] for name in METADATA_ATTRIBUTES if name in shown}},
    )


def _performances(kind: ReportKind) -> Schema:
    counts = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": _pattern(_MONTH),
        "additionalProperties": {"type": "integer", "minimum": 1},
    }
    numbers = _object({}, dict.fromkeys(kind.metrics, counts), minProperties=1)
    values = {
        "Data_Type": {"enum": list(kind.filters.get("Data_Type") or kind.fixed.get("Data_Type") or _all_types(kind))},
        "YOP": _YOP,
        "Access_Type": {"enum": list(REPORTS["IR"].filters["Access_Type"])},
        "Access_Method": {"enum": list(REPORTS["PR"].filters["Access_Method"])},
        COUNTRY: _COUNTRY,
    }
    always = {name: values[name] for name in kind.shown}
    chosen = {name: values[name] for name in PERFORMANCE_ATTRIBUTES if name in kind.attributes}
    return {"Attribute_Performance": _list(_object({**always, "Performance": numbers}, chosen))}


def _all_types(kind: ReportKind) -> tuple[str, ...]:
    """Return the Data_Types of a view that does not choose among them."""
    return REPORTS["IR" if kind.has_items else "PR"].filters["Data_Type"]
