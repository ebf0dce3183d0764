"""Compare-and-set: a document is written over the version that was read, or not at all."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from invenio_search.engine import search

from invenio_stats.search.failures import FailureClass, classify_item
from invenio_stats.search.multi_get import Found

P = TypeVar("P")

Source = Mapping[str, Any]
"""What a document holds."""


class Version(NamedTuple):
    """Which state of a document it is: the engine counts its changes, and the changes of primary shards."""

    seq_no: int
    primary_term: int

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Version":
        """Return the version in what the engine says of a document that it has found or written."""
        return cls(answer["_seq_no"], answer["_primary_term"])


def written_version(item: Mapping[str, Any]) -> Version | FailureClass:
    """Return the version that one write of a bulk has made, or what kept it from being made."""
    return classify_item(item) or Version.of(item)


def version_of(found: Found) -> Version | None:
    """Return the version of a document that was read; None if it is not there."""
    return Version.of(found) if found.get("found") else None


def choose_operation(version: Version | None) -> Literal["create", "index"]:
    """Return the operation that writes over a version, or makes the document if there was none."""
    return "create" if version is None else "index"


def build_guard(version: Version | None) -> dict[str, int]:
    """Return the parameters with which the engine refuses to write over any other version (409).

    Without a version it is the operation `create` that refuses.
    """
    return {} if version is None else {"if_seq_no": version[0], "if_primary_term": version[1]}


def retry_conflicts(pending: P, step: Callable[[P], P], attempts: int, longest_pause: float = 0.0) -> P:
    """Do a step for what is pending, and again for what it returns: what others have changed meanwhile.

    Returns what is still pending after the last attempt; that is empty when all is done. Before each further attempt
    it pauses for up to `longest_pause` seconds, by chance, so that those who meet do not meet again at once.
    """
    for attempt in range(attempts):
        if not pending:
            break
        if attempt and longest_pause:
            time.sleep(random.uniform(0, longest_pause))
        pending = step(pending)
    return pending


class SharedDocument:
    """One document that several programs change at the same time; none writes over what it has not read."""

    source: Source
    """What the document held when it was read or written last; empty if it is not there."""

    def __init__(
        self,
        client: Any,
        index: str,
        document_id: str,
        create_index: Callable[[], object],
        found: Found | None = None,
    ):
        """Name the document. It is read now, unless it is given as it was `found` a moment ago.

        `create_index` is called before the first write if the index is missing.
        """
        self._client = client
        self._index = index
        self._id = document_id
        self._create_index = create_index
        self._take(self._get() if found is None else found)

    def change(self, make: Callable[[Source], Source | None], attempts: int, longest_pause: float = 0.0) -> bool:
        """Put what `make` returns in the place of what the document holds; False if others were faster each time.

        `make` is called again after each conflict, with what is there then. None leaves the document as it is.
        """

        def step(is_conflict: bool) -> bool:
            if self._is_outdated:
                self._take(self._get())
            source = make(self.source)
            return source is not None and not self._write(source)

        return not retry_conflicts(True, step, attempts, longest_pause)

    def _get(self) -> Found:
        found: Found = self._client.get(index=self._index, id=self._id, ignore=[404])
        return found

    def _take(self, found: Found) -> None:
        self._version = version_of(found)
        self.source = {} if self._version is None else found["_source"]
        self._has_index = "error" not in found
        self._is_outdated = False

    def _write(self, source: Source) -> bool:
        """Write over the version that was read; say whether nobody else was faster."""
        if not self._has_index:
            self._create_index()
            self._has_index = True
        options: dict[str, Any] = build_guard(self._version) or {"op_type": "create"}
        try:
            answer = self._client.index(index=self._index, id=self._id, body=source, **options)
        except search.exceptions.ConflictError:
            self._is_outdated = True
            return False
        self.source, self._version = source, Version.of(answer)
        return True
