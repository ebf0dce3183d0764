"""Writing totals that differ."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from invenio_search.engine import search

from invenio_stats.search.bulk import sends_directly
from invenio_stats.search.failures import CONFLICT, TRANSIENT, classify_item, error_type, is_absent
from invenio_stats.search.versions import build_guard, choose_operation
from invenio_stats.support.json_codec import encode
from invenio_stats.totals.model import CountedTotal


class Action(dict[str, Any]):
    """What the engine is to do with one total, and beside it what the total was counted from."""

    counted: CountedTotal | None = None


AT_ONCE = 2_000
"""Totals in one request."""

Outcome = tuple[str, Mapping[str, Any]]
"""Of an operation: its kind, and what the engine said."""

_OUTCOMES = "errors,items.*._id,items.*.status,items.*.error.type"


Kind = Literal["changed", "later", "never"]
"""Others have changed the total since it was read; the engine may take it later; it would fail again."""


class Failure(NamedTuple):
    """A total that was not written."""

    start: datetime
    """Of its interval."""
    key: Any
    """None where it is not one of ours."""
    error: str
    """Type of the error; its text may quote a document."""
    kind: Kind


def write(client: Any, actions: Sequence[tuple[datetime, Action]], is_guarded: bool = True) -> list[Failure]:
    """Write totals, each given with the start of its interval, in one request; return those that failed.

    With `is_guarded` a total is written only over what it was counted beside. One that is to be deleted and is not
    there any more is no failure.
    """
    operations = [_operation(action, is_guarded) for _, action in actions]
    if is_guarded and sends_directly():
        outcomes = _send(client, operations)
    else:
        # Through the module, client and actions positional: test suites replace it there.
        answer = search.helpers.bulk(client, operations, raise_on_error=False, chunk_size=AT_ONCE)
        if not isinstance(answer, tuple) or isinstance(answer[1], int):  # a stand-in
            return []
        outcomes = [next(iter(error.items())) for error in answer[1]]
    known: dict[Any, tuple[datetime, Mapping[str, Any]]] = {
        action.get("_id"): (start, action) for start, action in actions
    }
    return [
        _failure(*known.get(outcome["_id"], (actions[0][0], {})), outcome)
        for kind, outcome in outcomes
        if not is_absent(kind, outcome)
    ]


def _send(client: Any, operations: Iterable[dict[str, Any]]) -> list[Outcome]:
    """Send operations; return the outcomes of those that failed. A third of the work of the client's own helper."""
    default = client.transport.serializer.default
    lines: list[bytes] = []
    failed: list[Outcome] = []
    for operation in operations:
        source, kind = operation.pop("_source", None), operation.pop("_op_type")
        parts = ({kind: operation},) if source is None else ({kind: operation}, source)
        try:
            lines += [encode(part, default) for part in parts]
        except (TypeError, ValueError, RecursionError) as error:  # a copy function's value
            failed.append((kind, {"_id": operation["_id"], "status": 400, "error": {"type": type(error).__name__}}))
    if not lines:
        return failed
    answer: Mapping[str, Any] = client.bulk(body=b"\n".join([*lines, b""]), filter_path=_OUTCOMES)
    if answer["errors"]:
        outcomes = [next(iter(item.items())) for item in answer["items"]]
        failed += (one for one in outcomes if classify_item(one[1]) is not None)
    return failed


def _operation(action: Mapping[str, Any], is_guarded: bool) -> dict[str, Any]:
    """Return what is sent for an action, which may be another program's."""
    operation = dict(action)
    counted = getattr(action, "counted", None)
    if counted is not None and is_guarded:
        operation.update(build_guard(counted.version))
        if counted.version is None:  # with a version it may also be a deletion
            operation["_op_type"] = choose_operation(None)
    return operation


def _failure(start: datetime, action: Mapping[str, Any], outcome: Mapping[str, Any]) -> Failure:
    counted = getattr(action, "counted", None)
    return Failure(start, counted and counted.total_key.key, error_type(outcome), _kind(outcome))


def _kind(outcome: Mapping[str, Any]) -> Kind:
    failure = classify_item(outcome)
    if failure is CONFLICT:
        return "changed"
    return "later" if failure is TRANSIENT else "never"
