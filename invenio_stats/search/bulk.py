"""Store: bulk requests for event documents, with what became of each."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from invenio_search.engine import search

from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.failures import TRANSIENT, classify_item, error_type

Action = dict[str, Any]
"""What the engine is to do with one document: `{_id, _op_type, _index, _source}`."""

_BULK = search.helpers.bulk
"""The client library's own; while a test suite has put another in its place, actions go through that one."""


class Refused(NamedTuple):
    """A document that the engine will never take, and why."""

    index_name: str
    document_id: str
    reason: str


def store(client: Any, actions: Sequence[Action]) -> tuple[int, list[Refused]]:
    """Send documents in one bulk; return how many are stored, and those that never will be.

    EngineUnavailableError when the failure of any of them is transient: ids are stable, so the whole batch can be
    sent again.
    """
    # Through the module, client and actions positional: test suites replace it there.
    answer = search.helpers.bulk(
        client, actions, chunk_size=len(actions), raise_on_error=False, raise_on_exception=True
    )
    if not isinstance(answer, tuple):  # a stand-in that answers nothing
        return len(actions), []
    stored, errors = answer
    if not errors or isinstance(errors, int):
        return stored, []
    results = [next(iter(error.values())) for error in errors]
    later = [result for result in results if classify_item(result) is TRANSIENT]
    if later:
        raise EngineUnavailableError(
            f"The search engine answered {later[0].get('status')} for {len(later)} of {len(actions)} events "
            f"({error_type(later[0])}); they are sent again by the next run."
        )
    return stored, [Refused(result["_index"], result["_id"], error_type(result)) for result in results]


def sends_directly() -> bool:
    """Say whether requests may go around the client's bulk helper: not while a test suite's stand-in waits for them."""
    return search.helpers.bulk is _BULK
