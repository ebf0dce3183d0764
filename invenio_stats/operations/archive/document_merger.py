"""Merging: documents of a file beside those that are stored, and writing what is new or newer."""

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

PAGE = 500

_ATTEMPTS = 5
_STAMPS = ("updated_timestamp", "last_seen", "timestamp", "date")
_OLDEST = datetime.min.replace(tzinfo=UTC)

Outcome = Literal["created", "replaced", "same", "kept", "refused"]
"""Of a document: "kept" when another one is stored that is not older, "refused" when the engine will never take it."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

_Placed = tuple[str, str, Source]
"""A document with its index and id."""


class _Write(NamedTuple):
    outcome: Outcome
    action: dict[str, Any]
    stamp: datetime


class DocumentMerger:
    """Merges the documents of one file, page by page."""

    def __init__(self, client: Any, target: Target, is_dry: bool, before_write: Callable[[datetime], None]):
        """Merge into a target; with `is_dry` only say what would be done.

        `before_write` is told of the oldest stamp among the documents that are going to be written.
        """
        self._client = client
        self._target = target
        self._is_dry = is_dry
        self._before_write = before_write
        self.outcomes: Counter[Outcome] = Counter()

    def merge(self, documents: list[Document]) -> None:
        """Merge one page."""
        placed = [one for one in map(self._placed, documents) if one is not None]
        self.outcomes["refused"] += len(documents) - len(placed)
        conflicting = retry_conflicts(placed, self._merge, _ATTEMPTS)
        if conflicting:
            raise ArchiveError(f"{conflicting[0][0]} is being written to by others. Stop them, and import again.")

    def _merge(self, placed: list[_Placed]) -> list[_Placed]:
        """Merge documents; return those that others have changed since they were compared."""
        writes = self._compare(placed)
        if self._is_dry or not writes:
            self.outcomes.update(write.outcome for write in writes)
            return []
        self._before_write(min(write.stamp for write in writes))
        conflicting = self._write(writes)
        return [one for one in placed if one[:2] in conflicting]

    def _placed(self, document: Document) -> _Placed | None:
        """Return a document with its index; None for one that has no place."""
        document_id, source = document
        try:
            index = self._target.index_of(source)
        except ValueError:
            return None
        return index, document_id, source if self._is_dry else self._target.ensure(index, source)

    def _compare(self, placed: list[_Placed]) -> list[_Write]:
        """Return what is to be written; what is stored as it should be is counted."""
        wanted = [{"_index": index, "_id": document_id} for index, document_id, _ in placed]
        found = self._client.mget(body={"docs": wanted})["docs"]
        writes = []
        for (index, document_id, source), stored in zip(placed, found, strict=True):
            if not _is_found(stored):
                writes.append(_write_over(None, index, document_id, source))
            elif stored["_source"] == source:
                self.outcomes["same"] += 1
            elif stamp(source) > stamp(stored["_source"]):
                writes.append(_write_over(Version.of(stored), index, document_id, source))
            else:
                self.outcomes["kept"] += 1
        return writes

    def _write(self, writes: list[_Write]) -> set[tuple[str, str]]:
        """Write; return the places where somebody else was faster."""
        actions = [write.action for write in writes]
        _, errors = search.helpers.bulk(
            self._client, actions, raise_on_error=False, max_retries=5, chunk_size=PAGE, request_timeout=120
        )
        failed = {}
        for error in errors:
            one = next(iter(error.values()))
            failed[one["_id"]] = one
            if classify_item(one) not in (CONFLICT, FINAL_FOR_DOCUMENT):
                raise ArchiveError(
                    f"The search engine answered {one['status']} ({error_type(one)}) for {one['_index']}. "
                    "Import again later: what is there is left alone."
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


def stamp(source: Mapping[str, Any]) -> datetime:
    """Return when a document was last written, as far as it says."""
    for name in _STAMPS:
        try:
            return parse(source[name])
        except (KeyError, ValueError):
            continue
    return _OLDEST


def _is_found(answer: Mapping[str, Any]) -> bool:
    """Say whether a document is there; ArchiveError where the engine cannot tell."""
    if "error" in answer and not is_index_missing(answer):
        raise ArchiveError(f"The search engine cannot read {answer['_index']}: {error_type(answer)}.")
    return bool(answer.get("found"))
