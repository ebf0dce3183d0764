"""Sending a search over totals: the whole answer or an error, never a part of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn

from invenio_search.engine import search as engine

from invenio_stats.errors import StatsError
from invenio_stats.search.failures import is_malformed
from invenio_stats.support.json_codec import encode

Response = dict[str, Any]
"""What the engine answered, as JSON."""

OPTIONS: Mapping[str, Any] = {
    "ignore_unavailable": True,
    "allow_no_indices": True,
    "allow_partial_search_results": False,
}
"""An index that does not exist yet holds nothing; a shard that cannot answer is an error, not a smaller number."""

_REFUSED = frozenset({"query_shard_exception", "parse_exception", "parsing_exception", "number_format_exception"})


class TooManyBucketsError(StatsError):
    """The answer would have more buckets than the engine makes."""


class ValuesRefusedError(StatsError):
    """The engine cannot compare the fields with these values: a word for a number, for instance."""


@dataclass(frozen=True)
class SearchRequest:
    """One search, ready to be sent: alone, or beside others."""

    client: Any
    index: str | Sequence[str]
    body: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_body(self, body: Mapping[str, Any]) -> "SearchRequest":
        """Return another search of the same place."""
        return replace(self, body=body)


Searcher = Callable[[SearchRequest], Response]
"""Returns the engine's answer to a question, or raises what `search` raises."""


def search(request: SearchRequest) -> Response:
    """Return the engine's answer.

    TooManyBucketsError and ValuesRefusedError for what another question can cure; any other error of
    the engine goes on as it is.
    """
    try:
        response: Response = request.client.search(
            index=request.index, body=request.body, **{**OPTIONS, **request.options}
        )
    except engine.exceptions.TransportError as error:
        _raise(error)
    return response


def multi_search(requests: Sequence[SearchRequest]) -> list[Searcher]:
    """Ask several questions in one request; return for each what gives its answer, or raises its own error.

    What cannot go with the others, being for another engine or having options of its own, is sent when it is called;
    so are all where the engine does not take them together.
    """
    searchers: list[Searcher] = [search] * len(requests)
    if not requests:
        return searchers
    client = requests[0].client
    positions = [position for position, one in enumerate(requests) if one.client is client and not one.options]
    if len(positions) < 2:
        return searchers
    lines = [
        line
        for position in positions
        for line in ({"index": requests[position].index, **OPTIONS}, requests[position].body)
    ]
    default = client.transport.serializer.default
    try:
        answers = client.msearch(body=b"".join(encode(line, default) + b"\n" for line in lines))["responses"]
    except engine.exceptions.TransportError as error:
        if is_malformed(error):
            return searchers
        answers = [error] * len(positions)
    for position, answer in zip(positions, answers, strict=True):
        searchers[position] = partial(_answer_of, answer)
    return searchers


def _answer_of(answer: Response | Exception, request: SearchRequest) -> Response:
    """Return an answer that has come already, or raise its error as if it had been asked alone."""
    if isinstance(answer, Exception):
        raise answer
    if "error" in answer:
        status, error = answer.get("status", 500), answer["error"]
        kind = engine.exceptions.HTTP_EXCEPTIONS.get(status, engine.exceptions.TransportError)
        _raise(kind(status, error.get("type", "unknown") if isinstance(error, dict) else str(error), answer))
    return answer


def _raise(error: Any) -> NoReturn:
    kinds = set(_kinds(error.info))
    if "too_many_buckets_exception" in kinds:
        raise TooManyBucketsError(str(error)) from error
    if is_malformed(error) and kinds & _REFUSED:
        raise ValuesRefusedError(str(error)) from error
    raise error


def _kinds(info: Any) -> Iterator[str]:
    """Yield the types of an error and of all its causes."""
    if isinstance(info, Mapping):
        if isinstance(info.get("type"), str):
            yield info["type"]
        for part in info.values():
            yield from _kinds(part)
    elif isinstance(info, list):
        for part in info:
            yield from _kinds(part)
