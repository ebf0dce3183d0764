"""Delete the months that are no longer offered."""

import re
from datetime import date
from typing import Any, NamedTuple

from invenio_search.engine import search
from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.counter_months import first_month_kept
from invenio_stats.counter.closing.usage_indices import list_indices
from invenio_stats.counter.months import month_ref
from invenio_stats.search.scan import scan


class Prunable(NamedTuple):
    """What can be deleted of a month."""

    month: str
    indices: list[str]
    """Those with its usage."""
    is_listed: bool
    """True if there is a document of the month."""


def find_prunable(client: Any, today: date) -> list[Prunable]:
    """Return the months before those that are offered, oldest first."""
    first = first_month_kept(today)
    indices = [known for known in list_indices(client) if known.revision.month < first]
    listed = {month for month in _listed_months(client) if month < first}
    return [
        Prunable(month, [known.index for known in indices if known.revision.month == month], month in listed)
        for month in sorted(listed | {known.revision.month for known in indices})
    ]


def prune(client: Any, month: Prunable) -> None:
    """Delete the usage of a month, and then its document, so that a second call finishes what a first one began."""
    for index in month.indices:
        client.indices.delete(index=index, ignore=[404])
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
