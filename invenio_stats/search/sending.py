"""Sending a search over totals: the whole answer or an error, never a part of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from invenio_search.engine import search

from invenio_stats.errors import StatsError

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
class Question:
    """One search, ready to be sent: alone, or beside others."""

    client: Any
    index: str | Sequence[str]
    body: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_body(self, body: Mapping[str, Any]) -> "Question":
        """Return another search of the same place."""
        return replace(self, body=body)


def send(question: Question) -> Response:
    """Return the engine's answer.

    TooManyBucketsError and ValuesRefusedError for what another question can cure; any other error of
    the engine goes on as it is.
    """
    try:
        response: Response = question.client.search(
            index=question.index, body=question.body, **{**OPTIONS, **question.options}
        )
    except search.exceptions.TransportError as error:
        kinds = set(_kinds(error.info))
        if "too_many_buckets_exception" in kinds:
            raise TooManyBucketsError(str(error)) from error
        if error.status_code == 400 and kinds & _REFUSED:
            raise ValuesRefusedError(str(error)) from error
        raise
    return response


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
