"""Change documents by compare-and-set: a document is written only over the version that was read."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from invenio_search.engine import search

from invenio_stats.search.failures import FailureClass, classify_item
from invenio_stats.search.multi_get import Found, read_one

P = TypeVar("P")

Source = Mapping[str, Any]
"""The fields of a document."""


class Version(NamedTuple):
    """The version of a document: its sequence number, and the term of the primary shard that assigned it."""

    seq_no: int
    primary_term: int

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Version":
        """Return the version from the engine's response to a read or write."""
        return cls(answer["_seq_no"], answer["_primary_term"])


def written_version(item: Mapping[str, Any]) -> Version | FailureClass:
    """Return the version that one operation of a bulk has written, or the class of its failure."""
    return classify_item(item) or Version.of(item)


def version_of(found: Found) -> Version | None:
    """Return the version of a document that was read; None if it does not exist."""
    return Version.of(found) if found.get("found") else None


def choose_operation(version: Version | None) -> Literal["create", "index"]:
    """Return the operation that overwrites a version, or creates the document if there was none."""
    return "create" if version is None else "index"


def build_guard(version: Version | None) -> dict[str, int]:
    """Return the parameters with which the engine refuses to overwrite any other version (409).

    They are empty without a version, because then the operation `create` fails if the document exists.
    """
    return {} if version is None else {"if_seq_no": version[0], "if_primary_term": version[1]}


def retry_conflicts(pending: P, step: Callable[[P], P], attempts: int, longest_pause: float = 0.0) -> P:
    """Call `step` with what is pending, and again with what it returns: what other writers changed meanwhile.

    Returns what is still pending after the last attempt; empty if everything is done. Before each further attempt it
    pauses for a random time of up to `longest_pause` seconds, so that the same writers do not conflict again.
    """
    for attempt in range(attempts):
        if not pending:
            break
        if attempt and longest_pause:
            time.sleep(random.uniform(0, longest_pause))
        pending = step(pending)
    return pending


class SharedDocument:
    """A document that several processes change concurrently; none overwrites a version that it has not read."""

    source: Source
    """The fields of the document when it was last read or written; empty if it does not exist."""

    def __init__(
        self,
        client: Any,
        index: str,
        document_id: str,
        create_index: Callable[[], object],
        found: Found | None = None,
    ):
        """Read the document, unless the caller has just read it and passes it as `found`.

        `create_index` is called before the first write if the index does not exist.
        """
        self._client = client
        self._index = index
        self._id = document_id
        self._create_index = create_index
        self._take(self._get() if found is None else found)

    def change(self, make: Callable[[Source], Source | None], attempts: int, longest_pause: float = 0.0) -> bool:
        """Replace the fields of the document by what `make` returns; False if every attempt had a conflict.

        `make` gets the current fields, again after each conflict. It returns None to leave the document unchanged.
        """

        def step(is_conflict: bool) -> bool:
            if self._is_outdated:
                self._take(self._get())
            source = make(self.source)
            return source is not None and not self._write(source)

        return not retry_conflicts(True, step, attempts, longest_pause)

    def delete(self) -> bool:
        """Delete the version that was read; return False if another process has changed or deleted the document."""
        try:
            self._client.delete(index=self._index, id=self._id, **build_guard(self._version))
        except (search.exceptions.ConflictError, search.exceptions.NotFoundError):
            return False
        return True

    def _get(self) -> Found:
        found: Found = read_one(self._client, self._index, self._id)
        return found

    def _take(self, found: Found) -> None:
        self._version = version_of(found)
        self.source = {} if self._version is None else found["_source"]
        self._has_index = "error" not in found
        self._is_outdated = False

    def _write(self, source: Source) -> bool:
        """Overwrite the version that was read; return False if another process has changed the document."""
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
