"""Documents: what is read from an event and copied into a total."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from invenio_search.engine import dsl

Copy = str | Callable[[Any, Any], Any]
"""A field of the event, 'a.b' for one inside another, or `(event, total) -> value`."""


class Document(dsl.AttrDict):  # type: ignore[misc]
    """A document whose fields are read as `doc.field`, `doc["field"]` or `doc.get("field")`."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return a field, or the default where there is none."""
        try:
            return self[key]
        except KeyError:
            return default


def copied_fields(copies: Mapping[str, Copy]) -> tuple[str, ...] | None:
    """Return which fields of an event are read: those that are named, or None, all of them, for a function's sake."""
    if any(callable(source) for source in copies.values()):
        return None
    return tuple(sorted({str(source) for source in copies.values()}))


def copy(copies: Mapping[str, Copy], event: Mapping[str, Any], total: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a total takes over from its newest event; what is not there, or None, is left out."""
    values = {
        name: plain(source(Document(event), Document(total))) if callable(source) else value_at(event, source)
        for name, source in copies.items()
    }
    return {name: value for name, value in values.items() if value is not None}


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Return the value of a field, also of one inside another; None where there is none."""
    if path in document or "." not in path:
        return document.get(path)
    name, _, inner = path.partition(".")
    part = document.get(name)
    return value_at(part, inner) if isinstance(part, Mapping) else None


def plain(value: Any) -> Any:
    """Return a value as it is after a trip through JSON, so that it compares equal to what was stored."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, (dsl.AttrDict, Mapping)):
        fields = value.to_dict() if isinstance(value, dsl.AttrDict) else value
        return {name: plain(field) for name, field in fields.items()}
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value))
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return value
    return [plain(item) for item in value]
