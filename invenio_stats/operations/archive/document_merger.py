"""Compare the documents of a file with the stored ones, and write those that are new or newer."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from invenio_search.engine import search

from invenio_stats.core.moments import UTC, parse
from invenio_stats.errors import ArchiveError
from invenio_stats.operations.archive.files import Document
from invenio_stats.operations.archive.targets import Source, Target
from invenio_stats.search.failures import CONFLICT, FINAL_FOR_DOCUMENT, classify_item, error_type, is_index_missing
from invenio_stats.search.versions import Version, build_guard, choose_operation, retry_conflicts

DOCUMENTS_PER_PAGE = 500

_MAX_ID_BYTES = 512
"""The search engine accepts no longer id, and rejects the whole request that has one."""
_MAX_ATTEMPTS = 5
_REQUEST_SECONDS = 120
_STAMP_FIELDS = ("updated_timestamp", "last_seen", "timestamp", "date")
_NO_STAMP = datetime.min.replace(tzinfo=UTC)

Outcome = Literal["created", "replaced", "same", "kept", "refused"]
"""Outcome for a document: "kept" if the stored one is not older, "refused" if the engine can never store it."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

_Located = tuple[str, str, Source]
"""Index, id and source of a document."""


class _Write(NamedTuple):
    outcome: Outcome
    action: dict[str, Any]
    stamp: datetime


class DocumentMerger:
    """Merges the documents of one file, page by page."""

    def __init__(self, client: Any, target: Target, is_dry: bool, before_write: Callable[[datetime], None]):
        """Merge into a target; with `is_dry` only count the outcomes.

        `before_write` is called before each write, with the oldest stamp of the documents to be written.
        """
        self._client = client
        self._target = target
        self._is_dry = is_dry
        self._before_write = before_write
        self.outcomes: Counter[Outcome] = Counter()

    def merge(self, documents: list[Document]) -> None:
        """Merge one page of documents; ArchiveError if other programs keep changing them, or the engine fails."""
        located = [entry for entry in map(self._locate, documents) if entry is not None]
        self.outcomes["refused"] += len(documents) - len(located)
        conflicting = retry_conflicts(located, self._merge, _MAX_ATTEMPTS)
        if conflicting:
            index = conflicting[0][0]
            raise ArchiveError(f"{index} is being written to by other programs. Stop them, and import again.")

    def _merge(self, located: list[_Located]) -> list[_Located]:
        """Merge documents; return those that another program has changed since they were compared."""
        writes = self._compare(located)
        if self._is_dry or not writes:
            self.outcomes.update(write.outcome for write in writes)
            return []
        # The bookmarks go back before events are written: after a failure in between, totals are counted once more,
        # while in the other order the new events might never be counted.
        self._before_write(min(write.stamp for write in writes))
        conflicting = self._write(writes)
        return [entry for entry in located if entry[:2] in conflicting]

    def _locate(self, document: Document) -> _Located | None:
        """Return a document with its index, which is created if it is missing.

        None if it belongs to no index, or if a request that contains it fails for all of its documents.
        """
        document_id, source = document
        try:
            _check_sendable(document_id, source)
            index = self._target.index_of(source)
        except (ValueError, RecursionError):
            return None
        return index, document_id, source if self._is_dry else self._target.ensure(index, source)

    def _compare(self, located: list[_Located]) -> list[_Write]:
        """Return the necessary writes, and count the documents that need none."""
        refs = [{"_index": index, "_id": document_id} for index, document_id, _ in located]
        answers = self._client.mget(body={"docs": refs})["docs"]
        writes = []
        for (index, document_id, source), stored in zip(located, answers, strict=True):
            if not _is_found(stored):
                writes.append(_write_over(None, index, document_id, source))
            elif stored["_source"] == source:
                self.outcomes["same"] += 1
            elif stamp(source) > stamp(stored["_source"]):
                replacing = self._target.replace(stored["_source"], source)
                writes.append(_write_over(Version.of(stored), index, document_id, replacing))
            else:
                self.outcomes["kept"] += 1
        return writes

    def _write(self, writes: list[_Write]) -> set[tuple[str, str]]:
        """Write, count the outcomes, and return index and id of the documents that another program has changed."""
        actions = [write.action for write in writes]
        _, errors = search.helpers.bulk(
            self._client,
            actions,
            raise_on_error=False,
            max_retries=5,
            chunk_size=DOCUMENTS_PER_PAGE,
            request_timeout=_REQUEST_SECONDS,
        )
        failed = {}
        for error in errors:
            item = next(iter(error.values()))
            failed[item["_id"]] = item
            if classify_item(item) not in (CONFLICT, FINAL_FOR_DOCUMENT):
                raise ArchiveError(
                    f"The search engine answered {item['status']} ({error_type(item)}) for {item['_index']}. "
                    "Import again later: documents that are imported already stay."
                )
        conflicting = set()
        for write in writes:
            target = write.action["_index"], write.action["_id"]
            failure = classify_item(failed[target[1]]) if target[1] in failed else None
            if failure is CONFLICT:
                conflicting.add(target)
            else:
                self.outcomes[write.outcome if failure is None else "refused"] += 1
        return conflicting


def _write_over(version: Version | None, index: str, document_id: str, source: Source) -> _Write:
    target = {"_op_type": choose_operation(version), "_index": index, "_id": document_id, **build_guard(version)}
    return _Write("replaced" if version else "created", {**target, "_source": source}, stamp(source))


def _check_sendable(document_id: str, source: Source) -> None:
    """Raise ValueError or RecursionError for an id or a document that cannot be part of a request."""
    # An unpaired surrogate has no UTF-8, and NaN is no number of JSON.
    json.dumps(source, ensure_ascii=False, allow_nan=False).encode()
    if not 0 < len(document_id.encode()) <= _MAX_ID_BYTES:
        raise ValueError("The id is empty or too long.")


def stamp(source: Mapping[str, Any]) -> datetime:
    """Return when a document was last written, by its fields; the earliest moment if they do not tell."""
    for name in _STAMP_FIELDS:
        try:
            return parse(source[name])
        except (KeyError, ValueError):
            continue
    return _NO_STAMP


def _is_found(answer: Mapping[str, Any]) -> bool:
    """Return True if a document is stored; ArchiveError if the engine could not read the index."""
    if "error" in answer and not is_index_missing(answer):
        raise ArchiveError(f"The search engine cannot read {answer['_index']}: {error_type(answer)}.")
    return bool(answer.get("found"))
