"""The index of what is known about completeness: one document for each fact, read by its id only."""

from functools import partial
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import Found
from invenio_stats.search.versions import SharedDocument

_BODY: mappings.Body = {
    "settings": mappings.INDEX_SETTINGS,
    "mappings": {
        "dynamic": False,
        "properties": {"event_type": mappings.KEYWORD, "first_complete_day": mappings.STAMP},
    },
}
"""Other fields are stored, and nothing searches for them: an index of an earlier state needs no change."""


def document_ref(document_id: str) -> dict[str, str]:
    """Return index and id of a document."""
    return {"_index": prefix_index(names.COMPLETENESS), "_id": document_id}


def ensure_index(client: Any) -> None:
    """Create the index if it does not exist."""
    create_index(client, prefix_index(names.COMPLETENESS), _BODY)


def shared_document(client: Any, document_id: str, found: Found | None = None) -> SharedDocument:
    """Return a document that several processes change; it is read, unless it has just been read as `found`."""
    index = prefix_index(names.COMPLETENESS)
    return SharedDocument(client, index, document_id, partial(ensure_index, client), found)
