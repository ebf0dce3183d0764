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
    for hit in hits(client, index, query):
        yield hit["_id"], hit["_source"]


def hits(client: Any, index: str, query: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield the same as the engine gives it: with the index that each lies in, where several are behind a name."""
    body = {"query": query} if query else None
    yield from search.helpers.scan(client, query=body, index=index, size=PAGE, allow_partial_search_results=False)


def pages(documents: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    """Yield the documents in lists of at most that size."""
    remaining = iter(documents)
    while page := list(islice(remaining, size)):
        yield page
