"""Create indices, and add fields to their mappings."""

import logging
from collections.abc import Mapping
from typing import Any

from invenio_search.engine import search

from invenio_stats.core.mappings import Field
from invenio_stats.search.failures import is_alias_there, is_index_there, is_mapping_refused
from invenio_stats.search.index_templates import template_mappings

logger = logging.getLogger(__name__)


def create_index(
    client: Any, index: str, body: Mapping[str, Any] | None, aliases: Mapping[str, Any] | None = None
) -> bool:
    """Create an index, with the given body or else from index templates; return False if it exists already.

    Its aliases are made in the same request: were the connection lost between two, what is written to the index would
    be found by nobody. They go before those of the same name in body and templates.
    """
    if aliases:
        body = {**(body or {}), "aliases": {**(body or {}).get("aliases", {}), **aliases}}
    try:
        client.indices.create(index=index, body=body)
    except search.exceptions.RequestError as error:
        if not is_index_there(error) and not is_alias_there(error):
            raise
        return False
    return True


def add_fields(client: Any, index: str, fields: Mapping[str, Field]) -> frozenset[str]:
    """Map the fields that an index lacks; return those that documents must not have.

    These are the fields that cannot be added to a `strict` mapping, which would reject the documents.
    """
    found = _read_mappings(client, index)
    if not found.get("properties") and (template := template_mappings(index)):
        # Nobody has put the template into the engine, which would map a text so that queries fail.
        logger.warning(
            "An index was made without its template",
            extra={"index": index, "cure": "Run `invenio index init`; this index got its fields."},
        )
        client.indices.put_mapping(index=index, body=template)
        found = template
    missing = {name: field for name, field in fields.items() if name not in found.get("properties", {})}
    if not missing:
        return frozenset()
    try:
        client.indices.put_mapping(index=index, body={"properties": missing})
    except search.exceptions.TransportError as error:
        if not is_mapping_refused(error):
            raise
        is_strict = str(found.get("dynamic")).lower() == "strict"
        logger.warning(
            "An index rejects fields of this package",
            extra={"index": index, "fields": sorted(missing), "left_out": is_strict, "reason": error.error},
        )
        return frozenset(missing) if is_strict else frozenset()
    return frozenset()


def _read_mappings(client: Any, index: str) -> dict[str, Any]:
    mappings: dict[str, Any] = next(iter(client.indices.get_mapping(index=index).values()))["mappings"]
    return mappings
