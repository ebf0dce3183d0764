"""Select the holdings in the table of plain Invenio records."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, String, cast, column, func, select, table, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy_utils.types import UUIDType

from invenio_stats.items.holdings import Holdings, elements, utc_day

RECORDS = table("records_metadata", column("id", UUIDType()), column("created", DateTime), column("json", JSON))
IDENTIFIERS = table(
    "pidstore_pid",
    column("pid_type", String),
    column("pid_value", String),
    column("status", String),
    column("object_type", String),
    column("object_uuid", UUIDType()),
)


def select_holdings(dialect: str, pid_type: str, owner_field: Sequence[str], files_field: str) -> Holdings:
    """Return the records with a registered identifier of a type; `record` is its value."""
    published = (
        select(IDENTIFIERS.c.pid_value.label("record"), RECORDS.c.json, RECORDS.c.created)
        .join_from(IDENTIFIERS, RECORDS, RECORDS.c.id == IDENTIFIERS.c.object_uuid)
        .where(
            IDENTIFIERS.c.pid_type == pid_type,
            IDENTIFIERS.c.status == "R",
            IDENTIFIERS.c.object_type == "rec",
            RECORDS.c.json.is_not(None),
        )
        .subquery("published")
    )
    json = published.c.json
    records = select(
        published.c.record,
        _first(json, ["access_status"], ["access_right"]).label("access_status"),
        _first(json, ["resource_type"], ["type"]).label("resource_type"),
        json["publication_date"].as_string().label("publication_date"),
        utc_day(dialect, published.c.created).label("day"),
        # A list of owners, or one owner; an empty list is none.
        func.nullif(cast(_first(json, [*owner_field, 0], owner_field), String), "[]").label("owner"),
        _count_files(dialect, json, files_field).label("files"),
        _sum_sizes(dialect, json, files_field).label("bytes"),
    )
    label = elements(dialect, json, "communities")
    memberships = select(published.c.record, label.c.value.label("community")).join_from(published, label, true())
    return Holdings(records.subquery("holdings"), memberships.subquery("memberships"))


def _first(json: Any, *paths: Sequence[str | int]) -> Any:
    return func.coalesce(*(json[tuple(path)].as_string() for path in paths))


def _count_files(dialect: str, json: Any, files_field: str) -> Any:
    return select(func.count()).select_from(elements(dialect, json, files_field)).scalar_subquery()


def _sum_sizes(dialect: str, json: Any, files_field: str) -> Any:
    file = elements(dialect, json, files_field)
    if dialect == "postgresql":
        size = cast(cast(file.c.value, JSONB)["size"].as_string(), BigInteger)
    else:
        size = func.json_extract(file.c.value, "$.size")
    return select(func.coalesce(func.sum(size), 0)).select_from(file).scalar_subquery()
