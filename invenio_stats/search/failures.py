"""What a failure of the search engine means: come back later, give up the document, or give up where it was sent.

Every decision about an error of the engine is made here, from the status and type that the engine answers with.
Callers decide what follows from it; none of them compares statuses itself.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from invenio_stats.errors import EngineUnavailableError

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
    400: FINAL_FOR_DOCUMENT,  # it does not fit the mapping. A closed index answers 400 too, and is not told apart
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
    """Say whether an index refuses new fields: they contradict its mapping, or nobody may change that."""
    return status_of(error) in (400, 403)


def is_index_there(error: Any) -> bool:
    """Say whether an index was not created because it exists."""
    return bool(error.error == "resource_already_exists_exception")


def is_alias_there(error: Any) -> bool:
    """Say whether an index was not created because an alias has its name."""
    return error.error == "invalid_index_name_exception" and "exists as alias" in str(error)
