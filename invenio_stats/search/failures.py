"""What a failure of the search engine means: come back later, give up the document, or give up where it was sent.

Every decision about an error of the engine is made here, from the status and type that the engine answers with.
Callers decide what follows from it; none of them compares statuses itself.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from invenio_stats.errors import CompactionAtWorkError, EngineUnavailableError

Item = Mapping[str, Any]
"""What the engine says of one document of a request: `status`, and `error` with its `type`."""


class FailureClass(Enum):
    """What a failure means for whoever sent the request."""

    CONFLICT = "conflict"
    """Another version of the document is stored than the one that was read: read it again."""
    TRANSIENT = "transient"
    """The same request may succeed later."""
    FINAL_FOR_DOCUMENT = "final for the document"
    """The engine will never take this document; others may pass."""
    FINAL_FOR_DESTINATION = "final for the destination"
    """Nothing that is sent there passes, whatever the document, until a person changes something."""


CONFLICT = FailureClass.CONFLICT
TRANSIENT = FailureClass.TRANSIENT
FINAL_FOR_DOCUMENT = FailureClass.FINAL_FOR_DOCUMENT
FINAL_FOR_DESTINATION = FailureClass.FINAL_FOR_DESTINATION

_BY_STATUS = {
    400: FINAL_FOR_DOCUMENT,  # it does not fit the mapping; `find_blocked_index` tells a closed index apart
    403: TRANSIENT,  # writes are blocked: by a compaction, or since the disk is nearly full
    409: CONFLICT,  # the version is not the one named, or the document is there that was to be created
    413: FINAL_FOR_DOCUMENT,  # too large: in parts the request may pass, a single document does not
    429: TRANSIENT,  # a queue of the engine is full, or its memory short
}


def classify_status(status: Any, may_be_blocked: bool = True) -> FailureClass | None:
    """Return what a status means; None for success.

    `may_be_blocked` is False for requests that no write block refuses as a whole: reads, and bulks, which tell
    blocks by document. Their 403 is a lack of permission.
    """
    if not isinstance(status, int):  # the client's words for a lost connection and a time-out, or none at all
        return TRANSIENT
    if 200 <= status < 300:
        return None
    if status >= 500:  # a shard without a primary, a node that restarts, a proxy without an engine behind it
        return TRANSIENT
    if status == 403 and not may_be_blocked:
        return FINAL_FOR_DESTINATION
    # The rest is about the address: 401 and 405, 404 for an index that is missing and must not be made.
    return _BY_STATUS.get(status, FINAL_FOR_DESTINATION)


def classify_item(item: Item) -> FailureClass | None:
    """Return what the answer for one document of a bulk means; None for success."""
    return classify_status(item.get("status"))


def classify_error(error: Exception, may_be_blocked: bool = True) -> FailureClass:
    """Return what an exception of the client, or our own about the engine, means for the request as a whole."""
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
    """Return the HTTP status of an exception; None where the engine gave no answer."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def error_type(item: Item) -> str:
    """Return the type of a document's error; its text may quote the document."""
    error = item.get("error")
    return str(error.get("type", "unknown") if isinstance(error, Mapping) else "unknown")


def is_index_missing(item: Item) -> bool:
    """Say whether a document was not found because its index is not there: as good as not found."""
    return error_type(item) == "index_not_found_exception"


def is_absent(operation: str, item: Item) -> bool:
    """Say whether a document that was to be deleted is not there: as good as deleted."""
    return operation == "delete" and item.get("status") == 404


def is_busy(item: Item) -> bool:
    """Say whether the engine certainly did nothing: even what must not be done twice can be sent again.

    That is known of 429 alone. After other transient failures it may have been done.
    """
    return item.get("status") == 429


def is_too_large(error: Exception) -> bool:
    """Say whether the request, in smaller parts, may pass."""
    return status_of(error) == 413


def is_malformed(error: Exception) -> bool:
    """Say whether the engine cannot understand the request as a whole."""
    return status_of(error) == 400


def is_mapping_refused(error: Exception) -> bool:
    """Say whether an index refuses new fields: they contradict its mapping, or nobody may change that.

    A block is no refusal of the fields: nothing at all can be changed as long as it is there.
    """
    is_blocked = getattr(error, "error", None) == "cluster_block_exception"
    return status_of(error) in (400, 403) and not is_blocked


def is_index_there(error: Any) -> bool:
    """Say whether an index was not created because it exists."""
    return bool(error.error == "resource_already_exists_exception")


def is_alias_there(error: Any) -> bool:
    """Say whether an index was not created because an alias has its name."""
    return error.error == "invalid_index_name_exception" and "exists as alias" in str(error)
