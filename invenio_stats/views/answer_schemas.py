"""Describe the answers of each kind of query, and errors, as JSON Schemas."""

from typing import Any

from invenio_stats.queries import DateHistogramQuery, TermsQuery
from invenio_stats.queries.usage.answers import UsageQuery, UsageSeriesQuery, UsageTotalQuery
from invenio_stats.queries.usage.lists import UsageListQuery
from invenio_stats.queries.usage.open_ratio import OpenRatioQuery

Schema = dict[str, Any]


def _object(required: Schema, **optional: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _also(name: str, required: Schema, **optional: Schema) -> Schema:
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}, _object(required, **optional)]}


_TEXT: Schema = {"type": "string"}
_NO_TEXT: Schema = {"type": ["string", "null"]}
_DAY: Schema = {"type": "string", "format": "date"}
_NO_DAY: Schema = {
    "type": ["string", "null"],
    "format": "date",
    "description": "null if a breakdown is asked of days without a whole month.",
}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NO_COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
_STATE: Schema = {"enum": ["whole", "running", "gap", "before"]}
_BEFORE: Schema = {"type": ["object", "null"], "description": "The same numbers in the range to compare with."}
_METRICS = {name: _NO_COUNT for name in ("views", "unique_views", "downloads", "unique_downloads", "volume")}
_GAP = _object({"from": _DAY, "to": _DAY, "event_type": _NO_TEXT, "reason": _TEXT})
_BY_STATUS: Schema = {"type": "object", "additionalProperties": _COUNT}
_SHARES: Schema = {"type": ["object", "null"], "additionalProperties": {"type": "number"}}
_ABOUT = {
    "query": _TEXT,
    "params": {"type": "object"},
    "updated": {"type": ["string", "null"], "format": "date-time"},
    "complete": {"type": "boolean"},
    "gaps": _list_of(_GAP),
}

_MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}


def _by_name(facts: Schema) -> Schema:
    """Return the schema of a part of the pipeline's health; it is null if nobody could be asked."""
    return {"type": ["object", "null"], "additionalProperties": facts}


_WAITING = {"waiting": _COUNT, "oldest_waiting": _MOMENT}
_PROBLEM = _object({"kind": _TEXT, "name": _TEXT, "message": _TEXT})
_RUN = _object({"last_run": {"type": ["object", "null"]}, "late": {"type": "boolean"}})
_OF_TOTALS = {
    "bookmark": _MOMENT,
    "lag_seconds": _NO_COUNT,
    "first_complete_day": {"type": ["string", "null"], "format": "date"},
    "quarantined": _COUNT,
}

SCHEMAS: dict[str, Schema] = {
    "Error": _object({"status": {"type": "integer"}, "message": _TEXT}),
    "Health": _object(
        {
            "status": {"enum": ["ok", "failing"]},
            "checked": {"type": "string", "format": "date-time"},
            "problems": _list_of(_PROBLEM),
            "warnings": _list_of(_PROBLEM),
            "queues": _by_name(_object({**_WAITING, "failed": _COUNT})),
            "spool": {**_object({**_WAITING, "rejected": _COUNT, "refused": _COUNT}), "type": ["object", "null"]},
            "totals": _by_name(_object(_OF_TOTALS)),
            "runs": _by_name({"type": "object", "additionalProperties": _RUN}),
            "outcomes": _by_name({"type": "object", "additionalProperties": _COUNT}),
        }
    ),
    "Answer": {"type": "object"},
    "Histogram": _object(
        {
            "interval": _TEXT,
            "key_type": {"const": "date"},
            "start_date": _NO_TEXT,
            "end_date": _NO_TEXT,
            "buckets": _list_of(_object({"key": {"type": "integer"}, "date": _TEXT})),
        }
    ),
    "Total": _object(
        {"start_date": _NO_TEXT, "end_date": _NO_TEXT},
        type={"const": "bucket"},
        field=_TEXT,
        key_type={"const": "terms"},
        buckets=_list_of({"type": "object", "required": ["key"]}),
    ),
    "Usage": _object({**_ABOUT, "from": _NO_DAY, "to": _NO_DAY, "rules": _TEXT}),
    "UsageTotal": _also("Usage", {**_METRICS, "before": _BEFORE}),
    "UsageSeries": _also(
        "Usage", {"points": _list_of(_object({"date": _DAY, "state": _STATE, **_METRICS, "before": _BEFORE}))}
    ),
    "UsageList": _also(
        "Usage",
        {
            "count": _COUNT,
            "about": {"type": "boolean", "description": "Whether `count` is an estimate."},
            "rows": _list_of(
                _object(
                    {"rank": _COUNT, "id": _NO_TEXT, "title": _NO_TEXT, "url": _NO_TEXT, **_METRICS, "before": _BEFORE},
                    months=_list_of(_COUNT),
                )
            ),
            "next": _NO_TEXT,
        },
    ),
    "OpenRatio": _also(
        "Usage",
        {
            "points": _list_of(_object({"date": _DAY, "state": _STATE, "requests": _BY_STATUS, "shares": _SHARES})),
            "requests": _BY_STATUS,
            "shares": _SHARES,
        },
        holdings={
            **_object({"records": _BY_STATUS, "shares": _SHARES, "unknown": _COUNT, "updated": _TEXT}),
            "type": ["object", "null"],
            "description": "Of the repository or a community, as of now; null without a database, or if it is away.",
        },
        holdings_error={**_NO_TEXT, "description": "Why `holdings` is null although there is a database."},
    ),
    "Database": _object(
        _ABOUT,
        count=_COUNT,
        rows=_list_of(_object({"rank": _COUNT, "id": _NO_TEXT})),
        unknown=_COUNT,
        next=_NO_TEXT,
        points=_list_of(_object({"date": _DAY, "state": _STATE, "records": _COUNT, "uploaders": _COUNT})),
    ),
}
"""By name, for `components/schemas`."""

_NAMES: list[tuple[type, str]] = [
    (DateHistogramQuery, "Histogram"),
    (TermsQuery, "Total"),
    (UsageTotalQuery, "UsageTotal"),
    (UsageSeriesQuery, "UsageSeries"),
    (UsageListQuery, "UsageList"),
    (OpenRatioQuery, "OpenRatio"),
    (UsageQuery, "Usage"),
]


def schema_of(query: Any) -> str:
    """Return the name of the schema of a query's answers; `Answer` is any object."""
    if type(query).run not in (DateHistogramQuery.run, TermsQuery.run, UsageQuery.run):
        return "Database" if hasattr(query, "statement") else "Answer"  # its module needs a database
    return next(name for cls, name in _NAMES if isinstance(query, cls))
