"""Types of fields, as the indices behind a name map them."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple


class FieldTypes(NamedTuple):
    """How some fields are mapped in some indices."""

    indices: list[str]
    types: Mapping[str, Mapping[str, list[str]]]
    """By field and type, the indices that map it so; a field that none of them maps is missing."""
    ungrouped: Mapping[str, list[str]]
    """By field, the indices that map it, but neither as text nor with doc values."""

    def unmapped(self, fields: Collection[str]) -> list[str]:
        """Return those of the fields that no index maps; none if there is no index."""
        return sorted(set(fields) - set(self.types)) if self.indices else []

    def not_grouped(self, fields: Collection[str]) -> list[str]:
        """Return those of the fields that some index does not let anything be grouped by, counted or added up by."""
        return sorted({*fields} & {*self.ungrouped})

    def is_text(self, field: str) -> bool:
        """Return True if some index maps the field as text."""
        return "text" in self.types.get(field, {})

    def of_type(self, type_name: str) -> dict[str, list[str]]:
        """Return the fields that are mapped as a type anywhere, each with the indices."""
        return {name: found[type_name] for name, found in sorted(self.types.items()) if type_name in found}


def read_field_types(client: Any, where: str, fields: Collection[str]) -> FieldTypes:
    """Ask in one request how the indices behind a name map these fields."""
    answer = client.field_caps(
        index=where, fields=",".join(sorted(fields)), ignore_unavailable=True, allow_no_indices=True
    )
    indices = sorted(answer.get("indices", ()))
    types = {
        name: {kind: sorted(about.get("indices") or indices) for kind, about in found.items() if kind != "unmapped"}
        for name, found in answer.get("fields", {}).items()
    }
    ungrouped = {
        name: sorted(lacking)
        for name, found in answer.get("fields", {}).items()
        if (lacking := {index for kind, about in found.items() for index in _without_doc_values(kind, about, indices)})
    }
    return FieldTypes(indices, types, ungrouped)


def _without_doc_values(kind: str, about: Mapping[str, Any], indices: list[str]) -> list[str]:
    if kind in ("unmapped", "text", "object") or about.get("aggregatable", True):
        return []
    return list(about.get("non_aggregatable_indices") or about.get("indices") or indices)
