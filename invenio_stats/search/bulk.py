"""Store: bulk requests for event documents, with what became of each."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from invenio_search.engine import search

from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.failures import TRANSIENT, classify_item, error_type, find_blocked_index

Action = dict[str, Any]
"""What the engine is to do with one document: `{_id, _op_type, _index, _source}`."""

_BULK = search.helpers.bulk
"""The client library's own; while a test suite has put another in its place, actions go through that one."""


class Refused(NamedTuple):
    """A document that the engine does not take, and why."""

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
    """Send documents in one bulk; return what became of them.

    EngineUnavailableError if the engine cannot take one of them for now: ids are stable, so the whole batch can be
    sent again.
    """
    # Through the module, client and actions positional: test suites replace it there.
    answer = search.helpers.bulk(
        client, actions, chunk_size=len(actions), raise_on_error=False, raise_on_exception=True
    )
    if not isinstance(answer, tuple):  # a stand-in that answers nothing
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
            f"({error_type(later[0])}); they are sent again by the next run."
        )
    return Stored(
        stored,
        [Refused(result["_index"], result["_id"], error_type(result)) for result in others],
        [Refused(result["_index"], result["_id"], why.reason, why.is_lasting) for result, why in blocked],
    )


def sends_directly() -> bool:
    """Say whether requests may go around the client's bulk helper: not while a test suite's stand-in waits for them."""
    return search.helpers.bulk is _BULK
