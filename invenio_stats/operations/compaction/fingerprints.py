"""Compute fingerprints that are equal for equal collections of documents, in whatever order they are read."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

_DIGEST_BYTES = 16


class Digest(NamedTuple):
    """Number of documents and the sum of their hashes."""

    documents: int
    checksum: str


class Fingerprint:
    """The fingerprint of a collection to which documents are added and from which they are removed."""

    def __init__(self) -> None:
        self._documents = 0
        self._sum = 0

    def add(self, document_id: str, source: Mapping[str, Any]) -> None:
        """Add a document."""
        self._documents += 1
        self._sum += _number(document_id, source)

    def remove(self, document_id: str, source: Mapping[str, Any]) -> None:
        """Remove a document that was added."""
        self._documents -= 1
        self._sum -= _number(document_id, source)

    def digest(self) -> Digest:
        """Return the digest, which is compared with others."""
        return Digest(self._documents, f"{self._sum % (1 << 8 * _DIGEST_BYTES):032x}")


def _number(document_id: str, source: Mapping[str, Any]) -> int:
    text = json.dumps([document_id, source], sort_keys=True, separators=(",", ":"))
    return int.from_bytes(blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest(), "big")
