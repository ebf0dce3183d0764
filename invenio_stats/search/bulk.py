"""Store documents with bulk requests, and return those that were rejected."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from invenio_search.engine import search

from invenio_stats.errors import EngineUnavailableError, StatsError
from invenio_stats.search.failures import TRANSIENT, classify_item, error_type, find_blocked_index

Action = dict[str, Any]
"""A bulk operation for one document: `{_id, _op_type, _index, _source}`."""

_BULK = search.helpers.bulk
"""The client library's bulk helper; if a test suite has replaced it, actions go through the replacement."""


class Refused(NamedTuple):
    """A document that the engine does not accept, and the reason."""

    index_name: str
    document_id: str
    reason: str
    is_lasting: bool = True
    """For documents that may be sent again: False if an outage of the engine may be the cause."""


class Stored(NamedTuple):
    """What became of the documents of a bulk."""

    taken: int
    refused: list[Refused]
    """Those that will never be taken."""
    blocked: list[Refused]
    """Those that may be sent again: their index refuses everything for now, while others may be well."""


def store(client: Any, actions: Sequence[Action]) -> Stored:
    """Send documents in one bulk request; return what became of them.

    EngineUnavailableError if any failure is transient and not that of one index: ids are stable, so the whole batch
    can be sent again.
    """
    # Through the module, client and actions positional: test suites replace it there.
    answer = search.helpers.bulk(
        client, actions, chunk_size=len(actions), raise_on_error=False, raise_on_exception=True
    )
    if not isinstance(answer, tuple):  # from a test suite's replacement
        return Stored(len(actions), [], [])
    stored, errors = answer
    if not errors or isinstance(errors, int):
        return Stored(stored, [], [])
    results = [next(iter(error.values())) for error in errors]
    found = [(result, find_blocked_index(result)) for result in results]
    blocked = [(result, why) for result, why in found if why is not None]
    others = [result for result, why in found if why is None]
    later = [result for result in others if classify_item(result) is TRANSIENT]
    if later:
        raise EngineUnavailableError(
            f"The search engine answered {later[0].get('status')} for {len(later)} of {len(actions)} events "
            f"({error_type(later[0])}); the next run sends them again."
        )
    return Stored(
        stored,
        [Refused(result["_index"], result["_id"], error_type(result)) for result in others],
        [Refused(result["_index"], result["_id"], why.reason, why.is_lasting) for result, why in blocked],
    )


def sends_directly() -> bool:
    """Return True if requests may bypass the client's bulk helper, which a test suite has not replaced."""
    return search.helpers.bulk is _BULK


_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Pauses before a bulk of which a part failed for now is sent again."""
_OUTCOMES = "errors,items.*.status,items.*.error.type"


def index_all(client: Any, index: str, documents: Iterable[tuple[str, Mapping[str, Any]]], **options: Any) -> None:
    """Write documents, given by id, in one request, each over what is there; `options` are those of the request.

    StatsError if one of them is not taken, EngineUnavailableError if it may be taken later. What is taken stays.
    """
    from invenio_stats.support.json_codec import encode  # web processes write nothing in this way

    lines: list[bytes] = []
    for document_id, source in documents:
        lines += [encode({"index": {"_index": index, "_id": document_id}}), encode(source)]
    if not lines:
        return
    body = b"\n".join([*lines, b""])
    for pause in (*_PAUSES_SECONDS, None):
        answer = client.bulk(body=body, filter_path=_OUTCOMES, **options)
        if not answer["errors"]:
            return
        failed = [outcome for item in answer["items"] for outcome in item.values() if classify_item(outcome)]
        final = next((outcome for outcome in failed if classify_item(outcome) is not TRANSIENT), None)
        if final is not None:
            raise StatsError(f"The search engine does not take a document of {index}: {error_type(final)}.")
        if pause is not None:
            time.sleep(pause)
    raise EngineUnavailableError(f"The search engine cannot take documents of {index} now: {error_type(failed[0])}.")
