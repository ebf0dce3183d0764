"""Describe the parameters of configured queries as OpenAPI does: type, default and example of each."""

from typing import Any

from invenio_stats.core import periods
from invenio_stats.queries.description import describe
from invenio_stats.queries.parameters import INTERVALS, MAX_TEXT_CHARACTERS

Schema = dict[str, Any]

_DATE = {"type": "string", "format": "calendar-date", "pattern": r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS}

_KNOWN: dict[str, tuple[Schema, str, Any]] = {
    "start_date": (_DATE, "First day (UTC): a day, or the first one of a month or year.", "2026-01"),
    "end_date": (_DATE, "Last day (UTC): a day, or the first one of a month or year.", "2026-01-31"),
    "interval": ({"type": "string", "enum": list(INTERVALS)}, "Length of the steps.", "month"),
    "period": (
        {"type": "string", "enum": list(periods.PERIODS)},
        "A range of days, in place of `from` and `to`: the last 30 days, the last 12 whole months, this year, or all.",
        "12m",
    ),
    "from": (_DATE, "First day of the range (UTC): a day, or that of a month or year.", "2026-01"),
    "to": (_DATE, "Last day of the range (UTC): a day, or that of a month or year.", "2026-03"),
    "compare": (
        {"type": "string", "enum": ["before", "year", "none"]},
        "The range to compare with: the same length before, the year before, or none.",
        "year",
    ),
    "versions": (
        {"type": "string", "enum": ["all", "this"]},
        "Whether a record is all its versions, or each version is an item.",
        "all",
    ),
    "page": (
        {"type": "integer", "minimum": 1, "maximum": 100_000, "default": 1},
        "Page of a list; not together with `after`.",
        1,
    ),
    "size": ({"type": "integer", "minimum": 1, "maximum": 1_000, "default": 25}, "Rows of a page.", 10),
    "after": ({**_TEXT, "format": "position"}, "`next` of the answer before, for the rows that follow.", None),
    "record": (_TEXT, "Id of a version of a record, or of all its versions.", "abcde-12345"),
    "community": (_TEXT, "Slug or label of a community.", "physics"),
    "file": (_TEXT, "A file: `<record>/<key>`.", "abcde-12345/data.csv"),
    "user": (_TEXT, "Id of a user.", "7"),
}
"""By name of a parameter: its schema, what it means, and an example."""


def describe_parameters(query: Any) -> list[Schema]:
    """Return the parameters of a query as OpenAPI's Parameter Objects, required ones first."""
    found = describe(query)
    return [_describe(query, name, name in found.required) for name in (*found.required, *found.optional)]


def summarize(query: Any) -> str:
    """Return what a query answers, in one sentence."""
    return (type(query).__doc__ or "").strip().partition("\n")[0]


def list_orders(query: Any) -> tuple[str, ...]:
    """Return the values of `by`, the default first; none if the query has no order to choose."""
    return tuple(getattr(query, "orders", None) or getattr(getattr(query, "accepted", None), "by", ()))


def _describe(query: Any, name: str, is_required: bool) -> Schema:
    if name == "by" and (orders := list_orders(query)):
        known: tuple[Schema, str, Any] = ({"type": "string", "enum": list(orders)}, "Order of the list.", orders[0])
    else:
        known = _KNOWN.get(name, (_TEXT, "A value to filter by.", None))
    schema, description, example = known
    schema = getattr(query, "schemas", {}).get(name, schema)
    described = {"name": name, "in": "query", "required": is_required, "schema": schema, "description": description}
    return described if example is None else {**described, "example": example}
