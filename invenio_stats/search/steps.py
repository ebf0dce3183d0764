"""Let several procedures share their requests: each says which searches it needs next, and one request sends them all.

A procedure is a generator. It yields searches, is sent a function for each that returns its response or raises its
error, and returns its result: so an error reaches only the procedure that asked.
"""

from collections.abc import Generator, Sequence
from typing import Any, TypeVar

from invenio_stats.search.client import Response, Searcher, SearchRequest, multi_search

T = TypeVar("T")

Steps = Generator[Sequence[SearchRequest], Sequence[Searcher], T]
"""A procedure whose result is a T."""


def fetch_all(requests: Sequence[SearchRequest]) -> Steps[list[Response]]:
    """Return the responses to searches, or raise the error of the first that failed. One step; none for no searches."""
    if not requests:
        return []
    searchers = yield requests
    return [searcher(request) for searcher, request in zip(searchers, requests, strict=True)]


def together(procedures: Sequence[Steps[Any]]) -> Steps[list[Any]]:
    """Return the results of several procedures, which take each step together: as many steps as the longest has."""
    results: dict[int, Any] = {}
    sent: dict[int, Sequence[Searcher] | None] = dict.fromkeys(range(len(procedures)))
    while sent:
        asked: dict[int, Sequence[SearchRequest]] = {}
        for position, searchers in sent.items():
            procedure = procedures[position]
            try:
                asked[position] = next(procedure) if searchers is None else procedure.send(searchers)
            except StopIteration as end:
                results[position] = end.value
        sent = {}
        if asked:
            found = iter((yield [request for requests in asked.values() for request in requests]))
            sent = {position: [next(found) for _ in requests] for position, requests in asked.items()}
    return [results[position] for position in range(len(procedures))]


def run(procedure: Steps[T]) -> T:
    """Return the result of a procedure; each of its steps is one request to the search engine."""
    try:
        requests = next(procedure)
        while True:
            requests = procedure.send(multi_search(requests))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
