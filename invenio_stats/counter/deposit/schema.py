"""The JSON Schema of a usage report of datasets, release rd1: what DataCite's usage reports service accepts."""

from collections.abc import Mapping, Sequence
from typing import Any

METRICS: Mapping[str, str] = {
    "total-dataset-investigations": "total_item_investigations",
    "total-dataset-requests": "total_item_requests",
    "unique-dataset-investigations": "unique_item_investigations",
    "unique-dataset-requests": "unique_item_requests",
}
"""By metric-type of the report: the field of a month's usage."""

ACCESS_METHODS: Mapping[str, str] = {"Regular": "regular", "TDM": "machine"}
"""By COUNTER's Access_Method: the access-method of the report, in its order."""

COMPRESSED: Mapping[str, Any] = {
    "code": 69,
    "severity": "warning",
    "message": "report is compressed using gzip",
    "help-url": "https://github.com/datacite/sashimi",
    "data": "usage data needs to be uncompressed",
}
"""The exception in the header of each part of a report that is sent in parts."""

_TEXT = {"type": "string"}
_DATE = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"}


def _object(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _typed_values(*types: str) -> dict[str, Any]:
    """Return the schema of a list of `{"type", "value"}`."""
    return {"type": "array", "items": _object({"type": {"enum": list(types)}, "value": _TEXT}, ["type", "value"])}


_PERIOD = _object({"begin-date": _DATE, "end-date": _DATE}, ["begin-date", "end-date"])

_INSTANCE = _object(
    {
        "metric-type": {"enum": list(METRICS)},
        "access-method": {"enum": list(ACCESS_METHODS.values())},
        "count": {"type": "integer", "minimum": 1},
    },
    ["metric-type", "access-method", "count"],
)

_PERFORMANCE = _object(
    {"period": _PERIOD, "instance": {"type": "array", "items": _INSTANCE, "minItems": 1}}, ["period", "instance"]
)

_DATASET = _object(
    {
        "dataset-title": _TEXT,
        "dataset-id": {**_typed_values("doi", "proprietary", "uri"), "minItems": 1},
        "dataset-contributors": _typed_values("name", "orcid", "isni"),
        "dataset-dates": _typed_values("pub-date"),
        "platform": _TEXT,
        "publisher": _TEXT,
        "publisher-id": _typed_values("client-id", "grid", "isni", "orcid", "urn"),
        "data-type": {"const": "dataset"},
        "yop": {"type": "string", "pattern": "^[0-9]{4}$"},
        "uri": _TEXT,
        "performance": {"type": "array", "items": _PERFORMANCE, "minItems": 1},
    },
    ["dataset-title", "platform", "publisher", "publisher-id", "data-type", "performance"],
)

_EXCEPTION = _object(
    {
        "code": {"type": "integer"},
        "severity": {"enum": ["debug", "warning", "error", "fatal"]},
        "message": _TEXT,
        "help-url": _TEXT,
        "data": _TEXT,
    },
    ["code", "severity", "message"],
)

_HEADER = _object(
    {
        "report-name": {"const": "dataset report"},
        "report-id": {"const": "DSR"},
        "release": {"const": "rd1"},
        "created": _DATE,
        "created-by": _TEXT,
        "reporting-period": _PERIOD,
        "report-filters": {"type": "array"},
        "report-attributes": {"type": "array"},
        "exceptions": {"type": "array", "items": _EXCEPTION},
    },
    ["report-name", "report-id", "release", "created-by", "reporting-period"],
)

REPORT_SCHEMA: Mapping[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_object(
        {"report-header": _HEADER, "report-datasets": {"type": "array", "items": _DATASET, "maxItems": 50_000}},
        ["report-header", "report-datasets"],
    ),
}
"""A report, or one part of it. It is stricter than the service where COUNTER's rules are: no zeros."""
