"""Copy fields of the newest event into a total."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from invenio_search.engine import dsl

Copy = str | Callable[[Any, Any], Any]
"""A field of the event, 'a.b' for a nested field, or `(event, total) -> value`."""


class Document(dsl.AttrDict):  # type: ignore[misc]
    """A document whose fields are read as `doc.field`, `doc["field"]` or `doc.get("field")`."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a field, or the default if the document does not have it."""
        try:
            return self[key]
        except KeyError:
            return default


def copied_fields(copies: Mapping[str, Copy]) -> tuple[str, ...] | None:
    """Return the fields of an event that are read; None, for all of them, if a function computes one of the copies."""
    if any(callable(source) for source in copies.values()):
        return None
    return tuple(sorted({str(source) for source in copies.values()}))


def copy(copies: Mapping[str, Copy], event: Mapping[str, Any], total: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a total copies from its newest event, without those that are missing or None."""
    values = {
        name: plain(source(Document(event), Document(total))) if callable(source) else value_at(event, source)
        for name, source in copies.items()
    }
    return {name: value for name, value in values.items() if value is not None}


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Return the value of a field, which may be nested; None if the document does not have it."""
    if path in document or "." not in path:
        return document.get(path)
    name, _, inner = path.partition(".")
    part = document.get(name)
    return value_at(part, inner) if isinstance(part, Mapping) else None


def plain(value: Any) -> Any:
    """Return a value as JSON encodes and decodes it, so that it compares equal to the stored value."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, (dsl.AttrDict, Mapping)):
        fields = value.to_dict() if isinstance(value, dsl.AttrDict) else value
        return {name: plain(field) for name, field in fields.items()}
    if isinstance(value, date):  # or a datetime, which is a subclass
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value))
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return value
    return [plain(item) for item in value]
