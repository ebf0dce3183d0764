"""Send searches, and return complete responses or raise errors: a partial response would be a wrong number.

The engine and its client get as much time as the current budget has left. The engine stops a search then; it also stops
one whose connection the client has closed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import Any, NamedTuple, NoReturn

from invenio_search.engine import OS, SEARCH_DISTRIBUTION
from invenio_search.engine import search as engine

from invenio_stats.errors import StatsError
from invenio_stats.search.budget import OutOfTimeError, current_budget
from invenio_stats.search.failures import is_malformed
from invenio_stats.support.json_codec import encode

Response = dict[str, Any]
"""The response of the search engine, decoded from JSON."""

OPTIONS: Mapping[str, Any] = {
    "ignore_unavailable": True,
    "allow_no_indices": True,
    "allow_partial_search_results": False,
}
"""An index that does not exist yet is treated as empty; a shard that cannot answer is an error."""

COMPLETE: Mapping[str, Any] = {"ignore_unavailable": False, "allow_no_indices": False}
"""Further options, where an index that is missing or closed is an error and not empty: a closed month, for example."""

_OPTIONS_IN_LINES = frozenset({"preference"})
"""Options of a search that a multi-search takes too."""

_CAN_CANCEL = SEARCH_DISTRIBUTION == OS and engine.__version__[0] >= 2
"""Whether the engine knows `cancel_after_time_interval`: OpenSearch does since 1.1, Elasticsearch does not."""

_VALUE_ERRORS = frozenset({"query_shard_exception", "parse_exception", "parsing_exception", "number_format_exception"})


class TooManyBucketsError(StatsError):
    """The response would have more buckets than the engine allows."""


class ValuesRefusedError(StatsError):
    """The engine cannot compare the fields with the given values, such as a number with a word."""


@dataclass(frozen=True)
class SearchRequest:
    """One search, which can be sent alone or with others."""

    client: Any
    index: str | Sequence[str]
    body: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    keeps_buckets: bool = True
    """Whether the buckets of the response count in the budget: not if they are read, and none of them is kept."""

    def with_body(self, body: Mapping[str, Any]) -> "SearchRequest":
        """Return a search of the same index with another body."""
        return replace(self, body=body)


Searcher = Callable[[SearchRequest], Response]
"""Returns the engine's response to a search, or raises the same errors as `search`."""


def search(request: SearchRequest) -> Response:
    """Send one search and return the response.

    TooManyBucketsError and ValuesRefusedError if a different search could succeed, OutOfTimeError and OutOfBucketsError
    if the current budget does not suffice; any other error of the client library is raised unchanged.
    """
    limits = _limits(request.client)
    try:
        response: Response = request.client.search(
            index=request.index,
            body={**limits.body, **request.body},
            **{**OPTIONS, **limits.options, **request.options},
        )
    except engine.exceptions.TransportError as error:
        _raise(error)
    return _complete(request, response)


def multi_search(requests: Sequence[SearchRequest]) -> list[Searcher]:
    """Send several searches in one request; return a function for each that returns its response or raises its error.

    The budget counts all responses at once: OutOfTimeError or OutOfBucketsError if it does not suffice for all of them.
    Equal searches are sent once, and get the same response: nobody may change it.
    A search for another client, or with options other than `preference`, cannot be part of the multi-search: it is sent
    when its function is called. If the engine rejects the multi-search, each search is sent on its own in this way.
    """
    searchers: list[Searcher] = [search] * len(requests)
    if not requests:
        return searchers
    client = requests[0].client
    positions = [
        position
        for position, request in enumerate(requests)
        if request.client is client and set(request.options) <= _OPTIONS_IN_LINES
    ]
    if len(positions) < 2:
        return searchers
    limits = _limits(client)
    alike: dict[bytes, list[int]] = {}
    try:
        for position in positions:
            alike.setdefault(_encode(requests[position], limits), []).append(position)
        answers = client.msearch(body=b"".join(alike), **limits.options)["responses"]
    except engine.exceptions.TransportError as error:
        if is_malformed(error):
            return searchers
        answers = [error] * len(alike)
    shared: dict[int, Searcher] = {}
    for same, answer in zip(alike.values(), answers, strict=True):
        if isinstance(answer, dict) and "error" not in answer:
            _complete(requests[same[0]], answer)
        shared |= dict.fromkeys(same, partial(_answer_of, answer))
    return [shared.get(position, search) for position in range(len(requests))]


def _encode(request: SearchRequest, limits: "_Limits") -> bytes:
    """Return the two lines of a search in a multi-search."""
    default = request.client.transport.serializer.default
    header = {"index": request.index, **OPTIONS, **request.options}
    return b"".join(encode(line, default) + b"\n" for line in (header, {**limits.body, **request.body}))


def _answer_of(answer: Response | Exception, request: SearchRequest) -> Response:
    """Return a response from a multi-search, or raise the same error as if the search had been sent alone."""
    if isinstance(answer, Exception):
        raise answer
    if "error" in answer:
        status, error = answer.get("status", 500), answer["error"]
        kind = engine.exceptions.HTTP_EXCEPTIONS.get(status, engine.exceptions.TransportError)
        _raise(kind(status, error.get("type", "unknown") if isinstance(error, dict) else str(error), answer))
    return answer


def _complete(request: SearchRequest, response: Response) -> Response:
    """Count the buckets of a response; OutOfTimeError if the engine stopped early: its numbers would be too small."""
    if response.get("timed_out"):
        raise OutOfTimeError("The search engine did not finish in time.")
    budget = current_budget()
    if budget is not None:
        budget.spend(_count_buckets(response.get("aggregations", {})) if request.keeps_buckets else 0)
    return response


def _count_buckets(level: Mapping[str, Any]) -> int:
    """Return the number of buckets in a level of aggregations and below it."""
    count = 0
    for aggregation in level.values():
        if not isinstance(aggregation, Mapping):
            continue
        buckets = aggregation.get("buckets")
        if buckets is not None:
            for bucket in buckets.values() if isinstance(buckets, Mapping) else buckets:
                count += 1 + _count_buckets(bucket)
        elif (
            "doc_count" in aggregation
        ):  # a filter, say, which has its aggregations beside its count; no metric has one
            count += _count_buckets(aggregation)
    return count


class _Limits(NamedTuple):
    """How long a search may take, for the engine and for its client."""

    body: Mapping[str, Any]
    options: Mapping[str, Any]


def _limits(client: Any) -> _Limits:
    budget = current_budget()
    left = inf if budget is None else budget.seconds_left()
    if left == inf:
        return _Limits({}, {})
    own = _timeout_of(client)
    duration = f"{max(1, int(min(left, own) * 1000))}ms"
    options: dict[str, Any] = {"request_timeout": left} if left < own else {}
    if _CAN_CANCEL:
        options["params"] = {"cancel_after_time_interval": duration}
    return _Limits({"timeout": duration}, options)


def _timeout_of(client: Any) -> float:
    """Return the seconds that a client waits for a response unless told otherwise."""
    # Not by `get_connection`, which is for requests: it would leave out every second node.
    pool = getattr(getattr(client, "transport", None), "connection_pool", None)
    connections = getattr(pool, "orig_connections", None) or getattr(pool, "connections", None)
    return (connections[0].timeout if connections else None) or inf


def _raise(error: Any) -> NoReturn:
    kinds = set(_kinds(error.info))
    if "too_many_buckets_exception" in kinds:
        raise TooManyBucketsError(str(error)) from error
    if is_malformed(error) and kinds & _VALUE_ERRORS:
        raise ValuesRefusedError(str(error)) from error
    raise error


def _kinds(info: Any) -> Iterator[str]:
    """Yield the types of an error and all its causes."""
    if isinstance(info, Mapping):
        if isinstance(info.get("type"), str):
            yield info["type"]
        for part in info.values():
            yield from _kinds(part)
    elif isinstance(info, list):
        for part in info:
            yield from _kinds(part)
