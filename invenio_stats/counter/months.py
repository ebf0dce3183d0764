"""Read the months that were closed."""

from datetime import date
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core import names
from invenio_stats.core.counter_months import Month, first_month_kept, months_between
from invenio_stats.search.multi_get import read


def month_ref(month: str) -> dict[str, str]:
    """Return index and id of the document of a month."""
    return {"_index": prefix_index(names.COUNTER_MONTHS), "_id": month}


def fetch_months(client: Any, today: date) -> dict[str, Month]:
    """Return the closed months that reports are offered of, by name and in order; one request."""
    refs = [month_ref(month) for month in months_between(first_month_kept(today), f"{today:%Y-%m}")]
    months = (Month.from_source(found["_source"]) for found in read(client, refs) if found.get("found"))
    return {month.month: month for month in months}


def usage_index(month: Month) -> str:
    """Return the index with the usage of a month's newest revision.

    A restatement leaves the revision before it in place until the next one, so a reader that has read the month
    finishes with the numbers that it began with.
    """
    return prefix_index(names.counter_usage_index(month.month, month.revision))
