"""Delete the months that are no longer offered."""

import re
from datetime import date
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.counter_months import first_month_kept
from invenio_stats.counter.closing.usage_indices import Revision, list_revisions
from invenio_stats.counter.months import month_ref
from invenio_stats.search.scan import scan


class Prunable(NamedTuple):
    """What can be deleted of a month."""

    month: str
    revisions: list[Revision]
    is_listed: bool
    """True if there is a document of the month."""


def find_prunable(client: Any, today: date) -> list[Prunable]:
    """Return the months before those that are offered, oldest first."""
    first = first_month_kept(today)
    revisions = [revision for revision in list_revisions(client) if revision.month < first]
    listed = {month for month in _listed_months(client) if month < first}
    return [
        Prunable(month, [revision for revision in revisions if revision.month == month], month in listed)
        for month in sorted(listed | {revision.month for revision in revisions})
    ]


def prune(client: Any, month: Prunable) -> None:
    """Delete the usage of a month, and then its document, so that a second call finishes what a first one began."""
    for revision in month.revisions:
        client.indices.delete(index=revision.index, ignore=[404])
    if month.is_listed:
        ref = month_ref(month.month)
        client.delete(index=ref["_index"], id=ref["_id"], refresh=True, ignore=[404])


def _listed_months(client: Any) -> list[str]:
    index = prefix_index(names.COUNTER_MONTHS)
    try:
        client.indices.refresh(index=index)
    except search.exceptions.NotFoundError:
        return []
    return [month for month, _ in scan(client, index) if re.fullmatch(r"\d{4}-\d{2}", month)]
