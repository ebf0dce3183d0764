"""Read and write cell documents, many in one request, with a result for each."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from invenio_search.engine import OS, SEARCH_DISTRIBUTION, search

from invenio_stats.core.double_clicks import Document, DocumentRef, to_document, to_source
from invenio_stats.core.moments import iso_zoned, parse
from invenio_stats.errors import EngineUnavailableError, StatsError
from invenio_stats.search.failures import (
    CONFLICT,
    FINAL_FOR_DOCUMENT,
    TRANSIENT,
    FailureClass,
    classify_error,
    error_type,
    is_index_missing,
    is_too_large,
)
from invenio_stats.search.versions import Version, build_guard, choose_operation, written_version
from invenio_stats.support.json_codec import encode

STAMP_LIFE = timedelta(seconds=60)
"""Longest time between a document's stamp and the moment it is stored, so that aggregations still find the document.

It must be shorter than `StatAggregator.overlap`, the time that aggregations read again, minus the refresh interval.
"""

_FROM_THE_PRIMARY = {"preference": "_primary"} if SEARCH_DISTRIBUTION == OS else {}
"""A replica may not have a document yet that another worker has stored. Elasticsearch 7 has no such preference."""

_MAX_ID_BYTES = 512
_BULK_FIELDS = "items.*.status,items.*._seq_no,items.*._primary_term,items.*.error.type"
_GET_FIELDS = "docs.found,docs._source,docs._seq_no,docs._primary_term,docs.error.type"


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


Answer = Version | Refusal | None
"""The result of a write: the new version, a refusal, or None if another version was stored."""


class CellRequests:
    """Reads and writes cell documents.

    EngineUnavailableError for any failure that is not caused by a document: the result of the request is unknown then,
    and the whole request can be repeated.
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

    def accepts(self, start: datetime, field: str) -> bool:
        """Return True if the index of a cell accepts a field."""
        return field not in self._refused_fields(self._index_of(start))

    def read(self, refs: Sequence[DocumentRef]) -> list[Found | None]:
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
        answers = [part if isinstance(part, Refusal) else next(results) for part in parts]
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
        if len(document_id) > _MAX_ID_BYTES // 4 and len(document_id.encode()) > _MAX_ID_BYTES:
            return Refusal("id_too_long")  # the engine would reject the whole bulk request
        target = {"_index": index, "_id": document_id, **build_guard(write.version)}
        head = encode({choose_operation(write.version): target})
        source = to_source(write.document, stamp)
        for field in refused:
            source.pop(field, None)
        try:
            return b"".join((head, b"\n", encode(source, self._default), b"\n"))
        except (TypeError, ValueError, RecursionError) as error:
            return Refusal(f"not JSON: {type(error).__name__}")

    def _bulk(self, parts: list[bytes]) -> list[Answer]:
        if not parts:
            return []
        try:
            answer = self._send(self._client.bulk, body=b"".join(parts), filter_path=_BULK_FIELDS)
        except search.exceptions.TransportError as error:
            if not is_too_large(error):
                raise
            half = len(parts) // 2
            return self._bulk(parts[:half]) + self._bulk(parts[half:]) if half else [Refusal("too_large")]
        results = [next(iter(item.values())) for item in answer["items"]]
        written = [(written_version(result), result) for result in results]
        # A missing index is transient, too: its month may be in the middle of a compaction.
        transient = [
            result
            for version, result in written
            if not (isinstance(version, Version) or version in (CONFLICT, FINAL_FOR_DOCUMENT))
        ]
        if transient:
            raise EngineUnavailableError(
                f"The search engine answered {transient[0]['status']} for {len(transient)} of {len(parts)} events "
                f"({error_type(transient[0])}); the next run sends them again."
            )
        return [_answer(version, result) for version, result in written]

    def _parse(self, answer: dict[str, Any], ref: DocumentRef, now: datetime) -> Found | None:
        """Return the document in one item of a response; None only if the engine says that it does not exist."""
        if answer.get("found") is True:
            source = answer["_source"]
            try:
                document = to_document(source)
            except ValueError as error:
                raise StatsError(
                    f"The document {ref.document_id!r} in {self._index_of(ref.start)!r} is not an event: {error} "
                    f"Correct its timestamp or delete it; events in neighbouring cells cannot be stored before."
                ) from error
            return Found(document, Version.of(answer), _is_aged(source, now))
        if answer.get("found") is False or is_index_missing(answer):
            return None
        raise EngineUnavailableError(
            f"The search engine cannot read neighbouring clicks in {self._index_of(ref.start)!r} "
            f"({error_type(answer)}); the next run sends the events again."
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


def _answer(version: Version | FailureClass, result: dict[str, Any]) -> Answer:
    if isinstance(version, Version):
        return version
    return None if version is CONFLICT else Refusal(error_type(result))


def _is_aged(source: dict[str, Any], now: datetime) -> bool:
    try:
        return now - parse(source["updated_timestamp"]) > STAMP_LIFE
    except (KeyError, ValueError):
        return True
