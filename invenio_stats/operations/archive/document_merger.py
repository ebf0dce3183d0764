"""Compare the documents of a file with the stored ones, and write those that are new or newer."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from invenio_search.engine import search

from invenio_stats.core.moments import UTC, parse
from invenio_stats.errors import ArchiveError
from invenio_stats.operations.archive.files import Document
from invenio_stats.operations.archive.targets import Source, Target

DOCUMENTS_PER_PAGE = 500

_MAX_ATTEMPTS = 5
_REQUEST_SECONDS = 120
_STAMP_FIELDS = ("updated_timestamp", "last_seen", "timestamp", "date")
_NO_STAMP = datetime.min.replace(tzinfo=UTC)

_INDEX_MISSING = "index_not_found_exception"

Outcome = Literal["created", "replaced", "same", "kept", "refused"]
"""Outcome for a document: "kept" if the stored one is not older, "refused" if the engine can never store it."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


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
        for _ in range(_MAX_ATTEMPTS):
            writes = self._compare(located)
            if self._is_dry or not writes:
                self.outcomes.update(write.outcome for write in writes)
                return
            # The bookmarks go back before events are written: after a failure in between, totals are counted once more,
            # while in the other order the new events might never be counted.
            self._before_write(min(write.stamp for write in writes))
            conflicting = self._write(writes)
            located = [entry for entry in located if entry[:2] in conflicting]
            if not located:
                return
        raise ArchiveError(f"{located[0][0]} is being written to by other programs. Stop them, and import again.")

    def _locate(self, document: Document) -> tuple[str, str, Source] | None:
        """Return a document with its index, which is created if it is missing; None if it belongs to no index."""
        document_id, source = document
        try:
            index = self._target.index_of(source)
        except ValueError:
            return None
        return index, document_id, source if self._is_dry else self._target.ensure(index, source)

    def _compare(self, located: list[tuple[str, str, Source]]) -> list[_Write]:
        """Return the necessary writes, and count the documents that need none."""
        if not located:
            return []
        refs = [{"_index": index, "_id": document_id} for index, document_id, _ in located]
        answers = self._client.mget(body={"docs": refs})["docs"]
        writes = []
        for (index, document_id, source), stored in zip(located, answers, strict=True):
            action = {"_index": index, "_id": document_id, "_source": source}
            if not _is_found(stored):
                writes.append(_Write("created", {"_op_type": "create", **action}, stamp(source)))
            elif stored["_source"] == source:
                self.outcomes["same"] += 1
            elif stamp(source) > stamp(stored["_source"]):
                version = {"if_seq_no": stored["_seq_no"], "if_primary_term": stored["_primary_term"]}
                writes.append(_Write("replaced", {"_op_type": "index", **action, **version}, stamp(source)))
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
            if item["status"] not in (400, 409):
                raise ArchiveError(
                    f"The search engine answered {item['status']} ({item['error']['type']}) for {item['_index']}. "
                    "Import again later: documents that are imported already stay."
                )
        conflicting = set()
        for write in writes:
            target = write.action["_index"], write.action["_id"]
            status = failed.get(target[1], {}).get("status")
            if status == 409:
                conflicting.add(target)
            else:
                self.outcomes["refused" if status else write.outcome] += 1
        return conflicting


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
    if "error" in answer and answer["error"].get("type") != _INDEX_MISSING:
        raise ArchiveError(f"The search engine cannot read {answer['_index']}: {answer['error'].get('type')}.")
    return bool(answer.get("found"))
