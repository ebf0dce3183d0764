"""Read and write cell documents, many in one request, with a result for each."""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from invenio_search.engine import OS, SEARCH_DISTRIBUTION, search

from invenio_stats.core.double_click_documents import Document, to_document, to_source
from invenio_stats.core.double_clicks import DocumentRef
from invenio_stats.core.moments import iso_zoned, parse
from invenio_stats.errors import EngineUnavailableError
from invenio_stats.search.failures import (
    CONFLICT,
    FINAL_FOR_DOCUMENT,
    TRANSIENT,
    classify_error,
    error_type,
    find_blocked_index,
    is_index_missing,
    is_too_large,
)
from invenio_stats.search.versions import Version, build_guard, choose_operation, written_version
from invenio_stats.support.json_codec import encode

logger = logging.getLogger(__name__)

STAMP_LIFE = timedelta(seconds=60)
"""Longest time between a document's stamp and the moment it is stored, so that aggregations still find the document.

It must be shorter than `StatAggregator.overlap`, the time that aggregations read again, minus the refresh interval.
"""

_FROM_THE_PRIMARY = {"preference": "_primary"} if SEARCH_DISTRIBUTION == OS else {}
"""A replica may not have a document yet that another worker has stored. Elasticsearch 7 has no such preference."""

_MAX_ID_BYTES = 512
_BULK_FIELDS = "items.*.status,items.*._seq_no,items.*._primary_term,items.*.error.type,items.*.error.reason"
_GET_FIELDS = "docs.found,docs._source,docs._seq_no,docs._primary_term,docs.error.type,docs.error.reason"
_TOO_LARGE = {"status": 413, "error": {"type": "too_large"}}
"""What the engine says of a single document that is too large for a request, in the form of a bulk's answer."""
_PATIENCE = 5.0
"""Seconds that the engine may wait for an index that has lost a shard. By itself it waits for a minute, longer than
clients wait for an answer, and then nobody knows which index it was."""


class Found(NamedTuple):
    """A stored document."""

    document: Document
    version: Version
    is_aged: bool
    """Whether its stamp is older than STAMP_LIFE: if it became visible only now, aggregations would miss it."""


class Write(NamedTuple):
    """A document to be written over a version; if that is None, the document is created."""

    ref: DocumentRef
    document: Document
    version: Version | None = None


class Refusal(NamedTuple):
    """The engine will never accept a document; the reason is the type of the error, and quotes no data."""

    reason: str


class Blocked(NamedTuple):
    """An index refuses whatever it is asked for now; others may be well."""

    index_name: str
    reason: str
    """The type of the engine's error."""
    is_lasting: bool
    """True if the index has to be changed first; False if it may also be a sign of an outage of the engine."""


Answer = Version | Refusal | Blocked | None
"""The result of a write: the new version, a refusal, a blocked index, or None if another version was stored."""


class CellRequests:
    """Reads and writes cell documents.

    EngineUnavailableError for any failure that is caused neither by a document nor by its index: the result of the
    request is unknown then, and the whole request can be repeated.
    """

    def __init__(
        self,
        client: Any,
        index_of: Callable[[datetime], str],
        clock: Callable[[], datetime],
        refused_fields: Callable[[str], Collection[str]],
    ):
        """Set how to find the index of a cell by its start, and the fields that an index rejects."""
        self._client = client
        self._index_of = lru_cache(maxsize=8192)(index_of)
        self._clock = clock
        self._refused_fields = refused_fields

    @cached_property
    def _default(self) -> Any:
        """The client's function for values that are not JSON.

        It is read when needed, because an indexer may be created before the search engine is available.
        """
        return getattr(self._client.transport.serializer, "default", None)

    @cached_property
    def _bulk_options(self) -> dict[str, Any]:
        """How long the engine waits for a shard; the client takes `timeout` for its own unless it is given both."""
        get_connection = getattr(self._client.transport, "get_connection", None)
        patience = getattr(get_connection(), "timeout", None) if get_connection else None
        if not patience:
            return {}
        return {"timeout": f"{int(min(_PATIENCE, patience / 2) * 1000)}ms", "request_timeout": patience}

    def accepts(self, start: datetime, field: str) -> bool:
        """Return True if the index of a cell accepts a field."""
        return field not in self._refused_fields(self._index_of(start))

    def read(self, refs: Sequence[DocumentRef]) -> list[Found | Blocked | None]:
        """Return the stored documents, in the order of `refs`; None for a document that does not exist."""
        if not refs:
            return []
        wanted = [{"_index": self._index_of(ref.start), "_id": ref.document_id} for ref in refs]
        answer = self._send(
            self._client.mget, body=encode({"docs": wanted}), filter_path=_GET_FIELDS, **_FROM_THE_PRIMARY
        )
        now = self._clock()
        return [self._parse(item, ref, now) for item, ref in zip(answer["docs"], refs, strict=True)]

    def write(self, writes: Sequence[Write]) -> list[Answer]:
        """Write the documents, stamped with the time of this request; return a result for each, in order."""
        sent_at = self._clock()
        stamp = iso_zoned(sent_at)
        parts = [self._part(write, stamp) for write in writes]
        results = iter(self._bulk([part for part in parts if isinstance(part, bytes)]))
        answers = [
            part if isinstance(part, Refusal) else self._answer(next(results), self._index_of(write.ref.start))
            for write, part in zip(writes, parts, strict=True)
        ]
        if self._clock() - sent_at > STAMP_LIFE:
            raise EngineUnavailableError(
                f"The search engine took more than {STAMP_LIFE.total_seconds():.0f} s to store {len(writes)} events: "
                f"aggregations may have missed them. The next run sends them again; give the engine more resources."
            )
        return answers

    def _part(self, write: Write, stamp: str) -> bytes | Refusal:
        """Return the two lines of a write in a bulk request, or a refusal if they cannot be built."""
        index = self._index_of(write.ref.start)
        refused = self._refused_fields(index)
        document_id = write.ref.document_id
        target = {"_index": index, "_id": document_id, **build_guard(write.version)}
        source = to_source(write.document, stamp)
        for field in refused:
            source.pop(field, None)
        try:
            if len(document_id.encode()) > _MAX_ID_BYTES:  # raises for an id that is no text
                return Refusal("id_too_long")  # the engine would reject the whole bulk request
            head = encode({choose_operation(write.version): target})
            return b"".join((head, b"\n", encode(source, self._default), b"\n"))
        except (TypeError, ValueError, RecursionError) as error:
            return Refusal(f"not JSON: {type(error).__name__}")

    def _bulk(self, parts: list[bytes]) -> list[dict[str, Any]]:
        """Send writes; return what the engine says of each."""
        if not parts:
            return []
        try:
            answer = self._send(self._client.bulk, body=b"".join(parts), filter_path=_BULK_FIELDS, **self._bulk_options)
        except search.exceptions.TransportError as error:
            if not is_too_large(error):
                raise
            half = len(parts) // 2
            return self._bulk(parts[:half]) + self._bulk(parts[half:]) if half else [_TOO_LARGE]
        return [next(iter(item.values())) for item in answer["items"]]

    def _answer(self, result: dict[str, Any], index: str) -> Answer:
        """Return what became of one write."""
        written = written_version(result)
        if isinstance(written, Version):
            return written
        if written is CONFLICT:
            return None
        if blocked := find_blocked_index(result):  # a lost index is not the document's fault, either
            return Blocked(index, *blocked)
        if written is FINAL_FOR_DOCUMENT:
            return Refusal(error_type(result))
        raise EngineUnavailableError(
            f"The search engine answered {result.get('status')} ({error_type(result)}) for a click; the events are "
            "sent again by the next run."
        )

    def _parse(self, answer: dict[str, Any], ref: DocumentRef, now: datetime) -> Found | Blocked | None:
        """Return what one part of an answer holds. "Not there" is said by the engine, never guessed."""
        if answer.get("found") is True:
            source = answer["_source"]
            try:
                return Found(to_document(source), Version.of(answer), _is_aged(source, now))
            except ValueError:
                index = self._index_of(ref.start)
                facts = {"index": index, "document": ref.document_id}
                logger.error("A document is no event: correct its timestamp or delete it", extra=facts)
                return Blocked(index, "document_is_no_event", is_lasting=True)
        if answer.get("found") is False or is_index_missing(answer):
            return None
        index = self._index_of(ref.start)
        if blocked := find_blocked_index(answer):
            return Blocked(index, *blocked)
        raise EngineUnavailableError(
            f"The search engine cannot say whether {index!r} holds a click next to others "
            f"({error_type(answer)}); the events are sent again by the next run."
        )

    def _send(self, request: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return request(**arguments)
        except search.exceptions.TransportError as error:
            if classify_error(error, may_be_blocked=False) is not TRANSIENT:
                raise
            raise EngineUnavailableError(
                f"The search engine is not available ({error.status_code}, {type(error).__name__}); "
                f"the next run sends the events again."
            ) from error


def _is_aged(source: dict[str, Any], now: datetime) -> bool:
    try:
        return now - parse(source["updated_timestamp"]) > STAMP_LIFE
    except (KeyError, ValueError):
        return True
