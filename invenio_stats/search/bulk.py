"""Store documents with bulk requests, and return those that were rejected."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from invenio_search.engine import search

from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.failures import TRANSIENT, classify_item, error_type

Action = dict[str, Any]
"""A bulk operation for one document: `{_id, _op_type, _index, _source}`."""

_BULK = search.helpers.bulk
"""The client library's bulk helper; if a test suite has replaced it, actions go through the replacement."""


class Refused(NamedTuple):
    """A document that the engine will never accept, and the reason."""

    index_name: str
    document_id: str
    reason: str


def store(client: Any, actions: Sequence[Action]) -> tuple[int, list[Refused]]:
    """Send documents in one bulk request; return how many were stored, and those that were rejected for good.

    EngineUnavailableError if any failure is transient: ids are stable, so the whole batch can be sent again.
    """
    # Through the module, client and actions positional: test suites replace it there.
    answer = search.helpers.bulk(
        client, actions, chunk_size=len(actions), raise_on_error=False, raise_on_exception=True
    )
    if not isinstance(answer, tuple):  # from a test suite's replacement
        return len(actions), []
    stored, errors = answer
    if not errors or isinstance(errors, int):
        return stored, []
    results = [next(iter(error.values())) for error in errors]
    later = [result for result in results if classify_item(result) is TRANSIENT]
    if later:
        raise EngineUnavailableError(
            f"The search engine answered {later[0].get('status')} for {len(later)} of {len(actions)} events "
            f"({error_type(later[0])}); the next run sends them again."
        )
    return stored, [Refused(result["_index"], result["_id"], error_type(result)) for result in results]


def sends_directly() -> bool:
    """Return True if requests may bypass the client's bulk helper, which a test suite has not replaced."""
    return search.helpers.bulk is _BULK
