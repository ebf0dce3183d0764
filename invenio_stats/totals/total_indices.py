"""Create the indices that totals are written to, and map the package's fields in them."""

from collections.abc import Iterable, Mapping
from typing import Any

from invenio_stats.core import mappings
from invenio_stats.core.mappings import Field
from invenio_stats.search.aliases import split_for_urls
from invenio_stats.search.indices import add_fields, create_index


def ensure_totals_index(client: Any, index: str, alias: str, fields: dict[str, Field] | None = None) -> None:
    """Create an index for totals if it does not exist, and map the package's fields in it.

    `fields` are additional mappings, for an event type without index templates.
    """
    body = mappings.totals_body(alias, fields) if fields else None
    if not client.indices.exists(index=index):
        create_index(client, index, body, aliases={alias: {}})  # even if the index templates are not installed
    add_fields(client, index, {**mappings.TOTAL_FIELDS, **(fields or {})})


def complete(client: Any, indices: Iterable[str], fields: Mapping[str, Field]) -> set[str]:
    """Return the indices whose mappings have all these fields. An alias is never in the result, only index names."""
    bodies: dict[str, Any] = {}
    for part in split_for_urls(sorted(indices)):
        bodies.update(client.indices.get_mapping(index=part, ignore_unavailable=True))
    return {index for index, body in bodies.items() if fields.keys() <= body["mappings"].get("properties", {}).keys()}
