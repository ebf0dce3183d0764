"""Read all documents of an index, page by page."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from invenio_search.engine import search

logger = logging.getLogger(__name__)

PAGE_SIZE = 1_000
"""Documents in one response."""

T = TypeVar("T")


def scan(client: Any, index: str, query: Mapping[str, Any] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield id and fields of all searchable documents of an index, or of those that match a query.

    The order is undefined, and memory is bounded. An error is raised if a shard cannot respond.
    """
    for hit in hits(client, index, query):
        yield hit["_id"], hit["_source"]


def hits(
    client: Any,
    index: str,
    query: Mapping[str, Any] | None = None,
    fields: Sequence[str] | None = None,
    size: int = PAGE_SIZE,
    skips_closed: bool = False,
) -> Iterator[Mapping[str, Any]]:
    """Yield the same documents as complete hits, with the name of the index, which an alias does not tell.

    `fields` are those that are read; None for all, which costs the engine less if the documents are small. `size` is
    the number of documents in one response. A closed index is an error, or skipped.
    """
    body = {**({"query": query} if query else {}), **({"_source": list(fields)} if fields else {})} or None
    yield from search.helpers.scan(
        client,
        query=body,
        index=index,
        size=size,
        allow_partial_search_results=False,
        ignore_unavailable=skips_closed,
    )


def ordered_hits(
    client: Any, index: str, query: Mapping[str, Any], order: Mapping[str, str], size: int = PAGE_SIZE
) -> Iterator[Mapping[str, Any]]:
    """Yield complete hits in ascending order of some fields, as they were at the beginning; texts by code points.

    `order` maps the fields to their types. Without an index there are no hits.
    """
    sort = [{field: {"order": "asc", "unmapped_type": kind}} for field, kind in order.items()]
    yield from search.helpers.scan(
        client,
        query={"query": query, "sort": sort},
        index=index,
        size=size,
        preserve_order=True,
        allow_partial_search_results=False,
        ignore_unavailable=True,
        allow_no_indices=True,
    )


def read_each(found: Iterable[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
    """Yield what `read` makes of each hit.

    One of which it raises a ValueError, KeyError or TypeError is none of ours: it is logged, and stops no other.
    """
    for hit in found:
        try:
            document = read(hit)
        except (ValueError, KeyError, TypeError) as error:
            facts = {"index": hit["_index"], "document_id": hit["_id"], "error": type(error).__name__}
            logger.error("A document cannot be read and is left out: correct it or delete it", extra=facts)
            continue
        yield document


def pages(documents: Iterable[T], size: int = PAGE_SIZE) -> Iterator[list[T]]:
    """Yield the documents in lists of at most `size`."""
    remaining = iter(documents)
    while page := list(islice(remaining, size)):
        yield page
