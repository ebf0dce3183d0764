"""Know the formats of files, their names, and which rows they have."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from invenio_stats.exports import xlsx
from invenio_stats.items.access import Identity

MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""By format."""

_PAGING = {"page", "size", "after"}


def formats() -> list[str]:
    """Return the formats that can be written; XLSX needs the extra of that name."""
    return [name for name in MEDIA_TYPES if name != "xlsx" or xlsx.is_available()]


def file_name(query_name: str, about: Mapping[str, Any], extension: str) -> str:
    """Return the name of a file: `stats-record-files-2026-01-01-2026-03-31.csv`, with one date for a single day.

    It has no dates if the answer has none.
    """
    dates = [about.get("from") or about.get("start_date"), about.get("to") or about.get("end_date")]
    parts = ["stats", query_name, *dict.fromkeys(str(date)[:10] for date in dates if date)]
    return re.sub(r"[^\w.-]+", "-", "-".join(parts), flags=re.ASCII) + f".{extension}"


def is_in_parts(query: Any, params: Mapping[str, Any]) -> bool:
    """Return True if a file has the whole list: the query has pages, and none is asked for."""
    return hasattr(query, "parts") and "after" in query.optional_filters and not _PAGING & params.keys()


def fetch_parts(query: Any, params: Mapping[str, Any], identity: Identity, limit: int) -> Iterator[Mapping[str, Any]]:
    """Yield the answer for a file; a list in parts, InvalidRequestInputError if it has more rows than the limit."""
    if is_in_parts(query, params):
        yield from query.parts(params, identity, limit)
    else:
        yield ask(query, params, identity)


def ask(query: Any, params: Mapping[str, Any], identity: Identity) -> Mapping[str, Any]:
    """Return the answer to somebody; queries that know nothing of identities have one for all."""
    return query.answer(params, identity) if hasattr(query, "answer") else query.run(**params)  # type: ignore[no-any-return]
