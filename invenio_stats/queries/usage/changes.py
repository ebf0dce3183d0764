"""The records whose numbers have changed, for programs that copy the numbers elsewhere."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from invenio_search.utils import prefix_index

from invenio_stats.core.moments import iso
from invenio_stats.core.names import FORMER_ITEMS
from invenio_stats.queries.usage.sources import ITEM_USAGE
from invenio_stats.search import clauses
from invenio_stats.search.client import SearchRequest, search

OVERLAP = timedelta(minutes=10)
"""Totals that were written before the mark and could not be found yet, or by another clock, are found the next time."""


def find_changed_records(
    client: Any, since: datetime | None, now: datetime, page_size: int = 1_000
) -> tuple[Iterator[tuple[str, str]], datetime]:
    """Return the ids of items and their parents whose totals were written since a mark, and the next mark.

    None is everything. A pair may come again with the next mark, even if its numbers are the same. Numbers of all
    versions change for each version of a parent, of which only those used are returned.
    So are those that have lost a total, because its events count for another item or no longer. Totals that
    `invenio stats aggregations delete` has deleted are not found; start again with an older mark after that.
    """
    return _changed(client, since, page_size), now - OVERLAP


def _changed(client: Any, since: datetime | None, page_size: int) -> Iterator[tuple[str, str]]:
    query: clauses.Body = {"match_all": {}}
    if since is not None:
        query = {"range": {"updated_timestamp": {"gte": iso(since), "format": clauses.DATE_FORMAT}}}
    sources = [clauses.by_value("item_id", "item_id"), clauses.by_value("parent_id", "parent_id")]
    body: clauses.Body | None = clauses.composite(query, sources, page_size)
    indices = ",".join(map(prefix_index, (ITEM_USAGE, FORMER_ITEMS)))
    while body is not None:
        response = search(SearchRequest(client, indices, body))
        if not response.get("aggregations"):
            return
        for group in response["aggregations"][clauses.GROUPS]["buckets"]:
            yield group["key"]["item_id"], group["key"]["parent_id"]
        body = clauses.next_page(body, response)
