"""Reading documents by id, several in one request: what was written a moment ago is there, searchable or not."""

from collections.abc import Iterable, Mapping
from typing import Any

from invenio_stats.errors import StatsError
from invenio_stats.search.failures import error_type, is_index_missing
from invenio_stats.support.json_codec import encode

DocumentRef = Mapping[str, str]
"""`_index` and `_id` of a document."""
Found = Mapping[str, Any]
"""What the engine says of a document: `found`, `_source`, `_seq_no`, `_primary_term`."""


def read(client: Any, document_refs: Iterable[DocumentRef]) -> list[Found]:
    """Return what the engine says of each document; StatsError where it cannot say it.

    One whose index is not there yet is not found.
    """
    documents: list[Found] = client.mget(body=encode({"docs": list(document_refs)}))["docs"]
    for document in documents:
        if document.get("error") and not is_index_missing(document):
            raise StatsError(f"The search engine cannot read a document: {error_type(document)}.")
    return documents
