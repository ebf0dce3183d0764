"""Fingerprints: whether two collections of documents are the same, whatever the order they are read in."""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

_BYTES = 16


class Digest(NamedTuple):
    """How many documents, and the sum of their digests."""

    documents: int
    checksum: str


class Fingerprint:
    """Grows with each document and shrinks when one is taken out."""

    def __init__(self) -> None:
        self._documents = 0
        self._sum = 0

    def add(self, document_id: str, source: Mapping[str, Any]) -> None:
        """Count a document in."""
        self._documents += 1
        self._sum += _number(document_id, source)

    def remove(self, document_id: str, source: Mapping[str, Any]) -> None:
        """Take a document out that was counted in."""
        self._documents -= 1
        self._sum -= _number(document_id, source)

    def digest(self) -> Digest:
        """Return what can be compared."""
        return Digest(self._documents, f"{self._sum % (1 << 8 * _BYTES):032x}")


def _number(document_id: str, source: Mapping[str, Any]) -> int:
    text = json.dumps([document_id, source], sort_keys=True, separators=(",", ":"))
    return int.from_bytes(blake2b(text.encode(), digest_size=_BYTES).digest(), "big")
