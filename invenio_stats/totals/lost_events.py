"""Leave totals alone whose raw events were deleted: a recount of those that are left would make them smaller."""

import logging
from collections.abc import Iterable, Iterator
from itertools import islice

from invenio_stats.totals.model import CountedTotal
from invenio_stats.totals.recount import Recount
from invenio_stats.totals.writing import BULK_SIZE

logger = logging.getLogger(__name__)


def without_lost(recount: Recount, counted: Iterable[CountedTotal], aggregation: str) -> Iterator[CountedTotal]:
    """Yield the counted totals, given with their stored ones, but for those that have lost raw events.

    An event that no longer counts keeps its document. So a stored total that counts more events than there are
    documents, counting or not, has lost some: a day in the middle was deleted, which the first complete day does not
    show. The engine is asked only if a total would become smaller, which is rare.
    """
    remaining = iter(counted)
    while chunk := list(islice(remaining, BULK_SIZE)):
        stored = {total.total_key: recount.read_count(total.stored or {}) for total in chunk}
        smaller = [counted_total for counted_total in chunk if counted_total.count < stored[counted_total.total_key]]
        documents = recount.count_documents([counted_total.total_key for counted_total in smaller]) if smaller else {}
        lost = {
            counted_total.total_key
            for counted_total in smaller
            if documents.get(counted_total.total_key, 0) < stored[counted_total.total_key]
        }
        if lost:
            facts = {"aggregation": aggregation, "totals": len(lost)}
            logger.warning("Totals whose raw events were deleted are left as they are", extra=facts)
        yield from (counted_total for counted_total in chunk if counted_total.total_key not in lost)
