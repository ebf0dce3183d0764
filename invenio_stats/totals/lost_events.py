"""Leave totals alone whose raw events were deleted: a recount of those that are left would make them smaller."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from invenio_stats.totals.model import CountedTotal
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.writing import BULK_SIZE

logger = logging.getLogger(__name__)


def without_lost(recount: Recount, counted: Iterable[CountedTotal], aggregation: str) -> Iterator[CountedTotal]:
    """Yield the counted totals, given with their stored ones, but for those that have lost raw events."""
    remaining = iter(counted)
    while chunk := list(islice(remaining, BULK_SIZE)):
        are_lost = find_lost(recount, chunk)
        if any(are_lost):
            facts = {"aggregation": aggregation, "totals": sum(are_lost)}
            logger.warning("Totals whose raw events were deleted are left as they are", extra=facts)
        yield from (counted_total for counted_total, is_lost in zip(chunk, are_lost, strict=True) if not is_lost)


def find_lost(recount: Recount, counted: Sequence[CountedTotal]) -> list[bool]:
    """Return for each counted total, given with its stored one, whether it has lost raw events.

    An event that no longer counts keeps its document. So a stored total that counts more events than there are
    documents, counting or not, has lost some: a day in the middle was deleted, which the first complete day does not
    show. The engine is asked only if a total would become smaller, which is rare. The totals must be given in the
    order of their intervals.
    """
    stored = [recount.read_count(total.stored or {}) for total in counted]
    smaller = [total.count < count for total, count in zip(counted, stored, strict=True)]
    keys = list(
        dict.fromkeys(total.total_key for total, is_smaller in zip(counted, smaller, strict=True) if is_smaller)
    )
    documents = recount.count_documents(keys) if keys else {}
    return [
        is_smaller and documents.get(total.total_key, 0) < count
        for total, is_smaller, count in zip(counted, smaller, stored, strict=True)
    ]
