"""Total indices: those that totals are written to exist, and know our fields."""

from collections.abc import Iterable, Mapping
from typing import Any

from invenio_stats.core import mappings
from invenio_stats.core.mappings import Field
from invenio_stats.search.aliases import in_urls
from invenio_stats.search.indices import add_fields, create_index


def ensure_totals_index(client: Any, index: str, alias: str, fields: dict[str, Field] | None = None) -> None:
    """Make the index that totals are written to, unless it is there, and map our fields in it.

    `fields` are those of an event type without templates of its own.
    """
    body = mappings.totals_body(alias, fields) if fields else None
    if not client.indices.exists(index=index):
        create_index(client, index, body, aliases={alias: {}})  # also where the templates have not been placed
    add_fields(client, index, {**mappings.TOTAL_FIELDS, **(fields or {})})


def complete(client: Any, indices: Iterable[str], fields: Mapping[str, Field]) -> set[str]:
    """Return those of the indices that know all these fields; of other names of an index nothing is said."""
    found: dict[str, Any] = {}
    for part in in_urls(sorted(indices)):
        found.update(client.indices.get_mapping(index=part, ignore_unavailable=True))
    return {index for index, body in found.items() if fields.keys() <= body["mappings"].get("properties", {}).keys()}
