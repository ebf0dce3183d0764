"""Copy the documents of several indices into one, each once, and verify that all of them were copied."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from invenio_stats.core.mappings import WAS_DOUBLED
from invenio_stats.core.moments import iso_zoned
from invenio_stats.errors import CompactionError
from invenio_stats.operations.compaction.fingerprints import Digest, Fingerprint
from invenio_stats.operations.compaction.target_index import Document, TargetIndex
from invenio_stats.search.scan import pages, scan

OnCopied = Callable[[int], None]
"""Called with the number of documents that were just copied or compared."""


class DocumentCopier:
    """Copies the source indices of a plan into the target index."""

    def __init__(self, client: Any, target_index: TargetIndex, on_copied: OnCopied):
        """Read the sources with a client; all writes go through `target_index`."""
        self._client = client
        self._target = target_index
        self._on_copied = on_copied
        self._fingerprint = Fingerprint()
        self._twice: set[str] = set()
        """Ids of documents that are in two source indices and so counted twice until now."""

    def copy(self, sources: Iterable[str]) -> None:
        """Copy the documents of all sources; CompactionError if not all of them could be read."""
        for index in sources:
            read = 0
            for page in pages(scan(self._client, index)):
                self._copy_page(dict(page))
                read += len(page)
                self._on_copied(len(page))
            expected = self._client.count(index=index)["count"]
            if read != expected:
                raise CompactionError(
                    f"Only {read} of {expected} documents of {index} were read. Run the command again."
                )

    def compare(self) -> Digest:
        """Compare the stored documents with the copied ones; return their digest, CompactionError if they differ."""
        self._client.indices.refresh(index=self._target.target)
        stored, twice = Fingerprint(), 0
        for page in pages(scan(self._client, self._target.lease)):
            self._target.keep_alive()
            self._on_copied(len(page))
            for document_id, source in page:
                if document_id in self._twice:
                    twice += 1
                else:
                    stored.add(document_id, source)
        if stored.digest() != self._fingerprint.digest() or twice != len(self._twice):
            raise CompactionError(
                f"The copy in {self._target.target} differs: {stored.digest()} instead of {self._fingerprint.digest()}."
                " The days are unchanged. Run the command again."
            )
        return stored.digest()

    def stamp_doubled(self, now: datetime) -> int:
        """Stamp and mark documents that counted twice, so that aggregations recount them; return their number.

        By the mark an aggregation knows that a smaller count is right, and no event was deleted.
        """
        for ids in pages(sorted(self._twice)):
            documents = zip(ids, self._target.read(ids), strict=True)
            stamp = {"updated_timestamp": iso_zoned(now), WAS_DOUBLED: True}
            self._target.write("index", [(document_id, {**source, **stamp}) for document_id, source in documents])
        if self._twice:
            self._client.indices.refresh(index=self._target.target)
        return len(self._twice)

    def _copy_page(self, documents: Mapping[str, Document]) -> None:
        # A document that is in the target already comes from another source: the newer of the two is kept, and neither
        # stays in the fingerprint, since `compare` only counts such documents.
        existing = self._target.write("create", documents.items())
        newer = {}
        for document_id, stored in zip(existing, self._target.read(existing) if existing else (), strict=True):
            if document_id not in self._twice:
                self._fingerprint.remove(document_id, stored)
            if _stamp(documents[document_id]) > _stamp(stored):
                newer[document_id] = documents[document_id]
        self._twice.update(existing)
        if newer:
            self._target.write("index", newer.items())
        for document_id in documents.keys() - self._twice:
            self._fingerprint.add(document_id, documents[document_id])


def _stamp(document: Document) -> tuple[str, str]:
    return str(document.get("updated_timestamp", "")), str(document.get("timestamp", ""))
