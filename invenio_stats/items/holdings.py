"""Select the holdings of a repository: its published, not deleted records as they are now, all versions one."""

from typing import Any, NamedTuple

from sqlalchemy import String, case, cast, column, func, literal_column
from sqlalchemy.dialects.postgresql import JSONB


class Holdings(NamedTuple):
    """Two selections, each a subquery of SQLAlchemy."""

    records: Any
    """One row for each holding: `record` (its id), `access_status`, `resource_type`, `publication_date` (text), `day`
    (of its first publication here, in UTC, as `yyyy-mm-dd`), `owner` (id of a user, text), `files` and `bytes` of its
    newest version. What is not known is NULL."""
    memberships: Any
    """One row for each holding and community that it belongs to: `record`, `community` (the label, text)."""


def dialect_of_database() -> str:
    """Return SQLAlchemy's name of the kind of database."""
    from invenio_db import db

    return str(db.engine.dialect.name)


def utc_day(dialect: str, column: Any) -> Any:
    """Return the day of a moment in UTC as text, whether the column has a time zone or not."""
    if dialect != "postgresql":
        return func.substr(cast(column, String), 1, 10)
    return case(
        (
            cast(func.pg_typeof(column), String) == "timestamp with time zone",
            func.to_char(func.timezone("UTC", column), "YYYY-MM-DD"),
        ),
        else_=func.to_char(column, "YYYY-MM-DD"),
    )


def elements(dialect: str, json_column: Any, key: str) -> Any:
    """Return a table whose column `value` has the elements of a list in a JSON object, as text; empty for no list."""
    if dialect != "postgresql":
        path = f'$."{key}"'
        is_list = func.json_type(json_column, path) == "array"
        listed = case((is_list, func.json_extract(json_column, path)), else_="[]")
        return func.json_each(listed).table_valued(column("value"))
    listed = cast(json_column, JSONB)[key]
    safe = case((func.jsonb_typeof(listed) == "array", listed), else_=literal_column("'[]'::jsonb"))
    return func.jsonb_array_elements_text(safe).table_valued(column("value"))
