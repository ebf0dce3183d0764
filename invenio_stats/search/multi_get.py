"""Read several documents by id in one request; documents are found even if a search does not find them yet."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from invenio_search.engine import search

from invenio_stats.errors import StatsError
from invenio_stats.search.failures import (
    SHARD_UNAVAILABLE,
    error_type,
    find_blocked_index,
    is_index_missing,
    is_shard_unavailable,
    status_of,
)
from invenio_stats.support.json_codec import encode

DocumentRef = Mapping[str, str]
"""A dict with `_index` and `_id` of a document."""
Found = Mapping[str, Any]
"""The engine's response for one document: `found`, `_source`, `_seq_no`, `_primary_term`."""


_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between the attempts while a shard is not started: when another process has just created its index."""


class UnreadableDocumentError(StatsError):
    """The engine answers, but cannot read a document: its index is closed, or its shard is not started."""


def read(client: Any, document_refs: Iterable[DocumentRef]) -> list[Found]:
    """Return the engine's response for each document; UnreadableDocumentError if one cannot be read.

    A document whose index does not exist is not found.
    """
    documents = read_open(client, document_refs)
    for document in documents:
        if (reason := unreadable(document)) is not None:
            raise UnreadableDocumentError(_explain(document, reason))
    return documents


def read_open(client: Any, document_refs: Iterable[DocumentRef]) -> list[Found]:
    """Return the engine's response for each document, also if its index is closed or blocked: see `unreadable`.

    UnreadableDocumentError if one cannot be read for a reason that may pass by itself.
    """
    body = encode({"docs": list(document_refs)})
    documents: list[Found] = client.mget(body=body)["docs"]
    for pause in _PAUSES:
        if not any(is_shard_unavailable(document) for document in documents):
            break
        time.sleep(pause)
        documents = client.mget(body=body)["docs"]
    for document in documents:
        if (reason := unreadable(document)) is not None:
            blocked = find_blocked_index(document)
            if blocked is None or not blocked.is_lasting:
                raise UnreadableDocumentError(_explain(document, reason))
    return documents


def _explain(document: Found, reason: str) -> str:
    index = f" (index {document['_index']})" if "_index" in document else ""
    return (
        f"The search engine cannot read a document: {reason}{index}. Open the index, lift its block, or wait until its "
        "shard is started."
    )


def unreadable(document: Found) -> str | None:
    """Return why a document cannot be read, as the type of the error; None if it is found or does not exist."""
    return error_type(document) if document.get("error") and not is_index_missing(document) else None


def read_one(client: Any, index: str, document_id: str) -> Found:
    """Return what the engine says of one document; the client's exception where it cannot say it."""
    for pause in _PAUSES:
        try:
            found: Found = client.get(index=index, id=document_id, ignore=[404])
        except search.exceptions.TransportError as error:
            if status_of(error) != SHARD_UNAVAILABLE:
                raise
            time.sleep(pause)
        else:
            return found
    last: Found = client.get(index=index, id=document_id, ignore=[404])
    return last
