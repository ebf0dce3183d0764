"""Read several documents by id in one request; documents are found even if a search does not find them yet."""

from collections.abc import Iterable, Mapping
from typing import Any

from invenio_stats.errors import StatsError
from invenio_stats.search.failures import error_type, is_index_missing
from invenio_stats.support.json_codec import encode

DocumentRef = Mapping[str, str]
"""A dict with `_index` and `_id` of a document."""
Found = Mapping[str, Any]
"""The engine's response for one document: `found`, `_source`, `_seq_no`, `_primary_term`."""


def read(client: Any, document_refs: Iterable[DocumentRef]) -> list[Found]:
    """Return the engine's response for each document; StatsError if a document cannot be read.

    A document whose index does not exist is not found.
    """
    documents: list[Found] = client.mget(body=encode({"docs": list(document_refs)}))["docs"]
    for document in documents:
        if document.get("error") and not is_index_missing(document):
            raise StatsError(f"The search engine cannot read a document: {error_type(document)}.")
    return documents
