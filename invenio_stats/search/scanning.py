"""Scanning: all documents of an index, page by page."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from invenio_search.engine import search

PAGE = 1_000

T = TypeVar("T")


def scan(client: Any, index: str, query: Mapping[str, Any] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every document of an index that can be found, or that a query finds: its id and fields.

    In no order, and in bounded memory. A part of them instead of all is an error.
    """
    body = {"query": query} if query else None
    for hit in search.helpers.scan(client, query=body, index=index, size=PAGE, allow_partial_search_results=False):
        yield hit["_id"], hit["_source"]


def pages(documents: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    """Yield the documents in lists of at most that size."""
    remaining = iter(documents)
    while page := list(islice(remaining, size)):
        yield page
