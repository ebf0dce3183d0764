"""Read the documents of the months that were closed, and change them."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import mappings, names
from invenio_stats.core.counter_months import STATES, Month, first_month_kept, months_between
from invenio_stats.search.indices import create_index
from invenio_stats.search.multi_get import Found, read
from invenio_stats.search.versions import SharedDocument

BODY: mappings.Body = {"settings": mappings.INDEX_SETTINGS, "mappings": {"dynamic": False, "properties": {}}}
"""Body of the index with one document for each month, which is read by its id only."""


def month_ref(month: str) -> dict[str, str]:
    """Return index and id of the document of a month."""
    return {"_index": prefix_index(names.COUNTER_MONTHS), "_id": month}


def month_in(found: Found) -> Month | None:
    """Return the month in a document that was read at `month_ref`; None if it was not closed yet."""
    source = found.get("_source", {})
    return Month.from_source(source) if source.get("state") in STATES else None


def read_months(client: Any, months: Sequence[str]) -> dict[str, Month]:
    """Return those of some months that were closed, by name and in the order given; one request."""
    found = map(month_in, read(client, map(month_ref, months))) if months else ()
    return {month.month: month for month in found if month is not None}


def fetch_months(client: Any, today: date) -> dict[str, Month]:
    """Return the closed months that reports are offered of, by name and in order; one request."""
    return read_months(client, months_between(first_month_kept(today), f"{today:%Y-%m}"))


def usage_index(month: Month) -> str:
    """Return the name, an alias, by which the usage of a month's newest revision is read.

    A restatement leaves the revision before it in place until the next one, so a reader that has read the month
    finishes with the numbers that it began with.
    """
    return prefix_index(names.counter_usage_index(month.month, month.revision))


def shared_month(client: Any, month: str, found: Found | None = None) -> SharedDocument:
    """Return the document of a month, for changes by compare-and-set; `found` is the document if it was just read.

    Whoever changes one field keeps all others, also those that it does not know: `work` is the lease of the process
    that closes or restates the month.
    """
    index = prefix_index(names.COUNTER_MONTHS)
    return SharedDocument(client, index, month, partial(create_index, client, index, BODY), found)
