"""Raise and read the revision, under which answers are cached: it rises with totals, bookmarks and gaps."""

import logging
from typing import Any, NamedTuple
from uuid import uuid4

from invenio_search.engine import search

from invenio_stats.completeness.index import document_ref, ensure_index
from invenio_stats.search.multi_get import Found
from invenio_stats.search.versions import version_of

logger = logging.getLogger(__name__)

_ID = "revision:"


class Revision(NamedTuple):
    """The version of the document that each change writes: a later one is greater, and no two are equal.

    The engine gives each write a greater sequence number, also to two at the same time, so that none is lost.
    """

    primary_term: int
    seq_no: int
    token: str
    """A random text. An index that was deleted and made again counts from the beginning."""

    def __str__(self) -> str:
        """Return the revision for keys of caches and for ETags."""
        return "-".join(map(str, self))


NO_REVISION = Revision(0, -1, "")
"""Before the first change."""


def revision_ref() -> dict[str, str]:
    """Return index and id of the document whose version is the revision."""
    return document_ref(_ID)


def revision_of(found: Found) -> Revision:
    """Return the revision from the document that was read at `revision_ref`."""
    version = version_of(found)
    return NO_REVISION if version is None else Revision(version.primary_term, version.seq_no, found["_source"]["token"])


def raise_revision(client: Any, changed: str | None = None, has_index: bool = False) -> None:
    """Raise the revision after a change; `changed` is the alias of totals that were written.

    These can be found by searches before it rises: an answer without them must not be cached under the new revision.
    An error of the engine is logged only, since the work is done. Until the next change, at the latest that of the
    next run, caches then keep their answers; so they do if a process is killed before it calls this.
    """
    ref = revision_ref()
    try:
        if changed is not None:
            client.indices.refresh(index=changed, ignore_unavailable=True)
        if not has_index:  # otherwise the engine would create it with mappings of its own
            ensure_index(client)
        client.index(index=ref["_index"], id=ref["_id"], body={"token": uuid4().hex})
    except search.exceptions.TransportError as error:
        logger.warning("The revision could not be raised", extra={"error": type(error).__name__})
