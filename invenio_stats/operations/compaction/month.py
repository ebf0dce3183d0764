"""Compact the daily indices of a closed month into one index that keeps their names as aliases.

Searches use the new index only after it has replaced the daily indices in a single request, and the daily indices
reject writes from the first copied document on, so that workers retry later. Searches therefore find every event once
at any time, and a run that was interrupted at any point can be repeated.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from invenio_search.engine import search

from invenio_stats.operations.compaction.document_copier import DocumentCopier, OnCopied
from invenio_stats.operations.compaction.plans import Plan
from invenio_stats.operations.compaction.target_index import TargetIndex, show
from invenio_stats.processing import month_indices

logger = logging.getLogger(__name__)


class Compacted(NamedTuple):
    """The result of the compaction of a month."""

    index: str | None
    """The new index; None if there were no daily indices."""
    replaced: int
    """Number of indices that it has replaced."""
    documents: int
    doubled: int
    """Number of documents that were in two indices and so counted twice."""
    checksum: str | None


def compact(
    client: Any, plan: Plan, clock: Callable[[], datetime], on_copied: OnCopied = lambda documents: None
) -> Compacted:
    """Compact a month, after undoing what an interrupted run has left.

    After a CompactionError or an error of the client the daily indices are unchanged. `on_copied` counts each document
    twice: when it is copied and when it is compared.
    """
    for index, lease in plan.unfinished.items():
        month_indices.abandon(client, plan.alias, index, lease, clock())
    result = _compact(client, plan, clock, on_copied) if plan.days else Compacted(None, 0, 0, 0, None)
    for index in {*plan.hidden, result.index} - {None, *(plan.sources)}:
        show(client, str(index))
    return result


def _compact(client: Any, plan: Plan, clock: Callable[[], datetime], on_copied: OnCopied) -> Compacted:
    target_index = TargetIndex(client, plan, clock)
    copier = DocumentCopier(client, target_index, on_copied)
    try:
        # The target is created first: its lease keeps other runs away. Writes stop before the copy, since a document
        # written to a day during the copy might be missed.
        target_index.create()
        target_index.stop_writes()
        copier.copy(plan.sources)
        digest = copier.compare()
        doubled = copier.stamp_doubled(clock())
    except BaseException:
        with suppress(Exception):
            target_index.abandon()
        raise
    try:
        target_index.replace_sources()
    except search.exceptions.RequestError:  # the engine has done nothing, as while it makes a snapshot of the days
        with suppress(Exception):
            target_index.abandon()
        raise
    # No undo if this fails in another way: the request may have succeeded although its answer was lost.
    facts = {"index": target_index.target, "replaced": len(plan.sources), "documents": digest.documents + doubled}
    logger.info("A month was compacted", extra=facts)
    return Compacted(target_index.target, len(plan.sources), digest.documents + doubled, doubled, digest.checksum)
