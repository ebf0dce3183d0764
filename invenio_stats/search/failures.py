"""Classify failures of the search engine: a conflict, transient, final for the document, or for the destination.

All decisions about errors of the engine are made here, from their status and type. Callers decide what to do for each
class; none of them compares a status itself.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from invenio_stats.errors import CompactionAtWorkError, EngineUnavailableError

Item = Mapping[str, Any]
"""The engine's response for one document of a request: `status`, and `error` with its `type`."""


class FailureClass(Enum):
    """What a failure means for the sender of the request."""

    CONFLICT = "conflict"
    """The stored version of the document is not the one that was read: read it again."""
    TRANSIENT = "transient"
    """The same request may succeed later."""
    FINAL_FOR_DOCUMENT = "final for the document"
    """The engine will never accept this document; other documents may be accepted."""
    FINAL_FOR_DESTINATION = "final for the destination"
    """No document is accepted there until an operator changes something."""


CONFLICT = FailureClass.CONFLICT
TRANSIENT = FailureClass.TRANSIENT
FINAL_FOR_DOCUMENT = FailureClass.FINAL_FOR_DOCUMENT
FINAL_FOR_DESTINATION = FailureClass.FINAL_FOR_DESTINATION

SHARD_UNAVAILABLE = 503
"""The status of a request for one document whose shard is not started; an item of several has an error type instead."""

_BY_STATUS = {
    400: FINAL_FOR_DOCUMENT,  # does not fit the mapping; `find_blocked_index` distinguishes a closed index
    403: TRANSIENT,  # writes are blocked, by a compaction or because the disk is nearly full
    409: CONFLICT,  # another version is stored, or a document to be created exists
    413: FINAL_FOR_DOCUMENT,  # too large; a bulk may pass in smaller parts, a single document does not
    429: TRANSIENT,  # a queue of the engine is full, or it is short of memory
}


def classify_status(status: Any, may_be_blocked: bool = True) -> FailureClass | None:
    """Return the class of a failure by its HTTP status; None for success.

    `may_be_blocked` is False for requests that no write block rejects as a whole: reads, and bulks, which report
    blocks for each document. Their 403 means a missing permission.
    """
    if not isinstance(status, int):  # a lost connection or a time-out, which the client reports by a text or by None
        return TRANSIENT
    if 200 <= status < 300:
        return None
    if status >= 500:  # a shard without a primary, a node that restarts, a proxy without an engine behind it
        return TRANSIENT
    if status == 403 and not may_be_blocked:
        return FINAL_FOR_DESTINATION
    # The rest concerns the destination: 401, 405, and 404 for a missing index that is not created automatically.
    return _BY_STATUS.get(status, FINAL_FOR_DESTINATION)


def classify_item(item: Item) -> FailureClass | None:
    """Return the class of the failure of one document in a bulk; None for success."""
    return classify_status(item.get("status"))


def classify_error(error: Exception, may_be_blocked: bool = True) -> FailureClass:
    """Return the class of an exception, from the client or EngineUnavailableError, for the request as a whole."""
    if isinstance(error, EngineUnavailableError):
        return TRANSIENT
    return classify_status(status_of(error), may_be_blocked) or TRANSIENT


class BlockedIndex(NamedTuple):
    """An index that refuses whatever it is asked, while other indices may be well."""

    reason: str
    """The type of the engine's error, which quotes nothing."""
    is_lasting: bool
    """True if a person or a program has to change the index; False if it may also be a sign of an outage."""


def find_blocked_index(item: Item) -> BlockedIndex | None:
    """Return why the index of a document refuses it; None for success and for failures of document or engine.

    `item` is the engine's answer for one document of a bulk, or of a read, which carries no status. Within a bulk
    or read that the engine has answered, a block, a missing shard or a closed index is a matter of that index.
    """
    status, reason = item.get("status"), error_type(item)
    if "error" not in item or status == 409:
        return None
    if reason == "cluster_block_exception":
        is_busy = status == 429  # the disk is nearly full: the engine lifts the block by itself
        return BlockedIndex(reason, not is_busy) if _names_index(item) else None
    if status is None:
        return BlockedIndex(reason, reason == "index_closed_exception")
    if status == 400:
        is_closed = reason == "index_closed_exception" or _error_text(item).startswith("no write index is defined")
        return BlockedIndex(reason, is_lasting=True) if is_closed else None
    if status in (403, 404, 405):
        return BlockedIndex(reason, is_lasting=True)
    return BlockedIndex(reason, is_lasting=False) if status >= 500 else None


def find_blocked_index_in(error: Exception) -> BlockedIndex | None:
    """Return why an index refuses a request that was about this index alone; None if the engine may be at fault."""
    if isinstance(error, CompactionAtWorkError):
        return BlockedIndex("compaction", is_lasting=True)
    status = status_of(error)
    if status is None or status == 401 or status == 429 or status >= 500:
        return None
    body = getattr(error, "info", None)
    found = body.get("error") if isinstance(body, Mapping) else None
    item = {"error": found if isinstance(found, Mapping) else {}}
    if error_type(item) == "cluster_block_exception" and not _names_index(item):
        return None
    return BlockedIndex(str(found.get("type")) if isinstance(found, Mapping) else str(status), is_lasting=True)


def _names_index(item: Item) -> bool:
    """Return True unless a block is one of the whole cluster; its text begins with the index that it is on."""
    text = _error_text(item)
    return not text or text.startswith("index [")


def _error_text(item: Item) -> str:
    """Return the text of an error. It may quote the document: compare it, and never show it."""
    error = item.get("error")
    return str(error.get("reason", "")) if isinstance(error, Mapping) else ""


def status_of(error: Exception) -> int | None:
    """Return the HTTP status of an exception; None if the engine did not respond."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def describe_failure(error: Exception) -> str:
    """Return what an exception is about, for people: its type and the index that it names, never its text."""
    body = getattr(error, "info", None)
    found = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(found, Mapping):
        return type(error).__name__
    causes = found.get("root_cause") or [found]
    index = found.get("index") or causes[0].get("index") or _index_in(str(found.get("reason", "")))
    kind = causes[0].get("type") or found.get("type") or type(error).__name__
    return f"{kind} (index {index})" if index else str(kind)


def _index_in(text: str) -> str | None:
    """Return the index that a block of it is named after: `index [name] blocked by: ...`."""
    match = re.match(r"index \[([^\]]+)\]", text)
    return match[1] if match else None


def error_type(item: Item) -> str:
    """Return the type of a document's error, and not its text, which may quote the document."""
    error = item.get("error")
    return str(error.get("type", "unknown") if isinstance(error, Mapping) else "unknown")


def is_index_missing(item: Item) -> bool:
    """Return True if a document was not found because its index does not exist."""
    return error_type(item) == "index_not_found_exception"


def is_shard_unavailable(item: Item) -> bool:
    """Say whether a document was not read because no copy of its shard is started: it may be a moment later."""
    return error_type(item) == "no_shard_available_action_exception"


def is_absent(operation: str, item: Item) -> bool:
    """Return True if a document to be deleted does not exist, which is not a failure."""
    return operation == "delete" and item.get("status") == 404


def is_busy(item: Item) -> bool:
    """Return True if the engine certainly did nothing, so that even an operation that must not be repeated can be.

    Only 429 guarantees that. After any other transient failure the operation may have been performed.
    """
    return item.get("status") == 429


def is_overloaded(error: Exception) -> bool:
    """Return True if the engine refused a request because it has too many of them."""
    return status_of(error) == 429


def is_too_large(error: Exception) -> bool:
    """Return True if the request may succeed in smaller parts."""
    return status_of(error) == 413


def is_malformed(error: Exception) -> bool:
    """Return True if the engine cannot parse the request as a whole."""
    return status_of(error) == 400


def is_mapping_refused(error: Exception) -> bool:
    """Return True if an index rejects new fields: they contradict its mapping, or the client may not change it.

    A block is no rejection of the fields: nothing at all can be changed as long as it is there.
    """
    is_blocked = getattr(error, "error", None) == "cluster_block_exception"
    return status_of(error) in (400, 403) and not is_blocked


def is_index_there(error: Any) -> bool:
    """Return True if an index was not created because it exists."""
    return bool(error.error == "resource_already_exists_exception")


def is_in_snapshot(error: Any) -> bool:
    """Return True if indices were not deleted because a snapshot of them is being made."""
    return bool(error.error == "snapshot_in_progress_exception")


def is_alias_there(error: Any) -> bool:
    """Return True if an index was not created because an alias has its name."""
    return error.error == "invalid_index_name_exception" and "exists as alias" in str(error)
