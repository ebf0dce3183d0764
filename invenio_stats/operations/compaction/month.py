"""Compact: the days of a closed month become one index, and stay names of it.

Nothing is read from the new index before it takes the days' place in a single request, and nothing is written to the
days from the first copied document on: whoever tries is told to come back later. So a search finds every event once
at any moment, and a run that ends anywhere can be started again.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from invenio_stats.operations.compaction.document_copier import DocumentCopier, OnCopied
from invenio_stats.operations.compaction.plans import Plan
from invenio_stats.operations.compaction.target_index import Making, show
from invenio_stats.processing import month_indices

logger = logging.getLogger(__name__)


class Compacted(NamedTuple):
    """What became of a month."""

    index: str | None
    """The index that was made; None where there were no days to make one of."""
    replaced: int
    """Indices that it has taken the place of."""
    documents: int
    doubled: int
    """Documents that were in two indices, and counted twice."""
    checksum: str | None


def compact(
    client: Any, plan: Plan, clock: Callable[[], datetime], on_copied: OnCopied = lambda documents: None
) -> Compacted:
    """Make one index of a month; what another run has left behind is undone before.

    CompactionError and errors of the client leave the days as they were. `on_copied` is told of each document twice:
    when it is copied, and when it is compared.
    """
    for index, mark in plan.unfinished.items():
        month_indices.give_up(client, plan.alias, index, mark, clock())
    done = _make(client, plan, clock, on_copied) if plan.days else Compacted(None, 0, 0, 0, None)
    for index in {*plan.hidden, done.index} - {None, *(plan.sources)}:
        show(client, str(index))
    return done


def _make(client: Any, plan: Plan, clock: Callable[[], datetime], on_copied: OnCopied) -> Compacted:
    making = Making(client, plan, clock)
    copier = DocumentCopier(client, making, on_copied)
    try:
        making.create()
        making.stop_writes()
        copier.copy(plan.sources)
        digest = copier.compare()
        doubled = copier.stamp_doubled(clock())
    except BaseException:
        with suppress(Exception):
            making.give_up()
        raise
    # Not undone when it fails: an answer that got lost does not say that nothing was done.
    making.take_place()
    facts = {"index": making.target, "replaced": len(plan.sources), "documents": digest.documents + doubled}
    logger.info("A month was made one index", extra=facts)
    return Compacted(making.target, len(plan.sources), digest.documents + doubled, doubled, digest.checksum)
